"""The cluster that the reference's admin tool was recorded on, rebuilt with our servers.

A name server, two masters, and on demand a replica and a master with accounts. Topics and messages are those of the recordings, with their
unique ids, and the clients are there: connections that send heartbeats as the recorded clients did and answer what brokers ask them, with
the recorded bodies. Nothing in it is ours but the servers.
"""
import contextlib
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import os

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Support"))
import rmq

GOLDEN = HERE.parent / "Golden"
HEARTBEAT, UPDATE_OFFSET, CREATE_TOPIC, MAX_OFFSET, END_TRANSACTION, RUNTIME_INFO = 34, 15, 17, 30, 37, 28
RUNNING_INFO, CONSUME_DIRECTLY, CLIENT_STATUS = 307, 309, 221
# Of a message that waits for its transaction, and the end that lets it through.
PREPARED, COMMIT = 4, 8

SETTINGS = {
    "brokerClusterName": "GoldenCluster", "brokerIP1": "127.0.0.1", "mappedFileSizeCommitLog": 1 << 20, "mappedFileSizeConsumeQueue": 6000,
    "maxHashSlotNum": 1000, "maxIndexNum": 4000, "enablePropertyFilter": "true", "enableConsumeQueueExt": "true",
    "mappedFileSizeConsumeQueueExt": 4096, "enableCalcFilterBitMap": "true", "bitMapLengthConsumeQueueExt": 112, "transactionCheckInterval": 5000,
    "traceTopicEnable": "true", "autoCreateTopicEnable": "true",
}
# The stock file, as at the recorded broker; this is the one that the distribution ships.
ACCOUNTS = (HERE.parent.parent / "Tools" / "conf" / "plain_acl.yml").read_text()
# By the broker that has them.
TOPICS = {
    "golden-a": ["GoldenPlain", "GoldenAsync", "GoldenOrdered", "GoldenDelay", "GoldenTraced", "GoldenOneway", "GoldenV1"],
    "golden-b": ["GoldenPlain", "GoldenAsync", "GoldenBatch", "GoldenDelay", "GoldenTx", "GoldenRpc", "GoldenTraced", "GoldenOneway", "GoldenV1"],
}
# The addresses of the recordings, by the names that the cases speak of.
RECORDED = {"name-server": "127.0.0.1:29876", "golden-a": "127.0.0.1:30911", "golden-b": "127.0.0.1:31911", "replica": "127.0.0.1:32911",
            "golden-c": "127.0.0.1:33911", "nobody": "127.0.0.1:30999", "no-name-server": "127.0.0.1:29999"}


