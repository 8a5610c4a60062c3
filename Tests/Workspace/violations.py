#!/usr/bin/env python3
"""Breaks each rule of Tools/check-workspace and Tools/check-documents in a copy of the workspace and expects that it is told, and so
for Tools/check-text.

The manifests are read once; those that are broken are changed as SwiftPM would read them. What breaks a rule about text is compiled.
"""
import concurrent.futures
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True


def tool(name):
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(ROOT / "Tools" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


check, documents, text = tool("check-workspace"), tool("check-documents"), tool("check-text")


class Copy:
    """The workspace's sources in a temporary folder, with its manifests as values."""

    def __init__(self, folder, manifests):
        self.root = folder
        text = json.dumps({str(path.relative_to(ROOT)): manifest for path, manifest in manifests.items()})
        moved = json.loads(text.replace(str(ROOT), str(folder)))
        self.manifests = {folder / path: manifest for path, manifest in moved.items()}

    def package(self, name):
        return self.manifests[self.root / "Packages" / name]

    def umbrella(self):
        return self.manifests[self.root]

    def target(self, name, manifest):
        return next(target for target in manifest["targets"] if target["name"] == name)

    def write(self, path, text):
        (self.root / path).unlink()   # it shares its content with the other copies
        (self.root / path).write_text(text)

    def prepend(self, path, line):
        self.write(path, line + "\n" + (self.root / path).read_text())

    def replace(self, path, old, new):
        text = (self.root / path).read_text()
        assert old in text, f"{path} has no {old!r}"
        self.write(path, text.replace(old, new))


def depend(copy, target, on, both=True):
    manifests = [copy.package("RMQ" + target.removeprefix("RMQ").split("Tests")[0])] + ([copy.umbrella()] if both else [])
    for manifest in manifests:
        copy.target(target, manifest)["dependencies"].append({"byName": [on, None]})


def new_folder(copy, path):
    (copy.root / path).mkdir(parents=True)


FILTER_TESTS = "Packages/RMQFilter/Tests/RMQFilterTests/TagSubscriptionTests.swift"
FILTER = "Packages/RMQFilter/Sources/RMQFilter/TagFilter.swift"
LOCKS = "Packages/RMQBroker/Sources/RMQBroker/Clients/QueueLocks.swift"
ENTRY = "Packages/RMQStore/Sources/RMQStore/ConsumeQueue/QueueEntry.swift"
# What is broken, how, and what must be told.
VIOLATIONS = [
    ("an import that is not declared", lambda c: c.prepend(FILTER, "import RMQRemoting"), "imports RMQRemoting, which RMQFilter does not"),
    ("the same behind attributes", lambda c: c.prepend(FILTER, "@_spi(X) @preconcurrency public import RMQStore"), "imports RMQStore"),
    ("the same behind another import", lambda c: c.prepend(FILTER, "import Glibc; import struct RMQStore.X"), "imports RMQStore"),
    ("a third-party module", lambda c: c.prepend(FILTER, "import NIOCore"), "imports NIOCore"),
    ("a test framework in a library", lambda c: c.prepend(FILTER, "import Testing"), "imports Testing, which belongs to tests"),
    ("a library with what tests share", lambda c: depend(c, "RMQBroker", "RMQTestSupport"), "RMQBroker: depends on RMQTestSupport"),
    ("a product with what tests share", lambda c: c.umbrella()["products"][0]["targets"].append("RMQTestSupport"), "offers RMQTestSupport"),
    ("a test that takes no turn", lambda c: c.replace(FILTER_TESTS, "@Suite(.takesTurns) ", "@Suite "), "a test outside of a suite"),
    ("a test that sleeps", lambda c: c.replace(FILTER_TESTS, "@Test", "func f() async throws { try await Task.sleep(for: .seconds(1)) }\n@Test"),
     "a sleep, or a wait"),
    ("a test with a time limit", lambda c: c.replace(FILTER_TESTS, "@Test", "@Test(.timeLimit(.minutes(1))) func f() {}\n    @Test"), "a time limit"),
    ("a test whose folder stays", lambda c: c.replace(FILTER_TESTS, "@Test", "let f = try? FileSystem.makeTemporaryDirectory()\n    @Test"),
     "a temporary folder that may stay"),
    ("a test that waits for ever", lambda c: c.replace(FILTER_TESTS, "@Test", "func f() { DispatchSemaphore(value: 0).wait() }\n@Test"),
     "a sleep, or a wait"),
    ("an app that imports what it does not declare", lambda c: c.prepend("Apps/mqadmin/main.swift", "import RMQStore"), "Apps/mqadmin/main.swift:1"),
    ("an example that imports more than an application", lambda c: c.prepend("Apps/examples/Sources/SendOne/main.swift", "import RMQRemoting"),
     "imports RMQRemoting; examples"),
    ("an example that nobody runs", lambda c: c.replace("Apps/examples/run", "OnewaySends", "TwoWaySends"), "says nothing of OnewaySends"),
    ("a reading of a clock", lambda c: c.prepend(FILTER, "let a = clock_gettime(CLOCK_REALTIME, &b)"), "uses clock_gettime; clocks"),
    ("the C library's time", lambda c: c.prepend(FILTER, "let a = time(nil)"), "uses time; clocks"),
    ("Foundation's time", lambda c: c.prepend(FILTER, "let a = Date()"), "uses Date; clocks"),
    ("another monotonic clock", lambda c: c.prepend(FILTER, "let a = ContinuousClock.now"), "uses ContinuousClock; clocks"),
    ("a deadline by the wall clock", lambda c: c.prepend(FILTER, "sem_timedwait(a, &b)"), "uses sem_timedwait; clocks"),
    ("a moment taken apart", lambda c: c.prepend(FILTER, "localtime_r(&a, &b)"), "uses localtime_r; clocks"),
    ("a C file that reads a clock", lambda c: c.prepend("Packages/RMQCommon/Sources/CRMQSystem/CRMQSystem.c", "long a(void) { return time(NULL); }"),
     "uses time; clocks"),
    ("an arrow to a later layer", lambda c: depend(c, "RMQStore", "RMQBroker"), "RMQStore: may not depend on RMQBroker"),
    ("a tool that makes requests itself", lambda c: c.prepend("Packages/RMQTools/Sources/RMQTools/Commands/TopicList.swift", "import RMQRemoting"),
     "imports RMQRemoting, which RMQTools does not"),
    ("a tool that may make them", lambda c: depend(c, "RMQTools", "RMQRemoting"), "RMQTools: may not depend on RMQRemoting"),
    ("a command that is not listed", lambda c: c.replace("Packages/RMQTools/Sources/RMQTools/Framework/AdminTool.swift", "TopicListCommand(), ", ""),
     "TopicListCommand is not in the list of commands"),
    ("a name for two types", lambda c: c.prepend(FILTER, "struct PushConsumer {}"), "a type PushConsumer, as in Packages/RMQClient"),
    ("a public type without a comment", lambda c: c.prepend(FILTER, "public struct A {}"), "`public struct A {}` has no `///`"),
    ("a member without one", lambda c: c.prepend(FILTER, "/// A.\npublic struct A {\n    public static var b: Int { 1 }\n}"), "b: Int { 1 }` has no"),
    ("a method without one", lambda c: c.prepend(FILTER, "extension Int {\n    @inlinable public mutating func b(_ c: Int) {}\n}"), "b(_ c: Int) {}` has no"),
    ("an operator without one", lambda c: c.prepend(FILTER, "extension Int {\n    public static func +++ (a: Int, b: Int) {}\n}"), "b: Int) {}` has no"),
    ("an initialiser without one", lambda c: c.prepend(FILTER, "extension Int {\n    public init(made how: Bool) { self = 0 }\n}"), "how: Bool) { self = 0 }` has no"),
    ("a requirement without one", lambda c: c.prepend(FILTER, "/// A.\npublic protocol A {\n    func b()\n}"), "`func b()` has no"),
    ("a case without one", lambda c: c.prepend(FILTER, "/// A.\npublic enum A {\n    /// B.\n    case b\n\n    case c\n}"), "`case c` has no"),
    ("a field whose meaning is gone", lambda c: c.replace("Packages/RMQRemoting/Documentation.docc/Fields.md", "| `isChanged` |", "| `gone` |"),
     "`public var isChanged = false` has no"),
    ("a list of names without one", lambda c: c.prepend(FILTER, "/// A.\npublic enum A {\n    public typealias B = Int\n}"), "B = Int` has no"),
    ("an arrow between siblings", lambda c: depend(c, "RMQStore", "RMQRemoting"), "RMQStore: may not depend on RMQRemoting"),
    ("a test's arrow to a later layer", lambda c: depend(c, "RMQCommonTests", "RMQStore"), "RMQCommonTests: may not depend on RMQStore"),
    ("an arrow to another package's tool", lambda c: depend(c, "RMQBroker", "RMQBench"), "RMQBroker: may not depend on RMQBench"),
    ("a dependency in one manifest only", lambda c: depend(c, "RMQTools", "CDeflate", both=False), "RMQTools: depends on"),
    ("other settings", lambda c: c.target("RMQStore", c.package("RMQStore"))["settings"].pop(), "RMQStore: other settings"),
    ("another folder", lambda c: c.target("RMQStore", c.umbrella()).update(path="Packages/RMQStore/Sources"), "RMQStore: another folder"),
    ("another kind of target", lambda c: c.target("RMQStore", c.umbrella()).update(type="executable"), "RMQStore: other type"),
    ("excluded files", lambda c: c.target("RMQStore", c.umbrella()).update(exclude=["Index"]), "RMQStore: other exclude"),
    ("another language mode", lambda c: c.package("RMQACL").update(swiftLanguageVersions=["5"]), "RMQACL/Package.swift: another language mode"),
    ("another tools version", lambda c: c.package("RMQACL").update(toolsVersion={"_version": "6.0.0"}), "another tools version"),
    ("a target that the umbrella lacks", lambda c: c.umbrella()["targets"].remove(c.target("RMQFilterTests", c.umbrella())),
     "RMQFilterTests: in Packages/RMQFilter/Package.swift, not in the umbrella"),
    ("a target that its package lacks", lambda c: c.package("RMQFilter")["targets"].remove(c.target("RMQFilterTests", c.package("RMQFilter"))),
     "RMQFilterTests: in the umbrella, not in"),
    ("a package from the network", lambda c: c.package("RMQACL")["dependencies"].append({"sourceControl": [{}]}), "not of this workspace"),
    ("a package from another folder", lambda c: c.package("RMQACL")["dependencies"].append({"fileSystem": [{"path": "/elsewhere/X"}]}),
     "not of this workspace"),
    ("an umbrella with dependencies", lambda c: c.umbrella()["dependencies"].append({"sourceControl": [{}]}), "Package.swift: depends on other"),
    ("a folder without a target", lambda c: new_folder(c, "Packages/RMQFilter/Sources/Forgotten"), "Sources/Forgotten: belongs to no target"),
    ("a package without a row", lambda c: new_folder(c, "Packages/RMQNew"), "Packages/RMQNew: has no row"),
    ("a row without a package", lambda c: c.replace("WORKSPACE.md", "| RMQTools |", "| RMQGone | Common | x | y |\n| RMQTools |"),
     "RMQGone has a row"),
    ("a path that is gone", lambda c: c.replace("WORKSPACE.md", "`Tests/Interop`", "`Tests/Gone`"), "names Tests/Gone, which is not there"),
    ("a type that is gone", lambda c: c.replace("Packages/RMQFilter/README.md", "`TagExpression`", "`GoneExpression`"), "names GoneExpression"),
    ("a step to a file that is gone", lambda c: c.replace("docs/following-a-message.md", "Send/SendRules.swift", "Send/Gone.swift"),
     "Send/Gone.swift is not there"),
    ("a step back", lambda c: c.replace("docs/following-a-message.md", "RMQBroker/Send/SendRules.swift", "RMQBroker/Send/SendRequest.swift"),
     "is opened twice"),
    ("a step that nothing leads to", lambda c: c.replace("docs/following-a-message.md", "`SendRules` | 8 |", "`SendRules` | 9 |"),
     "row 9 does not name SendRules"),
    ("a limit that changed", lambda c: c.replace(LOCKS, "limit = 100_000", "limit = 100_001"), "docs/limits.md: other bounds"),
    ("a limit without a reason", lambda c: c.replace(LOCKS, "/// Most locks", "// Most locks"), "QueueLocks.limit is a bound without a comment"),
    ("a behaviour without its test", lambda c: c.replace("Packages/RMQClient/Behaviour.md", "aDeliveryIsSettledOnce", "aDeliveryIsSettledTwice"),
     "names the test SettlingTests.aDeliveryIsSettledTwice"),
    ("a behaviour whose case is not run", lambda c: c.replace("Tests/Faults/client_faults.py", "only_broker_killed, ", ""),
     "names the test client_faults.py:only_broker_killed"),
    ("a drawing that changed", lambda c: c.replace(ENTRY, "| position |", "| place    |"), "docs/formats.md: a drawing is another"),
    ("a row that points down", lambda c: c.replace("WORKSPACE.md", "| RMQStore | Common |", "| RMQStore | Common, Broker |"),
     "RMQStore may import RMQBroker, which is no earlier row"),
]

# Code that goes by characters, and what must be told of its last line. Each becomes a file of one module.
BY_CHARACTERS = {
    "Equal": ("func f(_ a: String, _ b: String) -> Bool { a == b }", "compares Strings with =="),
    "Unequal": ("func f(_ a: String) -> Bool { a != \"K\" }", "compares Strings with =="),
    "Optional": ("func f(_ a: String?, _ b: String?) -> Bool { a == b }", "compares Strings with =="),
    "List": ("func f(_ a: [String]) -> Bool { a.contains(\"K\") }", "compares or hashes Strings"),
    "Switch": ("func f(_ a: String) -> Bool { switch a { case \"K\": true default: false } }", "compares Strings with =="),
    "Raw": ("enum Raw: String { case one, two, three, four }\nfunc f(_ a: String) -> Raw? { Raw(rawValue: a) }", "switches over a String"),
    "Key": ("func f(_ a: [String: Int], _ b: String) -> Int? { a[b] }", "compares or hashes Strings"),
    "Member": ("func f(_ a: inout Set<String>, _ b: String) { a.insert(b) }", "compares or hashes Strings"),
    "NilAndMore": ("func f(_ a: String?, _ b: String) -> Bool { a == nil || b == \"K\" }", "compares Strings with =="),
    "Order": ("func f(_ a: String, _ b: String) -> Bool { a < b }", "orders Strings"),
    "Sorted": ("func f(_ a: [String]) -> [String] { a.sorted() }", "compares or hashes Strings"),
    "Prefix": ("func f(_ a: String) -> Bool { a.hasPrefix(\"%RETRY%\") }", "asks for a prefix"),
    "Split": ("func f(_ a: String) -> Int { a.split(separator: \",\").count }", "by characters"),
    "SplitText": ("func f(_ a: String) -> Int { a.split(separator: \"||\").count }", "by characters"),
    "Contains": ("func f(_ a: String) -> Bool { a.contains(\"@\") }", "uses Character"),
    "ContainsText": ("func f(_ a: String, _ b: String) -> Bool { a.contains(b) }", "by characters"),
    "Count": ("func f(_ a: String) -> Int { a.count }", "by characters"),
    "Drop": ("func f(_ a: String) -> String { String(a.dropFirst(3)) }", "by characters"),
    "Walk": ("func f(_ a: String) { for c in a { print(c) } }", "uses Character"),
    "Blank": ("func f(_ a: String) -> Bool { a.allSatisfy(\\.isWhitespace) }", "by characters"),
    "Piece": ("func f(_ a: Substring, _ b: Substring) -> Bool { a == b }", "compares"),
    "Mixed": ("func f(_ a: Substring, _ b: String) -> Bool { a == b }", "compares"),
    "Case": ("func f(_ a: String) -> String { a.lowercased() }", "changes the case"),
    "Struct": ("struct Struct: Equatable { var a: String }\nfunc f(_ a: Struct, _ b: Struct) -> Bool { a == b }", "relies on the == or the hash"),
    "StructKey": ("struct StructKey: Hashable { var a: String }\nfunc f(_ a: [StructKey: Int], _ b: StructKey) -> Int? { a[b] }", "relies on the == or the hash"),
    "Nested": ("struct Nested: Equatable { var a: [Struct] }\nfunc f(_ a: Nested?, _ b: Nested?) -> Bool { a == b }", "relies on the == or the hash"),
    "Payload": ("enum Payload: Equatable { case a(String), b }\nfunc f(_ a: Payload) -> Bool { a == .b }", "relies on the == or the hash"),
}
# Code that is fine, in the same module.
BY_BYTES = {
    "Views": "func f(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) && a.utf8.count == 3 && a.unicodeScalars.first == \"K\" }",
    "Carried": "struct Carried { var a: String; var b: [String]; var c: Int? }\nfunc f(_ a: Carried) -> String { a.a + a.b.joined(separator: \",\") }",
    "Failure": "enum Failure: Error, Equatable { case a(String) }\nfunc f() throws { throw Failure.a(\"x\") }",
    "Nil": "func f(_ a: String?, _ b: [String]?, _ c: Failure?) -> Bool { a == nil && b != nil && c == nil }",
    "Cases": "enum Cases: String, CaseIterable { case a, b }\nfunc f(_ a: Cases, _ b: Set<Cases>) -> Bool { a == .b || b.contains(a) }",
}


def text_failures(folder):
    """Compiles the code above as a debug build does, and compares what is told with what is wrong."""
    build = folder / "Broken.build"
    build.mkdir(parents=True)
    files = {name: code for name, (code, _) in BY_CHARACTERS.items()} | BY_BYTES
    for name, code in files.items():
        (build / f"{name}.swift").write_text(f"enum Of{name} {{}}\n" + code.replace("func f(", f"func of{name}(") + "\n")
    subprocess.run(["swiftc", "-c", "-Onone", "-g", "-module-name", "Broken", *(f"{name}.swift" for name in files)], cwd=build, check=True)
    for name in files:
        (build / f"{name}.o").rename(build / f"{name}.swift.o")
    told = text.Search(text.object_files(folder)).problems()
    for name, (code, what) in BY_CHARACTERS.items():
        if not any(pathlib.Path(file).stem == name and line == 2 + code.count("\n") and what in problem for file, line, problem in told):
            yield f"text, {name}: not told as {what!r} but as {[one for one in told if pathlib.Path(one[0]).stem == name]}"
    for file, line, problem in told:
        if pathlib.Path(file).stem in BY_BYTES:
            yield f"text, {pathlib.Path(file).stem}: line {line} is fine, and told as: {problem}"


def told_wrongly(folder, manifests, number):
    """Breaks one rule in a copy of the workspace. - Returns: what is wrong with what is told; None when nothing is."""
    what, break_it, told = VIOLATIONS[number]
    broken = folder.parent / f"broken-{number}"
    shutil.copytree(folder, broken, symlinks=True, copy_function=os.link)
    mine = Copy(broken, manifests)
    break_it(mine)
    found = [*check.problems(broken, mine.manifests), *documents.problems(broken)]
    shutil.rmtree(broken)
    return None if any(told in problem for problem in found) else f"{what}: not told as {told!r} but as {found or 'no problem'}"


def main():
    manifests = check.read_manifests(ROOT)
    with tempfile.TemporaryDirectory(prefix="rocketmq-workspace-") as temporary, concurrent.futures.ProcessPoolExecutor(2) as pool:
        temporary = pathlib.Path(temporary).resolve()
        folder = temporary / "workspace"
        folder.mkdir()
        for part in ["Packages", "Apps", "Tests"]:
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns(".build*", "Golden", "__pycache__"))
        shutil.copytree(ROOT / "docs", folder / "docs")
        for part in ["README.md", "WORKSPACE.md", "CONTRIBUTING.md"]:
            shutil.copy(ROOT / part, folder)
        for part in ["Package.swift", "Tools", "Tests/Golden"]:   # only looked for
            (folder / part).symlink_to(ROOT / part)
        untouched = [*check.problems(folder, Copy(folder, manifests).manifests), *documents.problems(folder)]
        if untouched:
            sys.exit("the workspace itself has problems; see Tools/check-workspace and Tools/check-documents:\n" + "\n".join(untouched))
        tried = [pool.submit(told_wrongly, folder, manifests, number) for number in range(len(VIOLATIONS))]
        failures = list(text_failures(temporary / "text")) + [one for future in tried if (one := future.result())]
    print("".join(failure + "\n" for failure in failures), end="")
    print(f"violations: {len(VIOLATIONS) + len(BY_CHARACTERS)} tried, {len(failures)} not told")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
