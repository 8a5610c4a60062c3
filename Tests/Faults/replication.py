#!/usr/bin/env python3
"""Two brokers of one name, a master that waits for its replica and that replica, among faults. Every case sends without pause.

  master    the master is killed and its replica promoted; the old master comes back as a replica, without what nobody confirmed
  replica   the replica is killed and comes back
  network   what passes between them is cut, also within a header, stopped in one direction, slowed down, split and falsified

After each round: what was answered with success is at both brokers, at the place that the answer named, and nowhere else; what one
sender sent to a queue stands there in order; both logs are the same bytes in the end.

usage: replication.py <folder with the programs> [--rounds N] [--only CASE ...] [--seed S]
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Support"))
import live_client
import rmq
import store_reader
from proxy import Proxy

RUNTIME_INFO = 28
TOPIC, QUEUES, SENDERS = "Replicated", 4, 4
CATCH_UP_SECONDS = 60
SETTINGS = {"mappedFileSizeCommitLog": 1 << 20, "mappedFileSizeConsumeQueue": 60000, "haSendHeartbeatInterval": 1000, "slaveTimeout": 1000,
            "defaultTopicQueueNums": QUEUES}


class Member(rmq.Cluster):
    """One of the two: its role is that of its next start."""

    def __init__(self, programs, name_server, source=None):
        super().__init__(programs, SETTINGS, name_server=False, broker=False)
        self.name_server_address, self.source = name_server, source

    def begin(self, is_master):
        role = {"brokerRole": "SYNC_MASTER", "brokerId": 0} if is_master else {"brokerRole": "SLAVE", "brokerId": 1}
        self.settings.update(role)
        self.settings.pop("haMasterAddress", None)
        if self.source and not is_master:
            self.settings["haMasterAddress"] = self.source.address
        self.start_broker()

    @property
    def replication_address(self):
        return f"127.0.0.1:{self.broker_port + 1}"

    def end_of_log(self):
        connection = rmq.Connection(self.broker_address)
        try:
            return int(json.loads(connection.request(RUNTIME_INFO).body)["table"]["commitLogMaxOffset"])
        finally:
            connection.close()

    def messages(self, start):
        """What stands in each queue from `start` on, by queue and offset."""
        connection, found = rmq.Connection(self.broker_address, 20), {}
        try:
            for queue, offset in enumerate(start):
                while (answer := connection.pull(TOPIC, queue, offset, 32)).code == 0:
                    found.update({(record.queue_id, record.queue_offset): bytes(record.body) for record in live_client.records(answer.body)})
                    offset = int(answer.fields["nextBeginOffset"])
        finally:
            connection.close()
        return found


class Load:
    """Senders that go on until they are told to stop or their connection ends. What was answered with success has to stay."""

    def __init__(self, address, round_number):
        self.address, self.round = address, round_number
        self.acknowledged, self.sent, self.stopping = {}, 0, threading.Event()
        self.problems, self.lock = [], threading.Lock()
        self.threads = [threading.Thread(target=self.send, args=(number,)) for number in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def send(self, number):
        count = 0
        try:
            connection = rmq.Connection(self.address, 20)
            while not self.stopping.is_set():
                body = b"%d-%d-%08d-" % (self.round, number, count) + random.randbytes(random.randrange(0, 900))
                answer = connection.send_message(TOPIC, number % QUEUES, body, {"KEYS": f"k{count}"})
                count += 1
                with self.lock:
                    self.sent += 1
                    place = (number % QUEUES, int(answer.fields["queueOffset"])) if answer.code == 0 else None
                    if place in self.acknowledged:
                        self.problems.append(f"two messages were acknowledged at {place}")
                    if place:
                        self.acknowledged[place] = body
                    # Kept, but not by both: the disk, no replica, a replica that took too long, a role that changed meanwhile.
                    elif answer.code not in (10, 11, 12, 14, 2):
                        self.problems.append(f"a send was answered {answer.code}: {answer.remark}")
        except OSError:
            pass

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        return self


def check(load, start, *members):
    """What is wrong at any of them, from the queue offsets `start` on."""
    problems = list(load.problems)
    for member in members:
        stored = member.messages(start)
        wrong = [place for place, body in load.acknowledged.items() if stored.get(place) != body]
        if wrong:
            problems.append(f"{len(wrong)} of {len(load.acknowledged)} acknowledged messages are not at {member.broker_address}, as {wrong[0]}")
        bodies = [body for body in stored.values() if body.startswith(b"%d-" % load.round)]
        if len(set(bodies)) != len(bodies):
            problems.append(f"{len(bodies) - len(set(bodies))} messages are twice at {member.broker_address}")
        for queue in range(QUEUES):
            numbers = [int(stored[place].split(b"-")[2]) for place in sorted(stored)
                       if place[0] == queue and stored[place].startswith(b"%d-" % load.round)]
            if numbers != sorted(numbers):
                problems.append(f"queue {queue} at {member.broker_address} is not in the order in which it was sent")
    return problems


def wait_same(master, replica):
    def same():
        try:
            return master.end_of_log() == replica.end_of_log()
        except OSError:
            return False
    rmq.wait_until(same, CATCH_UP_SECONDS, "the replica to have all that the master has")


def wait_followed(master, load_round):
    """Sends until one is answered with success: the replica is there."""
    def followed():
        connection = rmq.Connection(master.broker_address, 20)
        try:
            return connection.send_message(TOPIC, 0, b"%d-9-%08d-" % (-1 - load_round, 0)).code == 0
        finally:
            connection.close()
    rmq.wait_until(followed, CATCH_UP_SECONDS, "a replica that the master counts on")


class Pair:
    """The two change places. The proxy is what the replica sees of its master: of the replication port, which suffers, and of the main one
    below it, which does not."""

    def __init__(self, programs, name_server, proxied):
        port = rmq.free_port(run=2) if proxied else 0
        self.proxy, self.front = (Proxy(port=port), Proxy(port=port - 1)) if proxied else (None, None)
        self.programs = programs
        self.master, self.replica = (Member(programs, name_server, self.proxy) for _ in range(2))
        # Where the queues ended when the last round was over: what is before was looked at.
        self.checked = [0] * QUEUES

    def __enter__(self):
        try:
            self.begin()
            return self
        except BaseException:
            self.__exit__()
            raise

    def begin(self):
        self.master.begin(is_master=True)
        self.point_proxies()
        self.replica.begin(is_master=False)
        wait_followed(self.master, 0)
        # Slaves learn of topics every ten seconds, and write down what they know.
        topics = self.replica.store / "config" / "topics.json"
        rmq.wait_until(lambda: topics.exists() and TOPIC in topics.read_text(), what="the replica to know the topic")

    def __exit__(self, *_):
        for member in (self.master, self.replica):
            member.__exit__()
        if self.proxy:
            self.proxy.stop()
            self.front.stop()

    def promote(self):
        done = subprocess.run([self.programs / "mqadmin", "changeBrokerRole", "-b", self.replica.broker_address, "-r", "syncMaster"], capture_output=True,
                              text=True, timeout=60)
        if done.returncode != 0 or "is a syncmaster now" not in done.stdout:
            raise RuntimeError(f"changeBrokerRole ended with {done.returncode}: {done.stdout}{done.stderr}")
        self.master, self.replica = self.replica, self.master
        self.point_proxies()

    def point_proxies(self):
        if self.proxy:
            self.proxy.target, self.front.target = self.master.replication_address, self.master.broker_address

    def round_ended(self):
        for queue, offset in self.master.messages(self.checked):
            self.checked[queue] = max(self.checked[queue], offset + 1)

    def compare_logs(self):
        """Stops both. Their logs are the same, as far as both go back."""
        wait_same(self.master, self.replica)
        problems = []
        for member in (self.replica, self.master):
            if (code := member.stop(member.processes["mqbroker"])) != 0:
                problems.append(f"a broker ended with {code}: {member.log('mqbroker')[-500:]}")
            store_reader.check(member.store)
        logs = [{path.name: path.read_bytes() for path in (member.store / "commitlog").iterdir()} for member in (self.master, self.replica)]
        for name in logs[0].keys() & logs[1].keys():
            if logs[0][name] != logs[1][name]:
                problems.append(f"segment {name} is not the same at both")
        if not logs[0].keys() & logs[1].keys():
            problems.append("the logs have no segment in common")
        return problems


# Cases. Each gets the pair and the number of the round, and returns what is wrong.


def kill_master(pair, number):
    load = Load(pair.master.broker_address, number)
    time.sleep(random.uniform(0.05, 0.5))   # the length of the load is the random variable, not a wait for something
    pair.master.kill_broker()
    load.stop()
    pair.promote()
    problems = check(load, pair.checked, pair.master)
    # Alone, the new master answers that it has no replica; what it keeps meanwhile is what the old one lacks.
    after = Load(pair.master.broker_address, number + 1_000_000)
    time.sleep(random.uniform(0, 0.1))
    pair.replica.begin(is_master=False)
    wait_followed(pair.master, number)
    after.stop()
    wait_same(pair.master, pair.replica)
    return load, problems + check(load, pair.checked, pair.replica) + check(after, pair.checked, pair.master, pair.replica)


def kill_replica(pair, number):
    load = Load(pair.master.broker_address, number)
    time.sleep(random.uniform(0.05, 0.4))
    pair.replica.kill_broker()
    time.sleep(random.uniform(0, 0.2))
    pair.replica.begin(is_master=False)
    wait_followed(pair.master, number)
    load.stop()
    wait_same(pair.master, pair.replica)
    return load, check(load, pair.checked, pair.master, pair.replica)


def spoil_network(pair, number):
    proxy, load = pair.proxy, Load(pair.master.broker_address, number)
    time.sleep(random.uniform(0.02, 0.2))
    manner = ["cut", "header", "stall", "slow", "split", "falsify"][number % 6]
    if manner == "cut":
        proxy.cut()
    elif manner == "header":
        # Every place within a frame comes up: some round after round within the twelve bytes of a header.
        proxy.chunk, proxy.cut_after = 64, number // 6 % 13
    elif manner == "stall":
        proxy.stalls = {random.choice(["up", "down"])}
        time.sleep(random.uniform(0.1, 1.5))
    elif manner == "slow":
        proxy.bytes_per_second = 200_000
        time.sleep(0.5)
    elif manner == "split":
        proxy.chunk = random.choice([1, 3, 11])
        time.sleep(0.3)
    else:
        proxy.falsify = random.randrange(1, 4)
        time.sleep(0.3)
    proxy.stalls, proxy.bytes_per_second, proxy.chunk, proxy.falsify = set(), None, 1 << 16, 0
    load.stop()
    wait_followed(pair.master, number)
    wait_same(pair.master, pair.replica)
    return load, [f"{manner}: {problem}" for problem in check(load, pair.checked, pair.master, pair.replica)]


CASES = {"master": (kill_master, False), "replica": (kill_replica, False), "network": (spoil_network, True)}


def run(name, programs, rounds):
    case, proxied = CASES[name]
    failures = total = slowest = 0
    with rmq.Cluster(programs, broker=False) as home, Pair(programs, home.name_server_address, proxied) as pair:
        try:
            for number in range(rounds):
                began = time.monotonic()
                load, problems = case(pair, number + 1)
                slowest = max(slowest, time.monotonic() - began)
                pair.round_ended()
                total += len(load.acknowledged)
                failures += bool(problems)
                for problem in problems[:5]:
                    print(f"{name} {number}: {problem}", flush=True)
                if (number + 1) % 20 == 0:
                    print(f"  {name}: {number + 1}/{rounds} rounds, {total} acknowledged, slowest round {slowest:.1f} s", flush=True)
            for problem in pair.compare_logs():
                failures += 1
                print(f"{name}: {problem}")
        except Exception:
            for member in (pair.master, pair.replica):
                print(f"-- {member.broker_address}\n{member.log('mqbroker')[-3000:]}")
            raise
    print(f"{name}: {rounds} rounds, {total} acknowledged by both, slowest round {slowest:.1f} s, {failures} failed", flush=True)
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 30)
    random.seed(seed)
    print(f"seed {seed}")
    return 1 if sum(run(name, options.programs.resolve(), options.rounds) for name in options.only) else 0


sys.exit(main())
