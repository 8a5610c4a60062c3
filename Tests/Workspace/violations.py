#!/usr/bin/env python3
"""Breaks each rule of Tools/check-workspace in a copy of the workspace and expects that it is told.

The manifests are read once; those that are broken are changed as SwiftPM would read them.
"""
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("check_workspace", str(ROOT / "Tools/check-workspace"))
check = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_workspace", loader))
loader.exec_module(check)


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


FILTER = "Packages/RMQFilter/Sources/RMQFilter/SubscriptionFilter.swift"
# What is broken, how, and what must be told.
VIOLATIONS = [
    ("an import that is not declared", lambda c: c.prepend(FILTER, "import RMQRemoting"), "imports RMQRemoting, which RMQFilter does not"),
    ("the same behind attributes", lambda c: c.prepend(FILTER, "@_spi(X) @preconcurrency public import RMQStore"), "imports RMQStore"),
    ("the same behind another import", lambda c: c.prepend(FILTER, "import Glibc; import struct RMQStore.X"), "imports RMQStore"),
    ("a third-party module", lambda c: c.prepend(FILTER, "import NIOCore"), "imports NIOCore"),
    ("a test framework in a library", lambda c: c.prepend(FILTER, "import Testing"), "imports Testing, which belongs to tests"),
    ("an app that imports what it does not declare", lambda c: c.prepend("Apps/mqadmin/main.swift", "import RMQStore"), "Apps/mqadmin/main.swift:1"),
    ("an arrow to a later layer", lambda c: depend(c, "RMQStore", "RMQBroker"), "RMQStore: may not depend on RMQBroker"),
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
    ("a row that points down", lambda c: c.replace("WORKSPACE.md", "| RMQStore | Common |", "| RMQStore | Common, Broker |"),
     "RMQStore may import RMQBroker, which is no earlier row"),
]


def main():
    manifests = check.read_manifests(ROOT)
    failures = []
    with tempfile.TemporaryDirectory(prefix="rocketmq-workspace-") as temporary:
        folder = pathlib.Path(temporary).resolve() / "workspace"
        folder.mkdir()
        for part in ["Packages", "Apps", "Tests"]:
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns(".build*", "Golden", "__pycache__"))
        for part in ["README.md", "WORKSPACE.md"]:
            shutil.copy(ROOT / part, folder)
        for part in ["Package.swift", "Tools", "Tests/Golden"]:   # only looked for
            (folder / part).symlink_to(ROOT / part)
        workspace = Copy(folder, manifests)
        untouched = check.problems(folder, workspace.manifests)
        if untouched:
            sys.exit("the workspace itself has problems; see Tools/check-workspace:\n" + "\n".join(untouched))
        for what, break_it, told in VIOLATIONS:
            broken = pathlib.Path(temporary).resolve() / "broken"
            shutil.copytree(folder, broken, symlinks=True, copy_function=os.link)
            mine = Copy(broken, manifests)
            break_it(mine)
            found = check.problems(broken, mine.manifests)
            if not any(told in problem for problem in found):
                failures.append(f"{what}: not told as {told!r} but as {found or 'no problem'}")
            shutil.rmtree(broken)
    print("".join(failure + "\n" for failure in failures), end="")
    print(f"violations: {len(VIOLATIONS) - len(failures)} told, {len(failures)} not")
    sys.exit(1 if failures else 0)


main()
