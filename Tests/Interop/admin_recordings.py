#!/usr/bin/env python3
"""Runs the command line of every recording of the reference's admin tool with ours, against our servers, and compares what both print.

usage: admin_recordings.py <folder with mqnamesrv, mqbroker and mqadmin> [--verbose] [recording or pattern ...]

Compared are the exit code, the causes that servers gave, and the shape of the output: the set of its lines, with addresses by their role and
numbers, times and ids by their kind; a line without any of these byte for byte. What differs rightly stands in EXCEPTIONS with its reason;
an exception that no longer differs is a failure too.
"""
import argparse
import fnmatch
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

import golden_cluster
from golden_cluster import GOLDEN, RECORDED, GoldenCluster

ADMIN = GOLDEN / "admin"
UNFINISHED = set((ADMIN / "no-final-newline.list").read_text().split())

EXCEPTIONS = {
    "mqadmin": "our own commands stand behind the reference's",
}

# Cases that others depend on, in their order; all others come before them. A function is called between its neighbours.
SEQUENCE = [
    "consumerStatus-two-first2min", lambda cluster: grow_old(cluster), "consumerStatus-two",
    # Topics
    "updateTopic-b", "updateTopic-c", "updateTopic-c-p", "updateTopic-b-o", "updateTopic-c-o", "topicStatus-empty", "topicRoute-order",
    "updateOrderConf-get", "updateOrderConf-put", "updateOrderConf-delete", "updateTopicPerm-b", "updateTopicPerm-b-same", "updateTopicPerm-c",
    "wipeWritePerm", "topicRoute-afterWipe", "addWritePerm", "updateKvConfig", "deleteKvConfig", "deleteTopic",
    # Groups
    "updateSubGroup-b", "updateSubGroup-c", "getConsumerConfig-made", "cloneGroupOffset", "cloneGroupOffset-o", "consumerConnection-offline",
    "consumerProgress-g-offline", "resetOffsetByTime-offline", "resetOffsetByTime-offline-back", "resetOffsetByTime-offline-f-false",
    "skipAccumulatedMessage-offline", "skipAccumulatedMessage-f-false", "deleteSubGroup-b", "deleteSubGroup-c",
    # Sending
    "sendMessage*", "sendMsgStatus*", "checkMsgSendRT*", "queryMsgById-resend",
    # A replica
    lambda cluster: cluster.start_replica(), "*-slave",
    # A broker with accounts
    lambda cluster: cluster.start_broker_with_accounts(), "topicList-acl-unsigned", "*-acl", "*-acl-*", "*-unsigned", "clusterAclConfigVersion-b",
    "clusterAclConfigVersion-c", "updateAclConfig-b", "updateAclConfig-c", "updateAclConfig-badPerm", "updateAclConfig-shortKey",
    "clusterAclConfigVersion-c-after", "deleteAclConfig-unknown", "deleteAclConfig-b", "deleteAclConfig-alias", "updateGlobalWhiteAddr-b",
    "updateGlobalWhiteAddr-c", "updateGlobalWhiteAddr-p-unknown",
]
# In this order, since the first makes the topic.
ACCOUNT_TOPIC = ["updateTopic-acl", "sendMessage-acl", "consumeMessage-acl"]
# Whose account signs; nobody's where a broker asks for none.
SIGNERS = {"*unsigned": None, "sendMessage-acl-denied": "RocketMQ:12345678", "updateTopic-acl-notAdmin": "RocketMQ:12345678",
           "sendMessage-acl-wrongSecret": "rocketmq2:87654321"}
ENDLESS_SECONDS, SECONDS = 12, 40


def grow_old(cluster):
    """Subscriptions are compared only of consumers that run for some time."""
    for name in ("192.0.2.2@two1", "192.0.2.2@two2"):
        cluster.clients[name].started -= 3_600_000


class Recording:
    def __init__(self, name):
        self.name = name
        lines = (ADMIN / f"{name}.txt").read_text().split("\n")[:-1]
        self.words = shlex.split(lines[0].removeprefix("$ mqadmin"))
        self.exit_code = int(lines[-1].removeprefix("--- exit "))
        lines = lines[1:-1]
        border = lines.index("--- stderr") if "--- stderr" in lines else len(lines)
        self.output = "".join(line + "\n" for line in lines[:border])
        if name in UNFINISHED:
            self.output = self.output[:-1]
        self.causes = [line[line.index("CODE: "):] for line in lines[border + 1:] if "CODE: " in line]

    @property
    def is_endless(self):
        return self.exit_code == 143


