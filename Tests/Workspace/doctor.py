#!/usr/bin/env python3
"""`mqadmin doctor` at a real cluster: nothing is said of a healthy one, and each of thirteen planted faults is found.

usage: doctor.py <folder with mqnamesrv, mqbroker and mqadmin> [case ...]
"""
import contextlib
import json
import signal
import socket
import subprocess
import threading
import time

import desk as desks
from desk import expect, rmq

BOOTED = "boot success. serializeType"
HEARTBEAT, SEND_BACK, RUNNING_INFO = 34, 36, 307


class Consumer:
    """Says that it subscribes to something, and answers what it is asked about that."""

    def __init__(self, address, group, name, topic, tag):
        subscription = {"topic": topic, "subString": tag, "tagsSet": [] if tag == "*" else [tag], "codeSet": [], "subVersion": 1,
                        "expressionType": "TAG", "classFilterMode": False}
        self.info = {"properties": {"PROP_CONSUME_TYPE": "CONSUME_PASSIVELY"}, "subscriptionSet": [subscription], "mqTable": {}, "statusTable": {}}
        self.connection = rmq.Connection(address)
        body = {"clientID": name, "producerDataSet": [], "consumerDataSet": [
            {"groupName": group, "consumeType": "CONSUME_PASSIVELY", "messageModel": "CLUSTERING", "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET",
             "subscriptionDataSet": [subscription], "unitMode": False}]}
        answer = self.connection.request(HEARTBEAT, {}, json.dumps(body).encode())
        expect(answer.code == 0, f"the heartbeat was answered {answer.code} {answer.remark}")
        self.connection.socket.settimeout(None)
        threading.Thread(target=self.answer, daemon=True).start()

    def close(self):
        # A close alone waits for the thread that reads.
        with contextlib.suppress(OSError):
            self.connection.socket.shutdown(socket.SHUT_RDWR)
        self.connection.close()

    def answer(self):
        with contextlib.suppress(OSError):
            while True:
                asked = self.connection.receive()
                if asked.code == RUNNING_INFO:
                    reply = rmq.frame(0, {}, json.dumps(self.info).encode(), asked.opaque, rmq.FLAG_RESPONSE)
                    self.connection.socket.sendall(reply)


def broker(desk, name, name_servers, more="", cluster="DefaultCluster", **environment):
    port = rmq.free_port(run=4)
    configuration = desk.file(f"{name}-{port}.conf", f"""
        brokerClusterName = {cluster}
        brokerName = {name}
        listenPort = {port}
        brokerIP1 = 127.0.0.1
        namesrvAddr = {name_servers}
        storePathRootDir = {desk.folder}/store-{name}-{port}
        {more}
        """)
    process = desk.start("mqbroker", "-c", configuration, until=BOOTED, **environment)
    process.address = f"127.0.0.1:{port}"
    return process


def doctor(desk, name_servers, *words):
    code, output, errors = desk.run("mqadmin", "doctor", "-n", name_servers, "--json", "--exit-code", *words)
    expect(errors == "", f"doctor: {errors}")
    return code, json.loads(output)["findings"]


def admin(desk, name_servers, *words):
    code, output, errors = desk.run("mqadmin", *words, "-n", name_servers, "--exit-code")
    expect(code == 0, f"mqadmin {words}: {code} {output} {errors}")


def registered(desk, name_servers, count):
    def complete():
        return len(desk.run("mqadmin", "clusterList", "-n", name_servers)[1].splitlines()) == count + 1
    rmq.wait_until(complete, what=f"{count} registered brokers")


def a_healthy_cluster(desk):
    servers = desk.name_server()
    master = broker(desk, "broker-a", servers)
    registered(desk, servers, 1)
    admin(desk, servers, "updateTopic", "-c", "DefaultCluster", "-t", "Orders")
    admin(desk, servers, "updateSubGroup", "-c", "DefaultCluster", "-g", "billing")
    consumers = [Consumer(master.address, "billing", name, "Orders", "*") for name in ("one", "two")]
    code, findings = doctor(desk, servers)
    expect((code, findings) == (0, []), f"a healthy cluster: {code} {findings}")
    text = desk.run("mqadmin", "doctor", "-n", servers)[1]
    expect(text.endswith("Nothing is wrong.\n"), text)
    for consumer in consumers:
        consumer.close()


