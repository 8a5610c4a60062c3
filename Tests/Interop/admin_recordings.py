#!/usr/bin/env python3
"""Runs the command line of every recording of the reference's admin tool with ours, against our servers, and compares what both print.

usage: admin_recordings.py <folder with mqnamesrv, mqbroker and mqadmin> [--verbose] [recording or pattern ...]

Compared are the exit code, the causes that servers gave, and the shape of the output: the set of its lines, with addresses by their role and
numbers, times and ids by their kind; a line without any of these byte for byte. What differs rightly stands in EXCEPTIONS with its reason;
an exception that is not needed any more is a failure too. Commands that change nothing run once more with --json, and print nothing else then.
"""
import argparse
import fnmatch
import json
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

# Recordings, what may differ in them, and why: a difference that contains this is none.
EXCEPTIONS = [
    ("mqadmin", r"added: .*(changeBrokerRole|doctor|top|tail|completion) ", "our own commands stand behind the reference's"),
    ("get*Config*", r"added: ", "our servers have settings that the reference has not"),
    ("getBrokerConfig-*", r"missing: (clientCloseSocketIfTimeout|commercialEnable|serverPooledByteBufAllocatorEnable|transferMsgByHeap"
                          r"|useEpollNativeSelector) ", "about Java's network and memory: ours says what is so here"),
    ("brokerStatus-*", r"added: .*(brokerRole|masterEpoch|slave|masterLink|masterReceived|currentTime)", "our brokers tell more about themselves"),
    ("*-aclOff", r"the cause is not told: CODE: 2\d\d", "the reference tells an internal error, ours that access control is off"),
    ("updateAclConfig-*", r"PlainAccessConfig", "the reference prints the number of a Java object, ours the account without its secret"),
    ("updateAclConfig-shortKey", r"the cause is not told: CODE: 209", "the reference shows the secret"),
    ("updateTopic-badName", r"the cause is not told", "ours names the character"),
    ("updateBrokerConfig-badValue", r"missing: update broker config success", "the reference keeps its value in silence, ours refuses"),
    ("updateBrokerConfig-unknownKey", r"missing: update broker config success", "the reference ignores it in silence, ours refuses"),
    ("updateBrokerConfig-black*", r"the cause is not told: CODE: 16", "our brokers know what may change at run time, not what may not"),
    ("topicList-acl-unsigned", r"missing: %RETRY%(TOOLS_CONSUMER|__MONITOR_CONSUMER)", "our tool reads without becoming a member of a group"),
    ("exportMetadata-b-g", r"missing in subscriptionGroup.json: .golden_cli_group", "our tool reads without becoming a member of a group"),
    ("topicList-acl-unsigned", r"missing: TRANS_CHECK_MAX_TIME_TOPIC", "no transaction was given up here"),
    ("*", r"added: .*RMQ_SYS_TRANS_OP_HALF_TOPIC", "the reference's brokers do not register it"),
    ("statsAll-a", r"added: ", "more topics were just in use here"),
]