class Bench:
    """Runs recordings on a cluster."""

    def __init__(self, cluster):
        self.cluster, self.folder = cluster, cluster.folder / "admin"
        self.homes = {None: self.home("nobody", None)}
        self.last_beat = time.monotonic()

    def home(self, name, account):
        home = self.folder / name
        (home / "conf").mkdir(parents=True)
        if account:
            key, secret = account.split(":")
            (home / "conf" / "tools.yml").write_text(f"accessKey: {key}\nsecretKey: {secret}\n")
        return home

    def signer(self, recording):
        for pattern, account in SIGNERS.items():
            if fnmatch.fnmatchcase(recording.name, pattern):
                return account
        asks = RECORDED["golden-c"] in " ".join(recording.words) or "GoldenAcl" in recording.words or "AclTopic" in recording.words
        return "rocketmq2:12345678" if asks else None

    def run(self, recording):
        """The exit code, the output and the errors, with what belongs to this cluster replaced by what belongs to the recorded one."""
        if time.monotonic() - self.last_beat > 20:
            self.cluster.beat()
            self.last_beat = time.monotonic()
        account = self.signer(recording)
        if account not in self.homes:
            self.homes[account] = self.home(account.replace(":", "-"), account)
        dead = fnmatch.fnmatchcase(recording.name, "mqadmin-namesrv-unreachable*")
        environment = {**os.environ, "ROCKETMQ_HOME": str(self.homes[account]), "TZ": "UTC", "HOME": str(self.folder),
                       "NAMESRV_ADDR": self.here("127.0.0.1:29999" if dead else "127.0.0.1:29876")}
        words = [self.here(word) for word in recording.words]
        if recording.is_endless and "-i" in words:
            # Nothing but the waiting depends on it.
            words[words.index("-i") + 1] = "1"
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        process = subprocess.Popen([self.cluster.programs / "mqadmin", *words], env=environment, cwd=work, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, errors = self.endless(process, recording) if recording.is_endless else process.communicate(timeout=SECONDS)
        code = 128 - process.returncode if process.returncode < 0 else process.returncode
        return code, self.there(output.decode(errors="replace")), self.there(errors.decode(errors="replace"))

    def endless(self, process, recording):
        """Until it has printed as many lines as the recorded one."""
        os.set_blocking(process.stdout.fileno(), False)
        output = b""
        deadline = time.monotonic() + (ENDLESS_SECONDS if recording.output else 2)
        while time.monotonic() < deadline and process.poll() is None:
            output += process.stdout.read() or b""
            if recording.output and len(output) >= len(recording.output):
                break
            time.sleep(0.02)
        process.terminate()
        rest, errors = process.communicate(timeout=SECONDS)
        return output + rest, errors

    def pairs(self):
        for name, address in self.cluster.addresses.items():
            yield RECORDED[name], address
        yield from self.cluster.offset_ids.items()
        yield "/home/rocketmq1/export", str(self.folder / "export")

    def here(self, text):
        for recorded, ours in self.pairs():
            text = re.sub(re.escape(recorded) + r"(?!\d)", lambda _: ours, text)
        return text

    def there(self, text):
        for recorded, ours in self.pairs():
            text = re.sub(re.escape(ours) + r"(?!\d)", lambda _: recorded, text)
        return text


# Shapes

ROLES = {address: f"<{name}>" for name, address in RECORDED.items()}
KINDS = [
    (re.compile(r"\b(?:[0-9A-F]{32}|[0-9A-F]{56})\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[ #]\d\d:\d\d:\d\d(?:[,:]\d{3})?"), "<time>"),
    (re.compile(r"\bN/A\b"), "<time>"),
    (re.compile(r"\d+\.\d+\.\d+\.\d+:\d+"), "<host>"),
    (re.compile(r"@[0-9a-f]{6,8}\b"), "@<object>"),
    (re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?:E-?\d+)?(?=ms\b|[^\w]|$)"), "<number>"),
]


def shape(line):
    """A line without what may differ: addresses, ids, times, numbers, and with them the width of its columns."""
    plain = line
    for address, role in ROLES.items():
        line = line.replace(address, role)
    for pattern, kind in KINDS:
        line = pattern.sub(kind, line)
    return line if line == plain else re.sub(r"\s+", " ", line).strip()


def shapes(text):
    # Tracks, and what is printed without a line feed, stand on one line with what follows.
    text = re.sub(r"(?<=\])(?=OffsetID:|MessageTrack )|(?<=exist)(?=cluster \[)", "\n", text)
    return {shape(line) for line in text.split("\n")}


def differences(recording, code, output, errors):
    """What differs, in words."""
    found = []
    if code != recording.exit_code:
        found.append(f"exit code {code} instead of {recording.exit_code}")
    told = shape(errors)
    found += [f"the cause is not told: {cause}" for cause in recording.causes if shape(cause) not in told]
    if recording.name.startswith(("help-", "mqadmin-h-")):
        # Our help goes on behind the recorded one.
        return found + ([] if output.startswith(recording.output) else ["the help does not begin as recorded"])
    wanted, got = shapes(recording.output), shapes(output)
    if recording.output.split("\n")[0].startswith("#") and output.split("\n")[0] != recording.output.split("\n")[0]:
        found.append("the heading differs")
    found += [f"missing: {line}" for line in sorted(wanted - got)] + [f"added:   {line}" for line in sorted(got - wanted)]
    if not found and output.endswith("\n") != recording.output.endswith("\n"):
        found.append("the line feed at the end differs")
    return found


def plan(names):
    """Names of recordings and functions, in the order in which they run."""
    steps, placed = [], set()
    for step in SEQUENCE:
        if callable(step):
            steps.append(step)
            continue
        matching = [name for name in fnmatch.filter(names, step) if name not in placed and not name.startswith("help-")]
        if step == "sendMessage*":
            matching = [name for name in matching if "-acl" not in name]
        matching.sort(key=lambda name: (ACCOUNT_TOPIC.index(name) if name in ACCOUNT_TOPIC else len(ACCOUNT_TOPIC), name))
        steps += matching
        placed |= set(matching)
    return [name for name in names if name not in placed] + steps


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--verbose", action="store_true", help="show every difference, those of exceptions too")
    parser.add_argument("patterns", nargs="*")
    options = parser.parse_args()
    names = sorted(file.stem for file in ADMIN.glob("*.txt"))
    chosen = {name for name in names if not options.patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in options.patterns)}
    began, failed, excepted = time.monotonic(), 0, 0
    bodies = pathlib.Path("/tmp/rocketmq/msgbodys")
    before = set(bodies.iterdir()) if bodies.is_dir() else set()
    with GoldenCluster(options.programs) as cluster:
        bench = Bench(cluster)
        for step in plan(names):
            if callable(step):
                step(cluster)
                continue
            if step not in chosen:
                # What others build on happens all the same.
                if step in SEQUENCE or step in ACCOUNT_TOPIC:
                    bench.run(Recording(step))
                continue
            recording = Recording(step)
            try:
                found = differences(recording, *bench.run(recording))
            except subprocess.TimeoutExpired:
                found = [f"it did not end within {SECONDS} s"]
            reason = next((reason for pattern, reason in EXCEPTIONS.items() if fnmatch.fnmatchcase(step, pattern)), None)
            if reason and not found:
                found, reason = ["it is an exception, but does not differ any more: take it out of EXCEPTIONS"], None
            elif reason:
                excepted += 1
            if found and not reason:
                failed += 1
            if found and (options.verbose or not reason):
                print(f"{'except' if reason else 'FAILED'}  {step}: mqadmin {shlex.join(recording.words)}" + (f"  ({reason})" if reason else ""))
                for line in found if options.verbose else found[:12]:
                    print(f"        {line[:260]}")
    for file in (set(bodies.iterdir()) if bodies.is_dir() else set()) - before:
        file.unlink()
    print(f"{len(chosen)} recordings: {len(chosen) - failed - excepted} alike, {excepted} excepted by name, {failed} failed, "
          f"{time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