def thirteen_faults(desk):
    first, second, dead = desk.name_server(), desk.name_server(), f"127.0.0.1:{rmq.free_port()}"
    servers, both = f"{first};{second};{dead}", f"{first};{second}"
    library = desk.folder / "set_clock.so"
    subprocess.run(["gcc", "-O1", "-fPIC", "-shared", "-o", library, desks.pathlib.Path(__file__).parent / "set_clock.c"], check=True)

    # 1 is the dead name server. 2: the second does not know all brokers.
    master = broker(desk, "broker-a", both)
    other = broker(desk, "broker-b", first)
    # 3: a clock is ahead. 4: a master waits for a slave that is not there.
    late = broker(desk, "broker-c", both, cluster="ClockCluster", LD_PRELOAD=str(library), SET_CLOCK_BY="3600")
    waiting = broker(desk, "broker-d", both, "brokerRole = SYNC_MASTER", cluster="SyncCluster")
    # 5 and 6: a slave without a master follows nobody.
    orphan = broker(desk, "broker-e", both, "brokerRole = SLAVE\nbrokerId = 1", cluster="OrphanCluster")
    # 7: a broker that is registered and stands still.
    still = broker(desk, "broker-f", both, cluster="StillCluster")
    registered(desk, first, 6)
    # 8 to 10: topics that cannot be written, that are on one master alone, with queues that nobody reads.
    admin(desk, first, "updateTopic", "-c", "DefaultCluster", "-t", "ReadOnly", "-p", "4")
    admin(desk, first, "updateTopic", "-b", master.address, "-t", "OnOneMaster")
    admin(desk, first, "updateTopic", "-c", "DefaultCluster", "-t", "Unread", "-r", "2", "-w", "4")
    # 11: dead letters. 12: messages that nobody consumes. 13: members that subscribe to different things.
    admin(desk, first, "updateTopic", "-c", "DefaultCluster", "-t", "Orders", "-r", "1", "-w", "1")
    for group in ("billing", "shipping"):
        admin(desk, first, "updateSubGroup", "-c", "DefaultCluster", "-g", group)
    connection = rmq.Connection(master.address)
    sent = connection.send_message("Orders", 0, b"of no use")
    expect(sent.code == 0, sent.remark)
    offset = int(sent.fields["msgId"][-16:], 16)
    back = connection.request(SEND_BACK, {"offset": str(offset), "group": "billing", "delayLevel": "-1", "originMsgId": "", "originTopic": "Orders",
                                          "unitMode": "false", "maxReconsumeTimes": "16"})
    expect(back.code == 0, back.remark)
    commit = connection.request(15, {"consumerGroup": "shipping", "topic": "Orders", "queueId": "0", "commitOffset": "0"})
    expect(commit.code == 0, commit.remark)
    # The broker makes a group's retry topic, by which tools know it, when the first member comes; this one goes again.
    Consumer(master.address, "shipping", "three", "Orders", "*").close()
    rmq.wait_until(lambda: desk.run("mqadmin", "consumerConnection", "-g", "shipping", "-n", first, "--exit-code")[0] == 2, what="the member to be gone")
    consumers = [Consumer(master.address, "billing", name, "Orders", tag) for name, tag in (("one", "TagA"), ("two", "TagB"))]
    rmq.wait_until(lambda: "%DLQ%billing" in desk.run("mqadmin", "topicList", "-n", first)[1], what="the dead letters' topic")
    still.send_signal(signal.SIGSTOP)
    try:
        code, findings = doctor(desk, servers)
    finally:
        still.send_signal(signal.SIGCONT)
    expect(code == 2, f"exit code {code}")
    told = [f"{finding['subject']}: {finding['text']}" for finding in findings]
    for number, (subject, part) in enumerate([
        (f"name server {dead}", "connect to"),
        (f"name server {second}", f"does not know {other.address}"),
        (f"broker broker-c:0 ({late.address})", "ahead of this machine's"),
        (f"broker broker-d:0 ({waiting.address})", "a SYNC_MASTER without a slave"),
        (f"broker broker-e:1 ({orphan.address})", "does not follow its master"),
        ("broker broker-e", "has no master"),
        (f"broker broker-f:0 ({still.address})", "timeout"),
        ("topic ReadOnly", "no master lets it be written"),
        ("topic OnOneMaster", "is not on broker-b"),
        ("topic Unread", "writes to 4 queues and lets 2 be read"),
        ("group billing", "gave up on 1 message(s)"),
        ("group shipping", "nobody consumes for it"),
        ("group billing", "subscribe to different things"),
    ], 1):
        expect(any(line.startswith(subject + ": ") and part in line for line in told), f"fault {number} ({subject}, {part}) is not found: {told}")
    for consumer in consumers:
        consumer.close()


def a_disk_that_is_nearly_full(desk):
    folder = desk.folder / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], capture_output=True).returncode != 0:
        return "no file system can be mounted here"
    try:
        servers = desk.name_server()
        full = broker(desk, "broker-a", servers, f"storePathCommitLog = {folder}/commitlog\nmappedFileSizeCommitLog = 1048576")
        registered(desk, servers, 1)
        (folder / "filler").write_bytes(b"x" * (52 << 20))
        deadline = time.monotonic() + 20
        while not any("full" in finding["text"] for finding in doctor(desk, servers)[1]):
            expect(time.monotonic() < deadline, f"a disk that is full by four fifths is not found: {doctor(desk, servers)}")
        expect(desk.end(full) == 0, "mqbroker did not end well")
    finally:
        for process in desk.started:
            process.poll() is None and process.kill()
        subprocess.run(["umount", "-l", folder], check=True)


desks.run_cases("doctor", [a_healthy_cluster, thirteen_faults, a_disk_that_is_nearly_full])
