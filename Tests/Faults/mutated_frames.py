#!/usr/bin/env python3
"""Sends mutated frames to a running server while a healthy client works with it, and checks that nothing breaks.

The seeds are the recorded frames of Tests/Golden (every request code; for the name server those that it serves) plus frames
made here; a mutation flips bits, cuts, repeats, swaps lengths or splices two frames. The server may answer an error or close
the connection. It may not crash, stop serving the healthy client, or grow without bound, and it must stop cleanly.

The broker filters by SQL92 expressions, with bit maps: a part of its frames carry expressions, made and changed here, in heartbeats,
pulls and checks of what is subscribed to.

A third server is a broker with access control: half of its frames are signed after they were changed, so that what is behind the
signature is reached, and a file of accounts is changed all the time. A fourth is a closed name server, in the same way.

usage: mutated_frames.py <folder with mqbroker and mqnamesrv> [frames] [seed] [broker|namesrv|accounts|closed ...]   (without a name: all)
"""
import json
import pathlib
import random
import select
import socket
import struct
import sys
import threading
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Support"))
import rmq

ROOT = pathlib.Path(__file__).resolve().parent.parent
INTERESTING = [0, 1, 2, 3, 4, 7, 8, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x01000000]
MEMORY_LIMIT_KILOBYTES = 1024 * 1024
HEARTBEAT, CHECK_CLIENT = 34, 46
REGISTER, QUERY_VERSION, ROUTE, PUT_KEY, GET_KEY, UPDATE_CONFIGURATION = 103, 322, 105, 100, 101, 318
NAME_SERVER_CODES = {100, 101, 102, 103, 104, 105, 106, 205, 206, 216, 219, 224, 304, 311, 312, 313, 318, 319, 322, 327}


# ---- frames

def recorded_rows(file="frames.jsonl"):
    for line in open(ROOT / "Golden" / file):
        row = json.loads(line)
        if row.get("kind") == "request" or not row["header"].get("flag", 0) & 1:
            yield row


def recorded(codes=None):
    return [bytes.fromhex(row["frame"]) for row in recorded_rows() if codes is None or row["header"]["code"] in codes]


def broker_seeds():
    fields = rmq.send_fields("Mutated", 0, {"TAGS": "a", "KEYS": "k"})
    return recorded() + [make(rmq.SEND_V2, fields, b"body" * 10) for make in (rmq.frame, rmq.binary_frame)]


EXPRESSIONS = [
    "price > 20 AND colour = 'red'", "a IS NOT NULL OR NOT (b BETWEEN 1 AND 9.5e3)", "TAGS IN ('a', 'it''s', 'c') /* of two */",
    "-a < 0x", "(((((a = 1) = TRUE) <> FALSE)))", "a NOT IN ('x') AND b NOT BETWEEN -1 AND 1 -- all\n", "KEYS = 'k' OR a >= 9223372036854775807",
]
PARTS = [word.encode() for word in "( ) ((((((((((((((((( )) NOT NOT_NOT - -- /* */ ' '' , = <> > >= < <= AND OR BETWEEN IN IS NULL TRUE a b TAGS 1 0.0 1e308 "
         "99999999999999999999 1L $ _ \x00 \xff \u4e2d".split()] + [b" "]


def mutated_expression(generator):
    text = generator.choice(EXPRESSIONS).encode()
    for _ in range(generator.randrange(4)):
        at = generator.randrange(len(text) + 1)
        text = text[:at] + b" " * generator.randrange(2) + generator.choice(PARTS) * generator.choice((1, 1, 1, 50, 5000)) + text[at:]
    if generator.random() < 0.3:
        text = change(generator, text, [word.encode() for word in EXPRESSIONS])
    return text.decode(errors="replace")[:generator.choice((80_000, 30_000, 400))]


