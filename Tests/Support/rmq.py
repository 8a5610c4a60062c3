"""An independent, deliberately plain peer for tests: the RocketMQ 4.x frame, a blocking connection, processes to talk to.

Nothing here shares code with the Swift packages; it was written from the protocol's description alone, so that a mistake in
our encoder does not hide behind the same mistake in our decoder.
"""
import base64
import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

# A harness that is told to stop unwinds, and so stops what it started.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))

SEND_V2, SEND_BATCH, PULL = 310, 320, 11
FLAG_RESPONSE, FLAG_ONE_WAY = 1, 2


def frame(code, fields=None, body=b"", opaque=0, flag=0, version=409):
    header = json.dumps({"code": code, "extFields": fields or {}, "flag": flag, "language": "OTHER", "opaque": opaque,
                         "serializeTypeCurrentRPC": "JSON", "version": version}, separators=(",", ":")).encode()
    return struct.pack(">II", 4 + len(header) + len(body), len(header)) + header + body


def binary_frame(code, fields=None, body=b"", opaque=0, flag=0, version=409):
    entries = b"".join(struct.pack(">H", len(k)) + k.encode() + struct.pack(">I", len(v.encode())) + v.encode()
                       for k, v in (fields or {}).items())
    header = struct.pack(">hBhiiI", code, 7, version, opaque, flag, 0) + struct.pack(">I", len(entries)) + entries
    return struct.pack(">II", 4 + len(header) + len(body), 1 << 24 | len(header)) + header + body


def signed(fields, body, account, secret):
    """The fields with the name and the signature of an account."""
    fields = {**(fields or {}), "AccessKey": account}
    fields.pop("Signature", None)
    content = "".join(fields[name] for name in sorted(fields)).encode() + body
    return {**fields, "Signature": base64.b64encode(hmac.new(secret.encode(), content, hashlib.sha1).digest()).decode()}


class Response:
    def __init__(self, header, body):
        self.code = header["code"]
        self.remark = header.get("remark")
        self.fields = header.get("extFields") or {}
        self.opaque = header["opaque"]
        self.flag = header["flag"]
        self.body = body


def parse_binary_header(data):
    code, language, version, opaque, flag, remark_length = struct.unpack_from(">hBhiiI", data)
    at = 17
    remark = data[at:at + remark_length].decode() or None
    at += remark_length
    (length,) = struct.unpack_from(">I", data, at)
    at += 4
    end, fields = at + length, {}
    while at < end:
        (size,) = struct.unpack_from(">H", data, at)
        key = data[at + 2:at + 2 + size].decode()
        at += 2 + size
        (size,) = struct.unpack_from(">I", data, at)
        fields[key] = data[at + 4:at + 4 + size].decode()
        at += 4 + size
    return {"code": code, "opaque": opaque, "flag": flag, "remark": remark, "extFields": fields}


class Connection:
    def __init__(self, address, timeout=10, account=None):
        """account: a name and a secret, which every request is signed with."""
        self.account = account
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.opaque = 0

    def close(self):
        self.socket.close()

    def receive_exactly(self, count):
        while len(self.buffer) < count:
            data = self.socket.recv(1 << 16)
            if not data:
                raise ConnectionError("the peer closed the connection")
            self.buffer += data
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def receive(self):
        (length,) = struct.unpack(">I", self.receive_exactly(4))
        data = self.receive_exactly(length)
        (word,) = struct.unpack(">I", data[:4])
        size = word & 0xFFFFFF
        header = data[4:4 + size]
        parsed = json.loads(header) if word >> 24 == 0 else parse_binary_header(header)
        return Response(parsed, data[4 + size:])

    def request(self, code, fields=None, body=b""):
        self.opaque += 1
        if self.account:
            fields = signed(fields, body, *self.account)
        self.socket.sendall(frame(code, fields, body, self.opaque))
        while True:
            response = self.receive()
            if response.flag & FLAG_RESPONSE and response.opaque == self.opaque:
                return response

    def send_message(self, topic, queue_id, body, properties=None, code=SEND_V2):
        return self.request(code, send_fields(topic, queue_id, properties), body)

    def pull(self, topic, queue_id, offset, count=32, group="test_group", hold_milliseconds=0):
        return self.request(PULL, {
            "consumerGroup": group, "topic": topic, "queueId": str(queue_id), "queueOffset": str(offset),
            "maxMsgNums": str(count), "sysFlag": str(4 | (2 if hold_milliseconds else 0)), "commitOffset": "0",
            "suspendTimeoutMillis": str(hold_milliseconds), "subscription": "*", "subVersion": "0", "expressionType": "TAG"})


