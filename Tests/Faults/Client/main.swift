import Glibc
import RMQClient
import RMQCommon

// A client under the hand of a script: Tests/Faults/client_faults.py tells it what to do, a JSON object a line on standard input, and hears
// what becomes of each call, a JSON object a line on standard output. After the last line the client is closed; what is left of it is told.
//
//     {"do": "send", "topic": …, "bodies": …}       begins to send, in so many "tasks", with a "pause" in ms between two sends of a task, up to
//                                                   "count" in all, each within "timeout" ms, to "topics" topics of that name and a number;
//                                                   as a producer of "group", which "avoids" slow brokers
//     {"do": "stop"}, {"do": "cancel"}              ends all that sends, after the calls that are under way, or by cancelling them
//     {"do": "consume", "topic": …, "group": …}     begins to consume "topics" topics of that name and a number, "by" a handler for "each"
//                                                   message, by "ordered" handlers, by a "loop" over deliveries, or by a "poll" after the other
//     {"do": "close", "group": …, "grace": …}       closes a consumer, whose handlers have so many ms
//     {"do": "abandon", "group": …}                 cancels the task in which a consumer runs
//     {"do": "end"}                                 the last line but one, which the script sends when it has looked at this process
guard CommandLine.arguments.count == 2 else {
    print("usage: FaultClient <name servers>")
    exit(2)
}
let remains = try await followed(CommandLine.arguments[1])
report("end", ["kept": .array(await remains.remaining().map { .string($0) })])
_ = await nextLine()

/// In a function of its own, so that nothing here keeps what it made.
func followed(_ nameServers: String) async throws -> Remains {
    let session = try Session(nameServers: nameServers)
    while let line = await nextLine() {
        let order = try JSONValue(parsing: Array(line.utf8)).requireObject("an order")
        if try order.string("do").isExactly("end") { break }
        try await session.follow(order)
    }
    return await session.end()
}

/// The threads that run tasks are not for waiting.
func nextLine() async -> String? { await Task.detached { readLine() }.value }