def filtered(generator):
    """A heartbeat, a pull, a check or a message, about a topic that is filtered by an expression."""
    make = rmq.frame if generator.random() < 0.7 else rmq.binary_frame
    group, version = f"filter_{generator.randrange(20)}", generator.randrange(1 << 40)
    subscription = {"classFilterMode": False, "codeSet": [], "expressionType": generator.choice(("SQL92", "SQL92", "SQL92", "TAG", "", "sql")),
                    "subString": mutated_expression(generator), "subVersion": version, "tagsSet": [], "topic": "Filtered"}
    what = generator.randrange(5)
    if what == 0:
        return make(HEARTBEAT, {}, json.dumps({"clientID": f"c{generator.randrange(9)}", "producerDataSet": [], "consumerDataSet": [{
            "consumeFromWhere": "CONSUME_FROM_FIRST_OFFSET", "consumeType": "CONSUME_PASSIVELY", "groupName": group, "messageModel": "CLUSTERING",
            "subscriptionDataSet": [subscription], "unitMode": False}]}).encode())
    if what == 1:
        return make(CHECK_CLIENT, {}, json.dumps({"clientId": "c", "group": group, "subscriptionData": subscription}).encode())
    if what == 2:
        properties = {"price": generator.choice(("21", "x", "9" * 30, "1.5")), "colour": "red", "a": "1", "TAGS": "a"}
        return make(rmq.SEND_V2, rmq.send_fields("Filtered", 0, properties), b"body")
    fields = {"consumerGroup": group, "topic": "Filtered", "queueId": "0", "queueOffset": str(generator.randrange(50)), "maxMsgNums": "32",
              "sysFlag": "4" if what == 3 else "0", "commitOffset": "0", "suspendTimeoutMillis": "0", "subVersion": str(version >> generator.randrange(40))}
    if what == 3:
        fields |= {"subscription": subscription["subString"], "expressionType": subscription["expressionType"]}
    return make(rmq.PULL, fields)


def registration_fields(broker, address, compressed=False):
    return {"brokerName": broker, "brokerAddr": address, "clusterName": "Fuzz", "haServerAddr": address, "brokerId": "0",
            "compressed": "true" if compressed else "false", "bodyCrc32": "0"}


def topic_table(topics, version=1):
    config = {name: {"order": False, "perm": 6, "readQueueNums": 4, "topicFilterType": "SINGLE_TAG", "topicName": name,
                     "topicSysFlag": 3, "writeQueueNums": 4} for name in topics}
    return {"dataVersion": {"counter": version, "timestamp": 7}, "topicConfigTable": config}


def registration_body(topics, version=1):
    return json.dumps({"filterServerList": ["f:1"], "topicConfigSerializeWrapper": topic_table(topics, version)}).encode()


def packed_content(topics):
    """What a compressed registration holds before it is compressed."""
    def text(value):
        return struct.pack(">i", len(value)) + value
    return (text(b'{"counter":1,"timestamp":7}') + struct.pack(">i", len(topics))
            + b"".join(text(f"{name} 4 4 6 SINGLE_TAG".encode()) for name in topics) + text(b'["f:1"]'))


def name_server_seeds():
    found = recorded(NAME_SERVER_CODES)
    body, packed = registration_body(["A", "B"]), zlib.compress(packed_content(["A", "B"]))
    old_body = json.dumps(topic_table(["A"])).encode()
    for make in (rmq.frame, rmq.binary_frame):
        found += [make(REGISTER, registration_fields("m", "h:1"), body), make(REGISTER, registration_fields("m", "h:1", True), packed),
                  make(REGISTER, registration_fields("m", "h:2"), old_body, version=30),
                  make(QUERY_VERSION, registration_fields("m", "h:1"), b'{"counter":1,"timestamp":7}'),
                  make(ROUTE, {"topic": "A", "acceptStandardJsonOnly": "true"}), make(ROUTE, {"topic": "A"}, version=293),
                  make(PUT_KEY, {"namespace": "ORDER_TOPIC_CONFIG", "key": "A", "value": "m:4"}),
                  make(UPDATE_CONFIGURATION, {}, b"orderMessageEnable=true\nserverWorkerThreads=9\n")]
    return found


ADMINISTRATOR = ("admin-one", "secret-admin-1")
ACCOUNTS = """\
globalWhiteRemoteAddresses:
- 10.0.0.1
accounts:
- accessKey: user-one
  secretKey: secret-one-1
  defaultGroupPerm: SUB
  topicPerms: [AclAllowed=PUB|SUB, AclSubOnly=SUB]
- accessKey: admin-one
  secretKey: secret-admin-1
  admin: true
"""
FURTHER_ACCOUNTS = ACCOUNTS.replace("one", "two").encode()


def account_seeds():
    return [bytes.fromhex(row["frame"]) for row in recorded_rows("frames-acl.jsonl")] + broker_seeds()


# Those that change or delete accounts would end the healthy client's own.
SIGNED_ROWS = [row for row in recorded_rows() if row["header"]["code"] not in (50, 51, 53)]