def property_text(properties):
    return "\x02".join(f"{key}\x01{value}" for key, value in (properties or {}).items())


def send_fields(topic, queue_id, properties=None):
    return {"a": "test_producer", "b": topic, "c": "TBW102", "d": "4", "e": str(queue_id), "f": "0",
            "g": str(int(time.time() * 1000)), "h": "0", "i": property_text(properties), "j": "0", "k": "false", "m": "false"}


def free_port(run=1):
    """A port such that it and the `run - 1` ports before it are free right now."""
    for _ in range(200):
        top = random.randrange(20000, 60000)
        with contextlib.ExitStack() as stack:
            try:
                for port in range(top - run + 1, top + 1):
                    probe = stack.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", port))
                return top
            except OSError:
                continue
    raise RuntimeError("no free port found in 200 tries")


def wait_until(condition, seconds=20, what="a condition"):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.01)
    raise TimeoutError(f"waited {seconds} s for {what}")


def answers(address):
    try:
        socket.create_connection(tuple([address.rsplit(":", 1)[0], int(address.rsplit(":", 1)[1])]), 0.5).close()
        return True
    except OSError:
        return False


@contextlib.contextmanager
def temporary_folder():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rocketmq-test-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Cluster:
    """A name server and a broker as real processes, with a store in a temporary folder; either may be left out."""

    def __init__(self, programs, settings=None, name_server=True, broker=True, name_server_settings=None, files=None):
        """files: what the folder, which is ROCKETMQ_HOME too, has before anything starts, as texts by their paths."""
        self.programs = pathlib.Path(programs)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rocketmq-test-"))
        self.name_server_settings = name_server_settings or {}
        for path, text in (files or {}).items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)
        self.store = self.folder / "store"
        self.name_server_address = f"127.0.0.1:{free_port()}" if name_server else None
        # The one above is for replication.
        self.broker_port = free_port(run=5) - 1
        self.broker_address = f"127.0.0.1:{self.broker_port}"
        # On a crowded machine a loop may stand still for longer than clients are patient.
        self.settings = {"brokerName": "broker-a", "brokerClusterName": "DefaultCluster", "listenPort": self.broker_port,
                         "brokerIP1": "127.0.0.1", "storePathRootDir": self.store, "autoCreateTopicEnable": "true",
                         "brokerFastFailureEnable": "false"}
        self.settings.update(settings or {})
        self.has_broker = broker
        self.processes = {}

    def __enter__(self):
        try:
            if self.name_server_address:
                self.start_name_server()
            if self.has_broker:
                self.start_broker()
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        for process in reversed(list(self.processes.values())):
            self.stop(process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, program, *arguments):
        log = open(self.folder / f"{program}.log", "ab")
        environment = {**os.environ, "HOME": str(self.folder), "ROCKETMQ_HOME": str(self.folder)}
        process = subprocess.Popen([self.programs / program, *map(str, arguments)], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                   env=environment)
        log.close()
        self.processes[program] = process
        return process

    def start_name_server(self):
        configuration = self.folder / "namesrv.conf"
        settings = {"listenPort": self.name_server_address.rsplit(":")[-1], "kvConfigPath": f"{self.folder}/kvConfig.json", **self.name_server_settings}
        configuration.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        process = self.start("mqnamesrv", "-c", configuration)

        def ready():
            if process.poll() is not None:
                raise RuntimeError(f"mqnamesrv ended with {process.returncode}:\n{self.log('mqnamesrv')[-3000:]}")
            return answers(self.name_server_address)

        wait_until(ready, what="the name server to listen")
        return process

    def start_broker(self):
        configuration = self.folder / "broker.conf"
        configuration.write_text("".join(f"{key}={value}\n" for key, value in self.settings.items()))
        arguments = ["-c", configuration]
        if self.name_server_address:
            arguments += ["-n", self.name_server_address]
        process = self.start("mqbroker", *arguments)

        def ready():
            if process.poll() is not None:
                raise RuntimeError(f"mqbroker ended with {process.returncode}:\n{self.log('mqbroker')[-3000:]}")
            return answers(self.broker_address)

        wait_until(ready, what="the broker to listen")
        return process

    def kill_broker(self):
        self.processes["mqbroker"].send_signal(signal.SIGKILL)
        self.processes["mqbroker"].wait()

    def stop(self, process, seconds=20):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        return process.returncode

    def log(self, program):
        return (self.folder / f"{program}.log").read_text(errors="replace")