# Cases that others depend on, in their order; all others come before them. A function is called between its neighbours.
SEQUENCE = [
    "consumerStatus-two-first2min", lambda cluster: grow_old(cluster), "consumerStatus-two",
    # Topics
    "updateTopic-b", "updateTopic-c", "updateTopic-c-p", "updateTopic-b-o", "updateTopic-c-o", "topicStatus-empty", "topicRoute-order",
    "updateOrderConf-get", "updateOrderConf-put", "updateOrderConf-delete", "updateTopicPerm-b", "updateTopicPerm-b-same",
    "updateTopicPerm-b-notMaster", "updateTopicPerm-c", "updateTopicPerm-none",
    "wipeWritePerm", "topicRoute-afterWipe", "addWritePerm", "updateKvConfig", "deleteKvConfig", "deleteTopic",
    # Groups
    "updateSubGroup-b", "updateSubGroup-c", "getConsumerConfig-made", "cloneGroupOffset", "cloneGroupOffset-o", "consumerConnection-offline",
    "consumerProgress-g-offline", "resetOffsetByTime-offline", "resetOffsetByTime-offline-back", "resetOffsetByTime-offline-f-false",
    "skipAccumulatedMessage-offline", "skipAccumulatedMessage-f-false", "deleteSubGroup-b", "deleteSubGroup-c",
    # Sending
    "sendMessage*", "sendMsgStatus*", "checkMsgSendRT*", "queryMsgById-resend",
    # Delayed messages
    lambda cluster: cluster.wait_for_delayed(), "brokerStatus-b", "brokerStatus-c",
    # A replica and a broker with accounts
    lambda cluster: cluster.start_replica(), lambda cluster: cluster.start_broker_with_accounts(), "*-slave",
    "updateTopic-acl", "sendMessage-acl", lambda cluster: cluster.send_signed(), "consumeMessage-acl", "*-acl-*", "*-unsigned", "clusterAclConfigVersion-b",
    "clusterAclConfigVersion-c", "updateAclConfig-b", "updateAclConfig-c", "updateAclConfig-badPerm", "updateAclConfig-shortKey",
    "clusterAclConfigVersion-c-after", "deleteAclConfig-unknown", "deleteAclConfig-b", "deleteAclConfig-alias", "updateGlobalWhiteAddr-b",
    "updateGlobalWhiteAddr-c", "updateGlobalWhiteAddr-p-unknown",
]
# Whose account signs; nobody's where a broker asks for none.
SIGNERS = {"*unsigned": None, "sendMessage-acl-denied": "RocketMQ:12345678", "updateTopic-acl-notAdmin": "RocketMQ:12345678",
           "sendMessage-acl-wrongSecret": "rocketmq2:87654321", "clusterList*-slave": "rocketmq2:12345678"}
ENDLESS_SECONDS, SECONDS = 12, 40
# Commands that may run twice.
READING = {
    "allocateMQ", "brokerConsumeStats", "brokerStatus", "clusterAclConfigVersion", "clusterList", "consumeMessage", "consumerConnection",
    "consumerProgress", "consumerStatus", "getBrokerConfig", "getConsumerConfig", "getNamesrvConfig", "printMsg", "printMsgByQueue", "producer",
    "producerConnection", "queryCq", "queryMsgById", "queryMsgByKey", "queryMsgByOffset", "queryMsgByUniqueKey", "queryMsgTraceById", "statsAll",
    "topicClusterList", "topicList", "topicRoute", "topicStatus",
}


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

    def run(self, recording, *more):
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
        words = [self.here(word) for word in recording.words] + list(more)
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

    def without_json(self, recording):
        """What a command that only asks prints with --json that is none."""
        asks = recording.words and recording.words[0] in READING and recording.exit_code == 0 and "-h" not in recording.words
        if not asks or recording.name == "queryMsgById-resend":
            return []
        _, output, errors = self.run(recording, "--json")
        if "command failed" in errors:
            return []
        found = [] if output or not recording.output else ["nothing is printed with --json"]
        for line in output.splitlines():
            try:
                json.loads(line)
            except ValueError:
                found.append(f"with --json this is printed: {line}")
        return found

    def exported(self, recording):
        """What the files that were written lack or have beyond the recorded ones, by the names of their members."""
        found = []
        for golden in ADMIN.glob(f"{recording.name}.*.json"):
            name = golden.name.removeprefix(recording.name + ".")
            file = pathlib.Path(self.here(recording.words[recording.words.index("-f") + 1])) / name
            if not file.is_file():
                found.append(f"there is no file {name}")
                continue
            wanted, got = members(golden.read_text()), members(self.there(file.read_text()))
            found += [f"missing in {name}: {member}" for member in sorted(wanted - got)]
            found += [f"added in {name}: {member}" for member in sorted(got - wanted)]
        return found

    def pairs(self):
        for name, address in self.cluster.addresses.items():
            yield RECORDED[name], address
        yield from self.cluster.offset_ids.items()
        yield "/home/rocketmq1/export", str(self.folder / "export")
        yield "/home/rocketmq1", str(self.cluster.folder)

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
    (re.compile(r"/(?:home/rocketmq1(?!/export)|opt/rocketmq)[\w./-]*"), "<path>"),
    # Counted over the last seconds, so that there may be nothing yet.
    (re.compile(r"((?:get\w*Tps|putTps|putMessageDistributeTime)\s*:).*"), r"\1 <rate>"),
    (re.compile(r"\d+(?:\.\d+)? (?:[KMG]i)?B\b"), "<size>"),
    (re.compile(r"(?<=droped=)(?:true|false)"), "<flag>"),
    # One of the brokers was asked, whichever.
    (re.compile(r"BROKER: <golden-[ab]>"), "BROKER: <master>"),
    # Where the reference threw it.
    (re.compile(r", org\.apache\.rocketmq\.[\w.]+\(\w+\.java:\d+\)"), ""),
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