class GoldenCluster:
    def __init__(self, programs):
        self.programs = pathlib.Path(programs).absolute()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rocketmq-golden-"))
        self.addresses = {name: f"127.0.0.1:{rmq.free_port()}" for name in ("name-server", "nobody", "no-name-server")}
        self.processes, self.clients = [], {}
        # Offset ids of the recordings and of the same messages here.
        self.offset_ids = {}

    def __enter__(self):
        try:
            self.start("mqnamesrv", "name-server", {"kvConfigPath": self.folder / "kvConfig.json"})
            self.start_broker("golden-a", {})
            self.start_broker("golden-b", {})
            self.make_topics()
            self.send_messages()
            self.connect_clients()
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        for client in self.clients.values():
            client.close()
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Processes

    def start(self, program, name, settings):
        home = self.folder / name
        (home / "conf").mkdir(parents=True, exist_ok=True)
        file = home / "server.properties"
        port = self.addresses[name].rsplit(":", 1)[1]
        file.write_text("".join(f"{key}={value}\n" for key, value in {**settings, "listenPort": port}.items()))
        arguments = ["-n", self.addresses["name-server"]] if program == "mqbroker" else []
        with open(home / "output.log", "ab") as log:
            process = subprocess.Popen([self.programs / program, "-c", file, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env={**os.environ, "HOME": str(home), "ROCKETMQ_HOME": str(home)})
        self.processes.append(process)

        def ready():
            if process.poll() is not None:
                raise RuntimeError(f"{program} {name} ended with {process.returncode}:\n{(home / 'output.log').read_text(errors='replace')[-3000:]}")
            return rmq.answers(self.addresses[name])
        rmq.wait_until(ready, what=f"{name} to listen")

    def start_broker(self, name, settings):
        # The port for urgent requests is two below, that of replication one above.
        self.addresses[name] = f"127.0.0.1:{rmq.free_port(run=4) - 1}"
        self.start("mqbroker", name, {"brokerName": name, **SETTINGS, "storePathRootDir": self.folder / name / "store", **settings})
        known = json.dumps(self.addresses[name])
        rmq.wait_until(lambda: known in self.cluster_info(), what=f"the registration of {name}")

    def cluster_info(self):
        connection = rmq.Connection(self.addresses["name-server"])
        with contextlib.closing(connection):
            return connection.request(106).body.decode()

    def start_replica(self):
        self.start_broker("replica", {"brokerName": "golden-a", "brokerId": 1, "brokerRole": "SLAVE"})

    def start_broker_with_accounts(self):
        conf = self.folder / "golden-c" / "conf"
        conf.mkdir(parents=True)
        (conf / "plain_acl.yml").write_text(ACCOUNTS)
        self.start_broker("golden-c", {"brokerClusterName": "GoldenAcl", "aclEnable": "true"})

    def masters(self):
        return ["golden-a", "golden-b"]

    # Topics and messages

    @contextlib.contextmanager
    def connected(self, broker):
        with contextlib.closing(rmq.Connection(self.addresses[broker])) as connection:
            yield connection

    def make_topics(self):
        for broker in self.masters():
            with self.connected(broker) as connection:
                for topic in TOPICS[broker]:
                    answer = connection.request(CREATE_TOPIC, {
                        "topic": topic, "defaultTopic": "TBW102", "readQueueNums": "4", "writeQueueNums": "4", "perm": "6",
                        "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false"})
                    assert answer.code == 0, f"topic {topic}: {answer.remark}"

    def send_messages(self):
        with self.connected("golden-a") as a, self.connected("golden-b") as b:
            brokers = {"golden-a": a, "golden-b": b}

            def send(broker, topic, queue, body, properties):
                answer = brokers[broker].send_message(topic, queue, body, properties)
                assert answer.code == 0, f"{topic}: {answer.remark}"
                return answer.fields["msgId"]

            ids = recorded_ids()
            for number in range(43):
                # Queues in turn, from the second of golden-a on.
                place = (number + 1) % 8
                broker, queue = ("golden-a", "golden-b")[place // 4], place % 4
                body, properties = plain_message(number)
                properties["UNIQ_KEY"] = ids.get(number, f"FD0000000000000000000000000000023B995FFD2B2767FE9{number:03X}{number:04X}")
                offset_id = send(broker, "GoldenPlain", queue, body, properties)
                recorded = {0: "7F000001000078BF0000000000000000", 1: "7F000001000078BF0000000000000110",
                            5: "7F00000100007CA70000000000000221", 40: "7F000001000078BF0000000000001585"}.get(number)
                if recorded:
                    self.offset_ids[recorded] = offset_id
            port = int(self.addresses["golden-a"].rsplit(":", 1)[1])
            self.offset_ids["7F000001000078BF00000000000FFFFF"] = f"7F000001{port:08X}00000000000FFFFF"
            for broker, queue, body, properties in recorded_messages("consumeMessage"):
                send(broker, "GoldenAsync", queue, body, properties)
            for broker, topic, queues, count in OTHER_MESSAGES:
                for queue in range(queues):
                    for number in range(count):
                        send(broker, topic, queue, f"{topic} {number}".encode(), {"TAGS": "TagA"})
            for level in (1, 2, 3):
                send("golden-a", "GoldenDelay", 0, b"delayed", {"DELAY": str(level)})
            self.commit_transaction(b)
            traced = "FD0000000000000000000000000000023DF65FFD2B276800D7260000"
            moment = str(int(time.time() * 1000))
            records = [["Pub", moment, "DefaultRegion", "golden_trace_producer", "GoldenTraced", traced, "TagA", "k", "127.0.0.1:30911", "6", "26", "0",
                        "7F000001000078BF0000000000003000", "true"],
                       ["SubBefore", moment, "null", "golden_trace_consumer", "R", traced, "0", "k"],
                       ["SubAfter", "R", traced, "1", "true", "k", "0", moment, "golden_trace_consumer"]]
            body = "".join("\x01".join(record) + "\x02" for record in records).encode()
            send("golden-a", "RMQ_SYS_TRACE_TOPIC", 0, body, {"KEYS": traced, "UNIQ_KEY": "FD0000000000000000000000000000023DF65FFD2B276800D9990001"})

    def wait_for_delayed(self):
        """Until the delayed messages were delivered, since brokers then tell of their levels."""
        with self.connected("golden-a") as connection:
            rmq.wait_until(lambda: b"scheduleMessageOffset_3" in connection.request(RUNTIME_INFO).body, what="the delayed messages")

    @staticmethod
    def commit_transaction(connection):
        """One transaction, so that the topic is there where messages wait for theirs."""
        properties = {"TRAN_MSG": "true", "PGROUP": "golden_tx_producer", "UNIQ_KEY": "FD0000000000000000000000000000023B995FFD2B2767FE7E24004F"}
        fields = {**rmq.send_fields("GoldenTx", 0, properties), "f": str(PREPARED)}
        answer = connection.request(rmq.SEND_V2, fields, b"in a transaction")
        assert answer.code == 0, answer.remark
        answer = connection.request(END_TRANSACTION, {
            "producerGroup": "golden_tx_producer", "tranStateTableOffset": answer.fields["queueOffset"],
            "commitLogOffset": str(int(answer.fields["msgId"][16:], 16)), "commitOrRollback": str(COMMIT), "fromTransactionCheck": "false",
            "msgId": properties["UNIQ_KEY"], "transactionId": properties["UNIQ_KEY"]})
        assert answer.code == 0, answer.remark

    def send_signed(self):
        """The message that the recorded tool sent to the first queue of the broker with accounts; ours may have taken the other one."""
        with contextlib.closing(rmq.Connection(self.addresses["golden-c"], account=("rocketmq2", "12345678"))) as connection:
            if connection.request(MAX_OFFSET, {"topic": "AclTopic", "queueId": "0"}).fields["offset"] != "0":
                return
            answer = connection.send_message("AclTopic", 0, b"signed", {"UNIQ_KEY": "FD0000000000000000000000000000026EC74E0E2F2A680E42EA0000"})
            assert answer.code == 0, answer.remark
            rmq.wait_until(lambda: connection.request(MAX_OFFSET, {"topic": "AclTopic", "queueId": "0"}).fields["offset"] != "0", what="the message")

    # Clients

    def connect_clients(self):
        for client_id, group, topic, expression, rest in CONSUMERS:
            self.clients[client_id] = Client(self, client_id, [consumer(group, topic, expression, **rest)], ["CLIENT_INNER_PRODUCER"])
        for client_id, groups in PRODUCERS.items():
            self.clients[client_id] = Client(self, client_id, [], groups)
        for broker in self.masters():
            with self.connected(broker) as connection:
                connection.send_message("%RETRY%golden_consumer", 0, b"once more", {"TAGS": "TagA"})
                for _, group, topic, _, rest in [*CONSUMERS, ("", "golden_nobody_old", "GoldenAsync", "*", {"type": "CONSUME_ACTIVELY"})]:
                    if rest.get("model") == "BROADCASTING":
                        continue
                    places = [(topic, queue) for queue in range(4) if topic in TOPICS[broker]]
                    if "type" not in rest and (group, broker) != ("golden_lag_consumer", "golden-b"):
                        places.append((f"%RETRY%{group}", 0))
                    for topic, queue in places:
                        end = connection.request(MAX_OFFSET, {"topic": topic, "queueId": str(queue)}).fields["offset"]
                        connection.request(UPDATE_OFFSET, {"consumerGroup": group, "topic": topic, "queueId": str(queue),
                                                           "commitOffset": "0" if group == "golden_lag_consumer" and queue < 3 else end})

    def beat(self):
        """Has every client tell that it is there: brokers forget those that are silent for two minutes."""
        for client in self.clients.values():
            client.beat()


class Client:
    """The connections of one client. A thread of each answers what the broker asks."""

    def __init__(self, cluster, client_id, consumers, producers):
        self.client_id, self.consumers = client_id, consumers
        # When its consumer started, in milliseconds; the tool looks at subscriptions only some time later.
        self.started = int(time.time() * 1000) - (0 if "@two" in client_id else 3_600_000)
        self.body = json.dumps({"clientID": client_id, "consumerDataSet": consumers,
                                "producerDataSet": [{"groupName": name} for name in producers]}, separators=(",", ":")).encode()
        self.connections = []
        for broker in cluster.masters():
            connection = rmq.Connection(cluster.addresses[broker])
            connection.socket.sendall(self.heartbeat())
            answer = connection.receive()
            assert answer.code == 0, f"{client_id}: {answer.remark}"
            connection.socket.settimeout(None)
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def heartbeat(self):
        header = json.dumps({"code": HEARTBEAT, "flag": 0, "language": "JAVA", "opaque": 1 << 20, "serializeTypeCurrentRPC": "JSON",
                             "version": 409}).encode()
        return struct.pack(">II", 4 + len(header) + len(self.body), len(header)) + header + self.body

    def beat(self):
        for connection in self.connections:
            connection.socket.sendall(self.heartbeat())

    def serve(self, connection):
        with contextlib.suppress(OSError):
            while True:
                asked = connection.receive()
                if asked.flag & (rmq.FLAG_RESPONSE | rmq.FLAG_ONE_WAY):
                    continue
                connection.socket.sendall(rmq.frame(0, {}, self.answer(asked), asked.opaque, rmq.FLAG_RESPONSE))

    def answer(self, asked):
        if asked.code == RUNNING_INFO:
            return self.running_info(asked.fields.get("jstackEnable") == "true")
        if asked.code == CONSUME_DIRECTLY:
            return b'{"autoCommit":true,"consumeResult":"CR_SUCCESS","order":false,"spentTimeMills":1}'
        return b'{"consumerTable":{},"messageQueueTable":{}}' if asked.code == CLIENT_STATUS else b""

    def running_info(self, shows_threads):
        """As a recorded consumer told it, with this one's names and subscriptions."""
        group, model = self.consumers[0]["groupName"], "golden_orderly_consumer" if self.client_id.endswith("@ord") else "golden_consumer"
        text = recorded_running_info()[model].replace(model, group)
        subscriptions = json.dumps(self.consumers[0]["subscriptionDataSet"], separators=(",", ":"))
        # It is the last member.
        threads = f'"jstack":{json.dumps(recorded_threads())},' if shows_threads else ""
        text = text[:text.index('"subscriptionSet":')] + f'{threads}"subscriptionSet":{subscriptions}}}'
        return re.sub(r'"PROP_CONSUMER_START_TIMESTAMP":"\d+"', f'"PROP_CONSUMER_START_TIMESTAMP":"{self.started}"', text).encode()

    def close(self):
        for connection in self.connections:
            connection.close()


def subscription(topic, expression, kind="TAG"):
    tags = [] if expression == "*" or kind != "TAG" else expression.split(" || ")
    return {"classFilterMode": False, "codeSet": [java_hash(tag) for tag in tags], "expressionType": kind, "subString": expression,
            "subVersion": 1795235932048 + len(expression + topic), "tagsSet": tags, "topic": topic}


def consumer(group, topic, expression="*", kind="TAG", type="CONSUME_PASSIVELY", model="CLUSTERING", place="CONSUME_FROM_FIRST_OFFSET"):
    subscriptions = [subscription(topic, expression, kind)]
    if type == "CONSUME_PASSIVELY" and model == "CLUSTERING":
        subscriptions.append(subscription(f"%RETRY%{group}", "*"))
    return {"consumeFromWhere": place, "consumeType": type, "groupName": group, "messageModel": model, "subscriptionDataSet": subscriptions,
            "unitMode": False}


LAST = {"place": "CONSUME_FROM_LAST_OFFSET"}
CONSUMERS = [
    ("192.0.2.2@golden_consumer", "golden_consumer", "GoldenPlain", "*", {}),
    ("192.0.2.2@golden_tag_consumer", "golden_tag_consumer", "GoldenPlain", "TagA || TagB", {}),
    ("192.0.2.2@golden_sql_consumer", "golden_sql_consumer", "GoldenPlain", "price > 20 AND colour = 'red'", {"kind": "SQL92"}),
    ("192.0.2.2@lag", "golden_lag_consumer", "GoldenPlain", "*", {}),
    # The member with the latest subscription says what the group subscribes to.
    ("192.0.2.2@two2", "golden_two_consumer", "GoldenPlain", "*", LAST),
    ("192.0.2.2@two1", "golden_two_consumer", "GoldenPlain", "TagA", LAST),
    ("192.0.2.2@ord", "golden_orderly_consumer", "GoldenOrdered", "*", {}),
    ("192.0.2.2@bc", "golden_broadcast_consumer", "GoldenBatch", "*", {"model": "BROADCASTING"}),
    ("192.0.2.2@lp@STREAM", "golden_litepull", "GoldenAsync", "*", {"type": "CONSUME_ACTIVELY", **LAST}),
    ("192.0.2.2@golden_tx_consumer", "golden_tx_consumer", "GoldenTx", "*", {}),
    ("192.0.2.2@golden_delay_consumer", "golden_delay_consumer", "GoldenDelay", "*", {}),
    ("192.0.2.2@rc", "golden_rpc_consumer", "GoldenRpc", "*", {}),
    ("192.0.2.2@tc", "golden_trace_consumer", "GoldenTraced", "*", {}),
]
PRODUCERS = {
    "192.0.2.2@15257#7038225677333": ["CLIENT_INNER_PRODUCER", "golden_producer"],
    "192.0.2.2@rp": ["CLIENT_INNER_PRODUCER", "golden_replier_producer"],
    "192.0.2.2@tx": ["CLIENT_INNER_PRODUCER", "golden_tx_producer"],
    "192.0.2.2@tp": ["CLIENT_INNER_PRODUCER", "golden_trace_producer"],
    "192.0.2.2@PID_CLIENT_INNER_TRACE_PRODUCER_127.0.0.1:29876": [
        "CLIENT_INNER_PRODUCER", "_INNER_TRACE_PRODUCER-golden_trace_producer-PRODUCE-1", "_INNER_TRACE_PRODUCER-golden_trace_consumer-CONSUME-2"],
}


# Messages whose content no recording shows: broker, topic, queues and messages in each.
OTHER_MESSAGES = [
    ("golden-a", "GoldenOrdered", 3, 4), ("golden-a", "GoldenTraced", 2, 1), ("golden-b", "GoldenTraced", 2, 1), ("golden-a", "GoldenDelay", 4, 1),
    ("golden-b", "GoldenTx", 1, 1), ("golden-b", "GoldenRpc", 1, 1), ("golden-b", "GoldenBatch", 1, 10), ("golden-b", "GoldenOneway", 1, 1),
    ("golden-b", "GoldenV1", 1, 1),
]


# What the recordings tell about messages and clients

def java_hash(text):
    value = 0
    for unit in struct.unpack(f"<{len(text.encode('utf-16-le')) // 2}H", text.encode("utf-16-le")):
        value = (31 * value + unit) & 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def plain_message(number):
    """The recorded program's message of that number on GoldenPlain."""
    if number == 40:
        return b"big message " * 2741, {"TAGS": "TagZ", "KEYS": "BIG_1"}
    if number == 41:
        return b"no properties ", {}
    if number == 42:
        return bytes([0, 1, 2, 255, 128]), {"TAGS": "TagA"}
    return f"plain message {number}".encode(), {
        "TAGS": "Tag" + "ABC"[number % 3], "KEYS": f"ORDER_{number} CUST_{number % 5}", "colour": "red" if number % 2 == 0 else "blue",
        "price": str(number * 1.5), "name": f"名字-ü-{number}"}


def recorded_text(name):
    return (GOLDEN / "admin" / f"{name}.txt").read_text()


def recorded_ids():
    """Unique ids of the messages on GoldenPlain, by their number: the last four digits count the messages of the recorded program."""
    found = set()
    for file in (GOLDEN / "admin").glob("*.txt"):
        found |= set(re.findall(r"\bFD0000000000000000000000000000023B995FFD2B2767FE7[0-9A-F]{3}[0-9A-F]{4}\b", file.read_text()))
    return {int(text[-4:], 16): text for text in sorted(found)}


def recorded_messages(name):
    """Broker, queue, body and properties of every message that a recording shows, in the order of their offsets."""
    messages = []
    for line in recorded_text(name).split("\n"):
        if not line.startswith("MSGID"):
            continue
        properties = dict(pair.split("=", 1) for pair in re.search(r"properties=\{(.*?)\}", line)[1].split(", "))
        for added in ("MIN_OFFSET", "MAX_OFFSET", "CLUSTER"):
            properties.pop(added, None)
        body = bytes(int(byte) & 255 for byte in re.search(r"body=\[(.*?)\]", line)[1].split(", "))
        offset = int(re.search(r"queueOffset=(\d+)", line)[1])
        messages.append((offset, re.search(r"brokerName=([\w-]+)", line)[1], int(re.search(r"queueId=(\d+)", line)[1]), body, properties))
    return [message[1:] for message in sorted(messages, key=lambda message: message[:3])]


def recorded_threads():
    """What a consumer told about its threads."""
    return recorded_text("consumerStatus-i-s").split("#Consumer jstack#\n")[1].rsplit("--- exit", 1)[0]


def recorded_running_info():
    """What two recorded consumers told about themselves, by group."""
    if not RUNNING_INFO_TEXTS:
        for line in (GOLDEN / "frames.jsonl").open():
            frame = json.loads(line)
            if frame["requestCode"] == RUNNING_INFO and frame["kind"] == "response" and frame["from"] == "client":
                data = bytes.fromhex(frame["frame"])
                (word,) = struct.unpack(">I", data[4:8])
                text = data[8 + (word & 0xFFFFFF):].decode()
                RUNNING_INFO_TEXTS["golden_orderly_consumer" if "golden_orderly_consumer" in text else "golden_consumer"] = text
    return RUNNING_INFO_TEXTS


RUNNING_INFO_TEXTS = {}