NAME_SERVER_ROWS = [row for row in recorded_rows() if row["header"]["code"] in NAME_SERVER_CODES]


def mutated_and_signed(generator, rows=SIGNED_ROWS):
    """A request of an account that may do everything, or little, with a field or the body changed before it is signed."""
    row = generator.choice(rows)
    raw = bytes.fromhex(row["frame"])
    body = raw[8 + (struct.unpack_from(">I", raw, 4)[0] & 0xFFFFFF):]
    fields = dict(row["header"].get("extFields") or {})
    if fields and generator.random() < 0.8:
        name = generator.choice(list(fields))
        fields[name] = change(generator, fields[name].encode(), [b"%RETRY%", b"2147483648"]).decode(errors="replace")
    if body and generator.random() < 0.5:
        body = change(generator, body, [body])
    account = ADMINISTRATOR if generator.random() < 0.5 else ("user-one", "secret-one-1")
    make = rmq.frame if generator.random() < 0.5 else rmq.binary_frame
    try:
        return make(row["header"]["code"], rmq.signed(fields, body, *account), body)
    except struct.error:   # a name or a value that the form cannot carry
        return rmq.frame(row["header"]["code"], {}, body)


def mutated_registration(generator):
    """Damage under the compression, where a mutation of the frame never gets."""
    content = change(generator, packed_content([f"T{generator.randrange(50)}" for _ in range(generator.randrange(6))]), [b"\xff" * 8])
    return rmq.frame(REGISTER, registration_fields("m", f"h:{generator.randrange(8)}", True), zlib.compress(content, 1))


def change(generator, data, others):
    """`data` with a few mutations; `others` are spliced in."""
    data = bytearray(data)
    for _ in range(generator.choice((1, 1, 1, 2, 3, 8))):
        kind = generator.randrange(6)
        at = generator.randrange(len(data)) if data else 0
        if kind == 0 and data:
            data[at] ^= 1 << generator.randrange(8)
        elif kind == 1 and data:
            data[at] = generator.randrange(256)
        elif kind == 2 and len(data) >= 8:
            struct.pack_into(">I", data, generator.choice((0, 4, min(at, len(data) - 4))), generator.choice(INTERESTING))
        elif kind == 3:
            del data[at:at + generator.randrange(1, 64)]
        elif kind == 4:
            data[at:at] = data[at:at + generator.randrange(1, 64)]
        else:
            other = generator.choice(others)
            data[at:] = other[generator.randrange(len(other)):]
    return bytes(data)


def mutate(generator, frames):
    frame = generator.choice(frames)
    how = generator.random()
    if how < 0.5:
        data = bytearray(change(generator, frame, frames))
        # Most mutated frames should be looked at inside, so most get their length word repaired.
        if len(data) >= 8 and generator.random() < 0.8:
            struct.pack_into(">I", data, 0, len(data) - 4)
        return bytes(data)
    # Header or body alone, in a frame that fits.
    word = struct.unpack_from(">I", frame, 4)[0]
    split = 8 + (word & 0xFFFFFF)
    header, body = frame[8:split], frame[split:]
    if how < 0.75 or not body:
        header = change(generator, header, frames)
    else:
        body = change(generator, body, frames)
    return struct.pack(">II", 4 + len(header) + len(body), word & 0xFF000000 | len(header)) + header + body


# ---- who sends

class Attacker(threading.Thread):
    def __init__(self, target, frames, count, seed):
        super().__init__()
        self.target, self.frames, self.left, self.generator = target, frames, count, random.Random(seed)
        self.sent, self.closed, self.error = 0, 0, None

    def run(self):
        try:
            while self.left > 0:
                self.one_connection()
        except Exception as error:  # the server is gone, or the test is wrong: either way the run fails
            self.error = error

    def next_frame(self):
        make = self.target.made
        return make(self.generator) if make and self.generator.random() < self.target.made_share else mutate(self.generator, self.frames)

    def one_connection(self):
        host, port = self.target.address.rsplit(":", 1)
        connection = socket.create_connection((host, int(port)), 10)
        connection.setblocking(False)
        try:
            for _ in range(self.generator.randrange(1, 60)):
                batch = [self.next_frame() for _ in range(min(8, self.left))]
                data = b"".join(batch)
                self.sent += len(batch)
                self.left -= len(batch)
                deadline = time.monotonic() + 0.5
                while data and time.monotonic() < deadline:
                    readable, writable, _ = select.select([connection], [connection], [], 0.05)
                    if readable and not connection.recv(1 << 18):
                        self.closed += 1
                        return
                    if writable:
                        data = data[connection.send(data):]
                if data or self.left <= 0:
                    return
        except (ConnectionError, BrokenPipeError, BlockingIOError):
            self.closed += 1
        finally:
            connection.close()


