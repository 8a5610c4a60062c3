"""Two brokers of one name, a master and its replica, in the surroundings that a test wants; senders; and what must be true afterwards."""
import json
import random
import shutil
import subprocess
import threading

import hosts
import live_client
import rmq
import store_reader
from proxy import Proxy

RUNTIME_INFO = 28
TOPIC, QUEUES, SENDERS = "Replicated", 4, 4
CATCH_UP_SECONDS = 60
SEGMENT_BYTES = 1 << 20
SETTINGS = {"mappedFileSizeCommitLog": SEGMENT_BYTES, "mappedFileSizeConsumeQueue": 60000, "haSendHeartbeatInterval": 1000, "slaveTimeout": 1000,
            "defaultTopicQueueNums": QUEUES}


class Member(rmq.Cluster):
    """One of the two: its role is that of its next start."""

    master_role = "SYNC_MASTER"

    def __init__(self, programs, name_server, source=None):
        super().__init__(programs, SETTINGS, name_server=False, broker=False)
        self.name_server_address, self.source = name_server, source
        self.plain_programs = self.programs

    def run_by(self, words):
        """Its next start is by these words, such as `env`."""
        self.programs = hosts.wrapped(self.folder / "wrapped", self.plain_programs, words)

    def begin(self, is_master):
        role = {"brokerRole": self.master_role, "brokerId": 0} if is_master else {"brokerRole": "SLAVE", "brokerId": 1}
        self.settings.update(role)
        self.settings.pop("haMasterAddress", None)
        if self.source and not is_master:
            self.settings["haMasterAddress"] = self.source.address
        self.start_broker()

    @property
    def replication_address(self):
        return f"127.0.0.1:{self.broker_port + 1}"

    def ask(self, code, fields=None, body=b""):
        connection = rmq.Connection(self.broker_address, 20)
        try:
            answer = connection.request(code, fields, body)
        finally:
            connection.close()
        if answer.code != 0:
            raise RuntimeError(f"{self.broker_address} answered {code} with {answer.code}: {answer.remark}")
        return answer

    def told(self):
        """What it says of itself."""
        return json.loads(self.ask(RUNTIME_INFO).body)["table"]

    def end_of_log(self):
        return int(self.told()["commitLogMaxOffset"])

    def is_following(self):
        return self.told().get("masterLink", "").startswith("following")

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

    def __init__(self, programs, name_server, proxied=False):
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
        # It writes down what it learns of its master.
        topics = self.replica.store / "config" / "topics.json"
        rmq.wait_until(lambda: topics.exists() and TOPIC in topics.read_text(), what="the replica to know the topic")

    def __exit__(self, *_):
        for member in (self.master, self.replica):
            member.__exit__()
        if self.proxy:
            self.proxy.stop()
            self.front.stop()

    def promote(self):
        done = subprocess.run([self.programs / "mqadmin", "changeBrokerRole", "-b", self.replica.broker_address, "-r", "syncMaster"],
                              capture_output=True, text=True, timeout=60)
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


class ProxiedPair(Pair):
    def __init__(self, programs, name_server):
        super().__init__(programs, name_server, proxied=True)


class DistantPair(Pair):
    """The replica is at the other end of a cable."""

    def __init__(self, *words):
        super().__init__(*words)
        self.cable = hosts.Cable()

    def begin(self):
        self.cable.lay()
        for member, address in ((self.master, self.cable.near), (self.replica, self.cable.far)):
            member.broker_address = f"{address}:{member.broker_port}"
            member.name_server_address = f"{self.cable.near}:{member.name_server_address.rsplit(':')[-1]}"
            # A silence that is longer than this ends the connection, also while nothing can be said of it.
            member.settings.update(brokerIP1=address, bindAddress=address, haHousekeepingInterval=2000)
        self.replica.run_by(self.cable.inside)
        super().begin()

    def __exit__(self, *_):
        super().__exit__()
        self.cable.remove()


class CrampedPair(Pair):
    """The replica has a small disk, which is emptied when it is nearly full, as every broker's."""

    def __init__(self, *words):
        super().__init__(*words)
        self.disk = hosts.SmallDisk(self.replica.store, 64)

    def __exit__(self, *_):
        super().__exit__()
        self.disk.remove()
        shutil.rmtree(self.replica.folder, ignore_errors=True)


class StarvedPair(ProxiedPair):
    """The master does not wait, so the replica may fall behind."""

    def begin(self):
        self.master.master_role = "ASYNC_MASTER"
        super().begin()


class AnnouncingPair(Pair):
    """Both say often to the name server that they are there."""

    def begin(self):
        for member in (self.master, self.replica):
            member.settings["registerNameServerPeriod"] = 10_000
        super().begin()


class ForgetfulPair(Pair):
    """The master deletes soon when it is told to; one that waits for replicas would keep what none has."""

    def begin(self):
        self.master.master_role = "ASYNC_MASTER"
        self.master.settings.update(cleanResourceInterval=1000, deleteCommitLogFilesInterval=0)
        super().begin()


class TimelessPair(Pair):
    def begin(self):
        self.clock_library = hosts.clock_library(self.master.folder)
        super().begin()
