#!/usr/bin/env python3
"""The cases: a name server and a broker as real processes, the C++ client in processes of its own, and mqadmin.

usage: exchange.py <folder with the programs> [case ...]
"""
import contextlib
import json
import pathlib
import os
import re
import struct
import subprocess
import sys
import threading
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Support"))
import rmq
import wording

SECONDS = 60


class Exchange:
    """Both sides of the exchange on one cluster."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.name_server = cluster.name_server_address
        # The C++ client writes its logs and broadcasting offsets below the home folder.
        self.environment = {**os.environ, "HOME": str(cluster.folder), "NAMESRV_ADDR": self.name_server}

    @staticmethod
    def run(programs, cases, settings=None):
        """Runs cases on one cluster, says how each ended, and returns the exit code."""
        passed = failed = 0
        with rmq.Cluster(programs, settings) as cluster:
            exchange = Exchange(cluster)
            rmq.wait_until(lambda: cluster.broker_address in exchange.admin("clusterList"), what="the broker's registration")
            for case in cases:
                began = time.monotonic()
                try:
                    case(exchange)
                    passed += 1
                    print(f"ok      {case.__name__:20} {time.monotonic() - began:5.1f} s  {case.__doc__}", flush=True)
                except Exception as error:
                    failed += 1
                    print(f"FAILED  {case.__name__:20} {time.monotonic() - began:5.1f} s  {case.__doc__}\n        {error}", flush=True)
                    if not isinstance(error, AssertionError):
                        traceback.print_exc()
            if failed:
                print(f"--- broker's log\n{cluster.log('mqbroker')[-3000:]}")
        print(f"{passed} passed, {failed} failed")
        return 1 if failed else 0

    def restart_killed(self):
        """Kills the broker and starts it again; clients find it as soon as the name server knows it."""
        self.cluster.kill_broker()
        self.cluster.start_broker()
        rmq.wait_until(lambda: self.cluster.broker_address in self.admin("clusterList"), what="the broker's registration")

    def admin(self, *arguments):
        done = subprocess.run([self.cluster.programs / "mqadmin", *arguments], env=self.environment, capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0 and not done.stderr, f"mqadmin {' '.join(arguments)} ended with {done.returncode}: {done.stderr}{done.stdout}"
        return done.stdout

    def make_topic(self, topic, queues=4):
        self.admin("updateTopic", "-b", self.cluster.broker_address, "-t", topic, "-r", str(queues), "-w", str(queues))
        # A broker announces the new topic by itself; clients need it at the name server.
        rmq.wait_until(lambda: topic in self.admin("topicList").split("\n"), what=f"topic {topic} at the name server")

    def send(self, topic, mode, count, kind=None):
        command = [sys.executable, HERE / "send_all.py", self.name_server, topic, mode, str(count), *([kind] if kind else [])]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, f"sending failed: {done.stderr[-2000:]}"
        sent = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        errors = [message["error"] for message in sent if "error" in message]
        assert not errors, f"{len(errors)} of {count} sends failed: {errors[0]}"
        assert len(sent) == count, f"{len(sent)} of {count} sends were reported"
        assert all(message.get("status", 0) == 0 for message in sent), "a send was not answered SEND_OK"
        return sent

    def send_swift(self, topic, texts, mode="sync"):
        """Sends `texts` with the Swift client; by their `shard` when in order."""
        command = [self.cluster.programs / "InteropClient", "send", self.name_server, topic, mode]
        lines = "".join(json.dumps(text) + "\n" for text in texts)
        done = subprocess.run(command, env=self.environment, input=lines, capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, f"sending failed: {done.stderr[-2000:]}"
        stored = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        assert len(stored) == len(texts), f"{len(stored)} of {len(texts)} sends were reported"
        return stored

    def settle(self, topic, members, queues, kind, seconds=SECONDS):
        """Sends rounds of messages until one came once each, to all members in equal shares of the queues; returns all that was sent.

        Until then queues are on their way between members, and what is in hand meanwhile may rightly come to both of them.
        """
        deadline, sent = time.monotonic() + seconds, []
        shares = sorted(queues // len(members) + (number < queues % len(members)) for number in range(len(members)))
        while True:
            coming = self.send_swift(topic, wording.texts(f"{kind}-{len(sent)}", 2 * queues))
            sent += coming
            wanted = {message["body"] for message in coming}

            def came():
                return [[message for message in list(member.received) if message["body"] in wanted] for member in members]
            rmq.wait_until(lambda: {message["body"] for each in came() for message in each} == wanted, seconds, f"{kind}: a round of messages")
            arrived = came()
            owned = [{message["queue"] for message in each} for each in arrived]
            if sum(map(len, arrived)) == len(wanted) and sorted(map(len, owned)) == shares:
                return sent
            assert time.monotonic() < deadline, f"{kind}: the queues of the members are still {owned}"

    @contextlib.contextmanager
    def consumer(self, topic, group, mode="concurrent", expression="*", count=1 << 30, seconds=SECONDS):
        """A push consumer of the C++ client, until the block ends."""
        script = [sys.executable, HERE / "consume_all.py", self.name_server, topic, group, mode, expression, str(count), str(seconds)]
        with Consumer(script, self.environment).running() as consumer:
            yield consumer

    @contextlib.contextmanager
    def swift_consumer(self, topic, group, mode="concurrent", expression="*"):
        """A push consumer of the Swift client, until the block ends."""
        folder = self.cluster.folder / "swift-offsets"
        program = [self.cluster.programs / "InteropClient", "consume", self.name_server, topic, group, mode, expression, folder]
        with Consumer(program, self.environment).running() as consumer:
            yield consumer

    def consume(self, topic, group, count, mode="concurrent", expression="*"):
        with self.consumer(topic, group, mode, expression, count) as consumer:
            return consumer.wait()

    def pull_all(self, topic):
        """Every message of a topic: (queue, offset) to body."""
        return {place: bytes(record.body) for place, record in self.pull_records(topic).items()}

    def pull_records(self, topic):
        """Every record of a topic through a connection of the tests' own: (queue, offset) to record."""
        import store_reader
        connection = rmq.Connection(self.cluster.broker_address)
        found = {}
        for queue in range(4):
            response = connection.pull(topic, queue, 0, 32)
            at = 0
            while response.code == 0 and at < len(response.body):
                physical = int.from_bytes(response.body[at + 28:at + 36], "big")
                record = store_reader.parse_record(memoryview(response.body), at, physical)
                found[queue, record.queue_offset] = record
                at += int.from_bytes(response.body[at:at + 4], "big")
        connection.close()
        return found