class Broker:
    program, made, made_share, name_server_settings = "mqbroker", staticmethod(filtered), 0.2, {}
    settings = {"enablePropertyFilter": "true", "enableConsumeQueueExt": "true", "enableCalcFilterBitMap": "true", "filterSupportRetry": "true"}
    seeds = staticmethod(broker_seeds)

    def __init__(self, cluster):
        self.cluster, self.address = cluster, cluster.broker_address

    def round_trip(self, connection, number):
        body = f"healthy {number}".encode()
        sent = connection.send_message("Healthy", 0, body)
        if sent.code != 0:
            raise RuntimeError(f"send answered {sent.code}: {sent.remark}")
        pulled = connection.pull("Healthy", 0, int(sent.fields["queueOffset"]), 1)
        if pulled.code != 0 or body not in pulled.body:
            raise RuntimeError(f"pull answered {pulled.code}: {pulled.remark}")

    @staticmethod
    def prepare(cluster):
        """Before the server starts."""

    def connect(self, timeout=10):
        return rmq.Connection(self.address, timeout)

    def tick(self, generator):
        """Five times a second."""

    def aftermath(self):
        return []


class AccountBroker(Broker):
    made, made_share, settings = staticmethod(mutated_and_signed), 0.5, {"aclEnable": "true"}
    seeds = staticmethod(account_seeds)

    @staticmethod
    def prepare(cluster):
        (cluster.folder / "conf" / "acl").mkdir(parents=True)
        (cluster.folder / "conf" / "plain_acl.yml").write_text(ACCOUNTS)

    def connect(self, timeout=10):
        return rmq.Connection(self.address, timeout, ADMINISTRATOR)

    def tick(self, generator):
        content = change(generator, FURTHER_ACCOUNTS, [b"[" * 40, b"&a *a", b"!!java.lang.Object", b"\xff"])
        (self.cluster.folder / "conf" / "acl" / "further.yml").write_bytes(content)

    def aftermath(self):
        problems = []
        for account, text in [(None, "No accessKey is configured"), (("admin-one", "wrong-secret"), "Check signature failed"), (("nobody7", "x"), "No acl config for nobody7")]:
            answer = rmq.Connection(self.address, 10, account).request(26)
            if text not in (answer.remark or ""):
                problems.append(f"{account} was answered {answer.code}: {answer.remark}")
        if "secret-" in self.cluster.log(self.program):
            problems.append("a secret is in the log")
        return problems


class NameServer:
    program, made, made_share, settings, name_server_settings = "mqnamesrv", staticmethod(mutated_registration), 0.1, {}, {}
    prepare, connect, tick = Broker.prepare, Broker.connect, Broker.tick
    seeds = staticmethod(name_server_seeds)

    def __init__(self, cluster):
        self.cluster, self.address = cluster, cluster.name_server_address

    def round_trip(self, connection, number):
        registered = connection.request(REGISTER, registration_fields("healthy", "healthy:1"), registration_body(["Healthy"], number))
        if registered.code != 0:
            raise RuntimeError(f"the registration was answered {registered.code}: {registered.remark}")
        route = connection.request(ROUTE, {"topic": "Healthy"})
        if route.code != 0 or b"healthy:1" not in route.body:
            raise RuntimeError(f"the route was answered {route.code}: {route.remark} {route.body[:200]}")

    def aftermath(self):
        """What was put is there after a restart, whatever else was put between."""
        connection = self.connect(60)   # behind the changes that wait for the disk
        item = {"namespace": "healthy", "key": "k", "value": "v"}
        problems = []
        put = connection.request(PUT_KEY, item)
        if put.code != 0:
            problems.append(f"putting a key was answered {put.code}: {put.remark}")
        connection.close()
        code = self.cluster.stop(self.cluster.processes[self.program])
        if code != 0:
            problems.append(f"the name server ended with {code}")
        self.cluster.start_name_server()
        found = self.connect().request(GET_KEY, item)
        if found.code != 0 or found.fields.get("value") != "v":
            problems.append(f"after a restart the key was answered {found.code}: {found.remark}")
        return problems


