#!/usr/bin/env python3
"""The usual layouts (Tools/conf, run by Tools/cluster with three name servers) under load by the C++ client and by ours, while each server in
turn is stopped and started again; then the same with kill -9.

In the end: what was acknowledged is at its master and was consumed by a group of either client; where there are replicas, their logs are
those of their masters. Meanwhile: of each group the longest time without any message, and the longest that one message took.

The reference's clients ask for routes every 30 s, and share out queues anew every 20 s: so long may a message have to wait, beyond the
time that its broker is down. Ours are set to a second each here. The C++ client comes from Tests/Interop/run --install.

usage: layouts.py <folder with mqnamesrv, mqbroker, mqadmin and FaultClient> [--only LAYOUT ...] [--down SECONDS] [--short]
"""
import argparse
import collections
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "Support"))
import live_client
import rmq
import store_reader
from fault_client import FaultClient

TOPIC, QUEUES = "Layout", 4
SEGMENT_BYTES = 16 << 20
# Of the reference's clients.
ROUTE_SECONDS, REBALANCE_SECONDS = 30, 20
# For a machine with other work.
SLACK_SECONDS = 10
LAYOUTS = ["2m-noslave", "2m-2s-async", "2m-2s-sync"]
RUNTIME_INFO = 28


class Layout:
    """A cluster as Tools/cluster runs it, until the block ends."""

    def __init__(self, programs, name, folder):
        self.programs, self.name, self.folder = programs, name, folder / "cluster"

    def __enter__(self):
        settings = {"mappedFileSizeCommitLog": SEGMENT_BYTES, "mappedFileSizeConsumeQueue": 60000, "brokerFastFailureEnable": "false"}
        try:
            self.run("up", self.name, "--programs", self.programs, *(f"--set={key}={value}" for key, value in settings.items()))
            state = json.loads((self.folder / "cluster.json").read_text())["processes"]
        except BaseException:
            self.__exit__()
            raise
        self.addresses = {name: f"127.0.0.1:{process['port']}" for name, process in state.items()}
        self.brokers = [name for name in state if name.startswith("broker-")]
        self.servers = self.brokers + [name for name in state if name.startswith("namesrv-")]
        self.name_servers = ";".join(self.addresses[name] for name in state if name.startswith("namesrv-"))
        self.masters = [name for name in self.brokers if not name.endswith("-s") and name != "broker-trace"]
        return self

    def __exit__(self, *_):
        if (self.folder / "cluster.json").exists():
            self.run("down")

    def run(self, *words):
        done = subprocess.run([ROOT / "Tools" / "cluster", *map(str, words), "--folder", self.folder], capture_output=True, text=True, timeout=180)
        if done.returncode != 0:
            raise RuntimeError(f"Tools/cluster {words[0]} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def admin(self, *words):
        done = subprocess.run([self.programs / "mqadmin", *words, "-n", self.name_servers], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"mqadmin {words[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def make_topic(self):
        for master in self.masters:
            self.admin("updateTopic", "-b", self.addresses[master], "-t", TOPIC, "-r", str(QUEUES), "-w", str(QUEUES))

        def known():
            route = self.admin("topicRoute", "-t", TOPIC)
            return all(self.addresses[master] in route for master in self.masters)
        rmq.wait_until(known, what="the topic's route")

    def restart(self, server, by, down):
        """Ends a server, waits, and starts it again; waits until it has its place."""
        self.run(by, server)
        time.sleep(down)   # how long it is down is what is tried
        self.run("start", server)
        if server in self.brokers:
            rmq.wait_until(lambda: self.addresses[server] in self.admin("clusterList"), 60, f"{server} to register")

    def end_of_log(self, server):
        with contextlib.closing(rmq.Connection(self.addresses[server])) as connection:
            return int(json.loads(connection.request(RUNTIME_INFO).body)["table"]["commitLogMaxOffset"])

    def wait_same(self):
        for master in self.masters:
            if f"{master}-s" in self.brokers:
                rmq.wait_until(lambda: self.end_of_log(master) == self.end_of_log(f"{master}-s"), 60, f"the replica of {master} to have all")

    def stored(self):
        """The bodies that are at the masters."""
        def body(record):
            # Large ones are compressed by their producer.
            return (zlib.decompress(record.body) if record.system_flag & 1 else bytes(record.body)).decode()
        return {body(record) for master in self.masters for record in live_client.pull_all(self.addresses[master], TOPIC, QUEUES)}

    def compare_logs(self):
        """The brokers are stopped. What is wrong with their logs."""
        problems = []
        for broker in self.brokers:
            store_reader.check(self.folder / broker / "store")
        for master in self.masters:
            if f"{master}-s" not in self.brokers:
                continue
            folders = [self.folder / name / "store" / "commitlog" for name in (master, f"{master}-s")]
            logs = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
            common = logs[0].keys() & logs[1].keys()
            problems += [f"segment {name} of {master} is not the same at its replica" for name in common if logs[0][name] != logs[1][name]]
            if not common:
                problems.append(f"{master} and its replica have no segment in common")
        return problems


class Script:
    """A process of the C++ client, whose lines are kept with the time at which they came."""

    def __init__(self, words, folder):
        self.lines = []
        self.errors = open(folder / f"{pathlib.Path(words[1]).stem}.log", "wb")
        self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
                                        env={**os.environ, "HOME": str(folder)})
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                self.lines.append((time.monotonic(), json.loads(line)))

    def end(self):
        """It goes on until its standard input ends."""
        if self.process.poll() is None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join()
        self.errors.close()


class TimedClient(FaultClient):
    """Keeps when each event came."""

    def read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            self.events[event.pop("event")].append({**event, "at": time.monotonic()})


class Load:
    """Producers and a group of either client. What was acknowledged: body and time, by the client that sent it."""

    def __init__(self, layout, python, folder):
        interop = ROOT / "Tests" / "Interop"
        self.swift = TimedClient(layout.programs, folder, layout.name_servers)
        self.swift.tell("consume", topic=TOPIC, group="swift_group")
        words = [layout.name_servers, TOPIC]
        self.consumer = Script([python, interop / "consume_all.py", *words, "cpp_group", "concurrent", "*", 1 << 30, 1 << 20], folder)
        self.swift.tell("send", topic=TOPIC, bodies="swift", tasks=4, pause=10)
        self.producer = Script([python, interop / "send_all.py", *words, "steady", 0], folder)
        rmq.wait_until(lambda: self.swift.of("got") and self.consumer.lines and self.acknowledged("cpp") and self.acknowledged("swift"), 60,
                       "both clients to send and to consume")
        self.began = time.monotonic()

    def acknowledged(self, client):
        """What was answered that it is stored, by the time of the answer. Also where no replica had it in time: its broker keeps it."""
        if client == "swift":
            return {one["body"]: one["at"] for one in self.swift.of("sent")}
        return {line["body"]: at for at, line in list(self.producer.lines) if "error" not in line}

    def failures(self):
        swift = collections.Counter(one["code"] for one in self.swift.of("failed"))
        return {**swift, "C++": sum("error" in line for _, line in list(self.producer.lines))}

    def received(self, client):
        """When each message came, in the order of arrival."""
        if client == "swift":
            return [(one["at"], one["body"]) for one in self.swift.of("got")]
        return [(at, line["body"]) for at, line in list(self.consumer.lines)]

    def stop_sending(self):
        self.swift.stop()
        self.producer.end()
        self.ended = time.monotonic()
        return {**self.acknowledged("swift"), **self.acknowledged("cpp")}

    def end(self):
        self.swift.end()
        self.consumer.end()

    def kill(self):
        self.swift.kill()
        for script in (self.producer, self.consumer):
            script.end()


def judge(load, sent, longest_wait):
    """Prints what either group saw, and returns what is wrong with it."""
    problems = []
    for client in ("swift", "cpp"):
        came = load.received(client)
        bodies = collections.Counter(body for _, body in came)
        times = [load.began] + [at for at, _ in came if load.began <= at <= load.ended] + [load.ended]
        silence = max(after - before for before, after in zip(times, times[1:]))
        first = {}
        for at, body in came:
            first.setdefault(body, at)
        age = max(first[body] - at for body, at in sent.items() if body in first)
        missing = [body for body in sent if body not in bodies]
        print(f"  {client:<5} group: {len(bodies)} messages, {sum(bodies.values()) - len(bodies)} came again; longest silence {silence:.1f} s, "
              f"longest from answer to consumer {age:.1f} s", flush=True)
        if missing:
            problems.append(f"{len(missing)} of {len(sent)} acknowledged messages did not come to the {client} group, as {missing[0][:60]}")
        if silence > ROUTE_SECONDS + SLACK_SECONDS:
            problems.append(f"the {client} group got nothing for {silence:.1f} s")
        if age > longest_wait:
            problems.append(f"a message took {age:.1f} s to the {client} group; {longest_wait} s are allowed")
    return problems


def run(programs, python, name, down, short):
    began, problems = time.monotonic(), []
    with rmq.temporary_folder() as folder:
        with Layout(programs, name, folder) as layout:
            layout.make_topic()
            load = Load(layout, python, folder)
            try:
                turns = [("stop", server) for server in layout.servers] + [("kill", server) for server in layout.brokers]
                if short:
                    turns = [("stop", server) for server in layout.brokers] + [("kill", layout.masters[0])]
                for by, server in turns:
                    layout.restart(server, by, down)
                sent = load.stop_sending()
                longest_wait = down + ROUTE_SECONDS + REBALANCE_SECONDS + SLACK_SECONDS
                deadline = time.monotonic() + longest_wait
                while time.monotonic() < deadline and any(sent.keys() - {body for _, body in load.received(client)} for client in ("swift", "cpp")):
                    time.sleep(0.1)
                print(f"{name}: {len(turns)} restarts, {down} s each; {len(sent)} acknowledged, failed: {load.failures()}")
                problems += judge(load, sent, longest_wait)
                lost = sent.keys() - layout.stored()
                if lost:
                    problems.append(f"{len(lost)} of {len(sent)} acknowledged messages are not at a master, as {sorted(lost)[0][:60]}")
                layout.wait_same()
                load.end()
            finally:
                load.kill()
        problems += layout.compare_logs()
    for problem in problems:
        print(f"{name}: {problem}", flush=True)
    print(f"{name}: {'FAILED' if problems else 'ok'}, {time.monotonic() - began:.0f} s", flush=True)
    return not problems


def foreign_python():
    """The Python that has the C++ client; Tests/Interop/run installs it."""
    python = pathlib.Path(os.environ.get("RMQ_VENV", ROOT / ".build-interop" / "venv")) / "bin" / "python"
    if not python.exists():
        sys.exit(f"layouts.py: {python} is not there; Tests/Interop/run --install installs the C++ client")
    return python


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--only", nargs="+", choices=LAYOUTS, default=LAYOUTS)
    parser.add_argument("--down", type=float, default=5, help="how long each server is down (5): beyond 30 the reference's clients hear of it")
    parser.add_argument("--short", action="store_true", help="each broker stopped once, one of them killed, a second each")
    options = parser.parse_args()
    down = 1 if options.short else options.down
    passed = [run(options.programs.resolve(), foreign_python(), name, down, options.short) for name in options.only]
    return 0 if all(passed) else 1


sys.exit(main())