class Consumer:
    """A process that consumes and prints a JSON object a message, until its standard input ends."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.received = []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                self.received.append(json.loads(line))

    @contextlib.contextmanager
    def running(self):
        try:
            yield self
        finally:
            self.stop()

    def wait_for(self, sent, what):
        """Waits until everything in `sent` has come, and returns these messages."""
        bodies = {message["body"] for message in sent}

        def arrived():
            return [message for message in list(self.received) if message["body"] in bodies]
        rmq.wait_until(lambda: len({message["body"] for message in arrived()}) >= len(bodies), SECONDS, what)
        return arrived()

    def wait(self):
        """What has come when the process ends by itself."""
        self.reader.join(SECONDS + 15)
        assert self.process.wait(15) == 0, f"the consumer failed: {self.process.stderr.read()[-2000:]}"
        return list(self.received)

    def stop(self):
        if self.process.stdout.closed:
            return
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.reader.join()
        if self.process.returncode != 0:
            print(self.process.stderr.read()[-2000:], file=sys.stderr)
        self.process.stdout.close()
        self.process.stderr.close()


def equal(sent, received, what="messages"):
    assert len(received) == len(sent), f"{len(received)} {what} came for {len(sent)} sent"
    wanted, came = wording.by_body(sent), wording.by_body(received)
    for body, message in wanted.items():
        assert came.get(body) == message, f"sent {message}, received {came.get(body)}"


# The cases, each on a topic of its own.

def sync(exchange):
    """C++ sends synchronously, C++ consumes all of it"""
    exchange.make_topic("InteropSync")
    equal(exchange.send("InteropSync", "sync", 60), exchange.consume("InteropSync", "sync_group", 60))


def asynchronous(exchange):
    """C++ sends asynchronously, C++ consumes all of it"""
    exchange.make_topic("InteropAsync")
    equal(exchange.send("InteropAsync", "async", 200), exchange.consume("InteropAsync", "async_group", 200))


def oneway(exchange):
    """C++ sends one-way, C++ consumes all of it"""
    exchange.make_topic("InteropOneway")
    equal(exchange.send("InteropOneway", "oneway", 60), exchange.consume("InteropOneway", "oneway_group", 60))


def orderly(exchange):
    """C++ sends by shard, an orderly consumer gets each shard in order from one queue"""
    exchange.make_topic("InteropOrderly")
    sent = exchange.send("InteropOrderly", "orderly", 60)
    received = exchange.consume("InteropOrderly", "orderly_group", 60, mode="orderly")
    equal(sent, received)
    for shard in range(3):
        bodies = [message["body"] for message in sent if message["shard"] == shard]
        arrived = [message for message in received if message["body"] in bodies]
        assert [message["body"] for message in arrived] == bodies, f"shard {shard} arrived out of order"
        assert len({message["queue"] for message in arrived}) == 1, f"shard {shard} is spread over several queues"


def filtered(exchange):
    """a consumer of two tags gets these and no others"""
    exchange.make_topic("InteropFiltered")
    sent = exchange.send("InteropFiltered", "sync", 60, "filtered")
    wanted = [message for message in sent if message["tags"] != "TagB"]
    equal(wanted, exchange.consume("InteropFiltered", "filtered_group", len(wanted), expression="TagA || TagC"))


def broadcasting(exchange):
    """two broadcasting consumers of one group get everything each"""
    exchange.make_topic("InteropBroadcast", queues=1)
    with contextlib.ExitStack() as stack:
        consumers = [stack.enter_context(exchange.consumer("InteropBroadcast", "broadcast_group", "broadcasting")) for _ in range(2)]
        # A broadcasting consumer begins at the end of the queue: send signals until both are there.
        deadline, number = time.monotonic() + SECONDS, 0
        while not all(consumer.received for consumer in consumers):
            assert time.monotonic() < deadline, "the consumers received nothing"
            exchange.send("InteropBroadcast", "sync", 1, f"signal-{number}")
            number += 1
        sent = exchange.send("InteropBroadcast", "sync", 30, "broadcast")
        for number, consumer in enumerate(consumers):
            equal(sent, consumer.wait_for(sent, f"all messages at consumer {number}"))


def batch(exchange):
    """a batch of this old C++ client is stored as one message that holds all of them, as at the reference"""
    exchange.make_topic("InteropBatch")
    sent = exchange.send("InteropBatch", "batch", 16)
    records = list(exchange.pull_all("InteropBatch").values())
    assert len(records) == 1, f"{len(records)} records for one batch"
    data, at, bodies = records[0], 0, []
    while at < len(data):
        size, _, _, _, length = struct.unpack_from(">iiiii", data, at)
        bodies.append(data[at + 20:at + 20 + length].decode())
        at += size
    assert bodies == [message["body"] for message in sent], "the batch holds other bodies than those sent"


def delayed(exchange):
    """C++ sends with delay level 1, C++ consumes all of it a second later"""
    exchange.make_topic("InteropDelayed")
    with exchange.consumer("InteropDelayed", "delayed_group", count=20) as consumer:
        began = time.time()
        sent = exchange.send("InteropDelayed", "delayed", 20)
        received = consumer.wait()
    equal(sent, received)
    assert all(message["queue"] < 4 for message in received)
    records = exchange.pull_records("InteropDelayed").values()
    assert min(record.store_timestamp for record in records) >= (began + 1) * 1000, "a message was delivered too early"


def automatic_topic(exchange):
    """C++ sends to a topic that does not exist yet"""
    equal(exchange.send("InteropAutomatic", "sync", 12, "automatic"), exchange.consume("InteropAutomatic", "automatic_group", 12))


def swift_to_foreign(exchange):
    """the Swift client sends (mqadmin sendMessage), C++ consumes"""
    exchange.make_topic("InteropFromSwift")
    sent = [{**wording.text("swift", number), "property": ""} for number in range(6)]
    for message in sent:
        table = exchange.admin("sendMessage", "-t", "InteropFromSwift", "-p", message["body"], "-c", message["tags"], "-k", message["keys"])
        assert "SEND_OK" in table, table
    equal(sent, exchange.consume("InteropFromSwift", "from_swift_group", len(sent)))


def foreign_to_swift(exchange):
    """C++ sends, mqadmin reads (consumeMessage, queryMsgById)"""
    exchange.make_topic("InteropToSwift")
    sent = exchange.send("InteropToSwift", "sync", 40, "to-swift")
    lines = [line for line in exchange.admin("consumeMessage", "-t", "InteropToSwift", "-c", "1000").splitlines() if line.startswith("MSGID: ")]
    received = []
    for line in lines:
        properties = re.search(r"properties=\{(.*?)\}, body=", line)[1]
        values = dict(pair.split("=", 1) for pair in properties.split(", "))
        received.append({"body": line.split(" BODY: ", 1)[1], "tags": values["TAGS"], "keys": values["KEYS"], "property": values[wording.PROPERTY]})
    equal(sent, received)
    offset_id = re.search(r"msgId=([0-9A-F]{32})", lines[0])[1]
    shown = exchange.admin("queryMsgById", "-i", offset_id)
    path = pathlib.Path(re.search(r"Message Body Path: +(\S+)", shown)[1])
    try:
        assert path.read_text() == received[0]["body"], "the body file differs"
    finally:
        path.unlink(missing_ok=True)
    assert re.search(r"Topic: +InteropToSwift\n", shown), shown


def progress(exchange):
    """what a C++ group has consumed is kept: consumerProgress shows no lag, and a second run gets only what is new"""
    exchange.make_topic("InteropProgress")
    exchange.send("InteropProgress", "sync", 20, "first")
    exchange.consume("InteropProgress", "progress_group", 20)
    table = exchange.admin("consumerProgress", "-g", "progress_group")
    assert "Diff Total: 0\n" in table, table
    equal(exchange.send("InteropProgress", "sync", 20, "second"), exchange.consume("InteropProgress", "progress_group", 20))


def swift_producer(exchange):
    """the Swift client sends (plain, compressed, 1 MiB, in batches, properties in UTF-8), C++ and Swift consume all of it"""
    exchange.make_topic("InteropSwiftSends")
    sent = wording.texts("swift-sends", 40)
    sent.append({**wording.text("swift-large", 0), "body": "большое тело 🚀 " * 40_000})
    # What does not get smaller is sent as it is: hexadecimal digits of random bytes do, so both are among these.
    sent.append({**wording.text("swift-random", 0), "body": os.urandom(100_000).hex()})
    exchange.send_swift("InteropSwiftSends", sent)
    members = wording.texts("swift-batch", 19)
    exchange.send_swift("InteropSwiftSends", members, mode="batch")
    records = list(exchange.pull_all("InteropSwiftSends").values())
    stored = {len(body) for body in records}
    assert max(stored) < 200_000, "the large body was not compressed"
    everything = sent + members
    equal(everything, exchange.consume("InteropSwiftSends", "swift_sends_group", len(everything)))
    with exchange.swift_consumer("InteropSwiftSends", "swift_sends_swift_group") as consumer:
        equal(everything, consumer.wait_for(everything, "all messages at the Swift consumer"))


def swift_consumer(exchange):
    """C++ sends in all its ways, a Swift consumer gets everything as sent, also by tags and broadcasting"""
    exchange.make_topic("InteropSwiftReads")
    sent = exchange.send("InteropSwiftReads", "sync", 60, "reads-sync") + exchange.send("InteropSwiftReads", "async", 60, "reads-async")
    sent += exchange.send("InteropSwiftReads", "orderly", 30, "reads-orderly") + exchange.send("InteropSwiftReads", "oneway", 30, "reads-oneway")
    with exchange.swift_consumer("InteropSwiftReads", "swift_reads_group") as consumer:
        equal(sent, consumer.wait_for(sent, "all messages"))
    wanted = [message for message in sent if message["tags"] != "TagB"]
    with exchange.swift_consumer("InteropSwiftReads", "swift_tags_group", expression="TagA || TagC") as consumer:
        equal(wanted, consumer.wait_for(wanted, "the messages of two tags"))
        assert len(consumer.received) == len(wanted), "messages of another tag came"
    with contextlib.ExitStack() as stack:
        both = [stack.enter_context(exchange.swift_consumer("InteropSwiftReads", "swift_broadcast_group", "broadcasting")) for _ in range(2)]
        for consumer in both:
            equal(sent, consumer.wait_for(sent, "all messages at each broadcasting consumer"))


def mixed_group(exchange):
    """C++ and Swift consumers share a group: both get a part, each message comes once, and who stays takes over from who leaves"""
    topic, group = "InteropMixed", "mixed_group"
    exchange.make_topic(topic)

    def shared(consumers, kind):
        """Sends signals until each consumer has its queues, then what must arrive exactly once."""
        exchange.settle(topic, consumers, 4, f"{kind}-signal")
        sent = exchange.send(topic, "sync", 60, kind)
        bodies = {message["body"] for message in sent}

        def arrived():
            return [message for consumer in consumers for message in list(consumer.received) if message["body"] in bodies]
        rmq.wait_until(lambda: len({message["body"] for message in arrived()}) == len(sent), SECONDS, f"{kind}: all messages")
        equal(sent, arrived(), f"{kind} messages")

    with exchange.consumer(topic, group) as foreign:
        shared([foreign], "mixed-alone")
        with exchange.swift_consumer(topic, group) as swift:
            shared([foreign, swift], "mixed-both")
        shared([foreign], "mixed-left")
        with exchange.swift_consumer(topic, group) as swift:
            shared([foreign, swift], "mixed-again")
            foreign.stop()
            shared([swift], "mixed-taken-over")
    table = exchange.admin("consumerProgress", "-g", group)
    assert "Diff Total: 0\n" in table, table


CASES = [sync, asynchronous, oneway, orderly, filtered, broadcasting, batch, delayed, automatic_topic, swift_to_foreign, foreign_to_swift, progress,
         swift_producer, swift_consumer, mixed_group]


def main(programs, *names):
    return Exchange.run(programs, [case for case in CASES if not names or case.__name__ in names])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