class ClosedNameServer(NameServer):
    made, made_share = staticmethod(lambda generator: mutated_and_signed(generator, NAME_SERVER_ROWS)), 0.5
    name_server_settings = {"aclEnable": "true", "authenticationRequired": "true"}
    prepare, connect, tick = AccountBroker.prepare, AccountBroker.connect, AccountBroker.tick

    def aftermath(self):
        problems = []
        for code in (REGISTER, ROUTE, PUT_KEY, UPDATE_CONFIGURATION):
            answer = rmq.Connection(self.address, 10).request(code)
            if "No accessKey is configured" not in (answer.remark or ""):
                problems.append(f"{code} without an account was answered {answer.code}: {answer.remark}")
        if "secret-" in self.cluster.log(self.program):
            problems.append("a secret is in the log")
        # With a damaged file it would not start again, and say so.
        (self.cluster.folder / "conf" / "acl" / "further.yml").unlink()
        return problems + super().aftermath()


def healthy(target, stop, state):
    try:
        connection = target.connect()
        while not stop.is_set():
            before = time.monotonic()
            target.round_trip(connection, state["count"])
            state["slowest"] = max(state["slowest"], time.monotonic() - before)
            state["count"] += 1
            time.sleep(0.002)   # the pace of the healthy client, not a wait
    except Exception as error:
        state["error"] = error


def resident_kilobytes(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


def attack(target, count, seed):
    """The problems that `count` frames brought to light."""
    print(f"{target.program}: {count} frames, seed {seed}", flush=True)
    stop, state, frames = threading.Event(), {"count": 0, "slowest": 0.0, "error": None}, target.seeds()
    witness = threading.Thread(target=healthy, args=(target, stop, state))
    witness.start()
    attackers = [Attacker(target, frames, count // 4, seed + number) for number in range(4)]
    for attacker in attackers:
        attacker.start()
    peak, reported, process = 0, time.monotonic(), target.cluster.processes[target.program]
    while any(attacker.is_alive() for attacker in attackers):
        attackers[0].join(0.2)
        target.tick(attackers[0].generator)
        if process.poll() is not None or state["error"]:
            for attacker in attackers:
                attacker.left = 0
            break
        peak = max(peak, resident_kilobytes(process.pid))
        if time.monotonic() - reported > 10:
            reported = time.monotonic()
            print(f"  {sum(a.sent for a in attackers)} sent, {peak // 1024} MB resident at most, "
                  f"healthy client: {state['count']} round trips", flush=True)
    for attacker in attackers:
        attacker.join()
    stop.set()
    witness.join()
    problems = [f"attacker: {a.error!r}" for a in attackers if a.error]
    if process.poll() is not None:
        problems.append(f"{target.program} ended with {process.returncode}:\n{target.cluster.log(target.program)[-3000:]}")
    if state["error"]:
        problems.append(f"the healthy client failed: {state['error']!r}")
    if peak > MEMORY_LIMIT_KILOBYTES:
        problems.append(f"{peak // 1024} MB resident")
    print(f"{sum(a.sent for a in attackers)} frames sent, {sum(a.closed for a in attackers)} connections closed by the server, "
          f"{state['count']} healthy round trips, slowest {state['slowest'] * 1000:.0f} ms, {peak // 1024} MB resident at most", flush=True)
    return problems or target.aftermath()


def main():
    targets = {"broker": Broker, "namesrv": NameServer, "accounts": AccountBroker, "closed": ClosedNameServer}
    programs, numbers = sys.argv[1], [int(word) for word in sys.argv[2:] if word not in targets]
    chosen = [word for word in sys.argv[2:] if word in targets] or list(targets)
    count = numbers[0] if numbers else 300_000
    seed = numbers[1] if len(numbers) > 1 else random.randrange(1 << 31)
    passed, failed = 0, 0
    for name in chosen:
        target = targets[name]
        cluster = rmq.Cluster(
            programs, {"mappedFileSizeCommitLog": 64 * 1024 * 1024, **target.settings}, name_server=issubclass(target, NameServer),
            broker=not issubclass(target, NameServer), name_server_settings=target.name_server_settings)
        target.prepare(cluster)
        with cluster:
            problems = attack(target(cluster), count, seed)
        for problem in problems:
            print(problem)
        passed, failed = passed + (not problems), failed + bool(problems)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