def members(text):
    """The names of all members of a file's objects."""
    return set(re.findall(r'("[^"\n]*")\s*:', text))


def without_choice(text):
    """A producer takes the brokers in turn, from any one on."""
    return re.sub(r"\bgolden-[ab]( *)", r"<broker>\1", text)


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
    if recording.words[:1] in (["sendMessage"], ["sendMsgStatus"], ["checkMsgSendRT"]) or recording.name == "queryMsgById-resend":
        wanted, got = {without_choice(line) for line in wanted}, {without_choice(line) for line in got}
    if recording.output.split("\n")[0].startswith("#") and output.split("\n")[0] != recording.output.split("\n")[0]:
        found.append("the heading differs")
    found += [f"missing: {line}" for line in sorted(wanted - got)] + [f"added:   {line}" for line in sorted(got - wanted)]
    if not found and output.endswith("\n") != recording.output.endswith("\n"):
        found.append("the line feed at the end differs")
    return found


class Exceptions:
    """The table of exceptions, and which of them were needed."""

    def __init__(self):
        self.used, self.recordings = set(), set()

    def excuse(self, name, difference):
        for index, (pattern, expression, _) in enumerate(EXCEPTIONS):
            if fnmatch.fnmatchcase(name, pattern) and re.search(expression, difference):
                self.used.add(index)
                self.recordings.add(name)
                return True
        return False

    def unused(self):
        return [exception for index, exception in enumerate(EXCEPTIONS) if index not in self.used]


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
    began, failed = time.monotonic(), 0
    bodies = pathlib.Path("/tmp/rocketmq/msgbodys")
    before = set(bodies.iterdir()) if bodies.is_dir() else set()
    excused = Exceptions()
    with GoldenCluster(options.programs) as cluster:
        bench = Bench(cluster)
        for step in plan(names):
            if callable(step):
                step(cluster)
                continue
            if step not in chosen:
                # What others build on happens all the same.
                if step in SEQUENCE:
                    bench.run(Recording(step))
                continue
            recording = Recording(step)
            try:
                found = differences(recording, *bench.run(recording)) + bench.exported(recording) + bench.without_json(recording)
            except subprocess.TimeoutExpired:
                found = [f"it did not end within {SECONDS} s"]
            rest = [line for line in found if not excused.excuse(step, line)]
            failed += bool(rest)
            shown = found if options.verbose else rest[:12]
            if shown:
                print(f"{'FAILED' if rest else 'excused'}  {step}: mqadmin {shlex.join(recording.words)}")
                for line in shown:
                    print(f"        {line[:260]}")
    for file in (set(bodies.iterdir()) if bodies.is_dir() else set()) - before:
        file.unlink()
    stale = excused.unused() if not options.patterns else []
    for pattern, difference, _ in stale:
        print(f"FAILED  the exception {pattern}: {difference} does not occur any more; take it out of EXCEPTIONS")
    print(f"{len(chosen)} recordings: {len(chosen) - failed} alike, {len(excused.recordings)} of them but for what EXCEPTIONS names; "
          f"{failed + len(stale)} failed; {time.monotonic() - began:.0f} s")
    return 1 if failed or stale else 0


if __name__ == "__main__":
    sys.exit(main())
