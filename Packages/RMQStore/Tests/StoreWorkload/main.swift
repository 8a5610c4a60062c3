import Glibc
import RMQCommon

// Works on a store until it is killed, or reads everything in one. For Tests/Faults/power_failure.py and corruption.py.
//
//     StoreWorkload run    <directory> <seed> sync|async      appends, restarts, deletes; says on standard output what is done
//     StoreWorkload verify <directory> sync|async             one line for each message that can be read, then appends some
//     StoreWorkload base   <directory> <seed> closed|killed   makes the store that the seed determines; says the same as `run`
//     StoreWorkload read   <directory>                        as verify, but appends nothing and reports what cannot be read
let words = Array(CommandLine.arguments.dropFirst())
do {
    switch ByteText(words.first ?? "") {
    case "run" where words.count == 4: try Workload(directory: words[1], seed: UInt64(words[2]) ?? 0, isSynchronous: words[3].isExactly("sync")).run()
    case "verify" where words.count == 3: try Verification(directory: words[1], isSynchronous: words[2].isExactly("sync")).run(appending: true)
    case "base" where words.count == 4:
        try BaseStore(directory: words[1], seed: UInt64(words[2]) ?? 0, end: words[3].isExactly("killed") ? .killed : .closed).make()
    case "read" where words.count == 2: try Verification(directory: words[1], isSynchronous: false).run(appending: false)
    default:
        say("usage: StoreWorkload run|verify|base|read <directory> …\n", to: 2)
        exit(2)
    }
} catch {
    say("\(error)\n", to: 2)
    exit(3)
}
