"""What does not show with a few connections and one topic: thousands of clients, held pulls and topics, and requests that are more
than a send."""
import json
import os
import socket
import time

from harness import microseconds, milliseconds, rate, raw_command, rmq, run, settle, wait_for_registration
from processes import resident

HEARTBEAT, PULL, REGISTERED = 34, 11, 105


def kinds(table, programs, seconds):
    """Half messages with their commits, send-backs and delayed messages, beside plain sends."""
    bench, rates = programs / "mqbench", {}
    with rmq.Cluster(programs, name_server=False, settings={"eventLoops": os.cpu_count()}) as cluster:
        for kind in ("plain", "transactions", "send-backs", "delayed"):
            settle()
            rates[kind] = rate(run(*raw_command(bench, cluster.broker_address, 8, "--seconds", seconds, "--kind", kind, depth=64)))
        for kind in ("transactions", "send-backs", "delayed"):
            share = rates[kind] / rates["plain"]
            table.add(f"{kind}, 8 x 64 in flight", f"{rates[kind]:,}/s, {share:.2f} of {rates['plain']:,} plain sends", "0.25 or more", share >= 0.25)
        began = time.monotonic()
        target = queue_ends(cluster, "SCHEDULE_TOPIC_XXXX", 1)
        waiting = int(target[0])

        def delivered():
            return rmq.Connection(cluster.broker_address).request(45).body
        # Level 1 waits a second; then all that waits is delivered as fast as it goes.
        rmq.wait_until(lambda: f"1:{waiting}" in delivered().decode(), 300, "the delayed messages to be delivered")
        each = waiting / max(time.monotonic() - began, 0.001)
        table.add("deliveries of delayed messages", f"{each:,.0f}/s, {each / rates['plain']:.2f} of plain sends", "0.25 or more", each >= rates["plain"] / 4)


def queue_ends(cluster, topic, count):
    connection = rmq.Connection(cluster.broker_address)
    try:
        return [connection.request(30, {"topic": topic, "queueId": str(queue)}).fields["offset"] for queue in range(count)]
    finally:
        connection.close()


def send_tail(bench, address, seconds, topic="BenchTopic", queues=4):
    settle()
    return milliseconds(run(*raw_command(bench, address, 16, "--rate", 20_000, "--seconds", seconds, "--queues", queues, topic=topic)))[0]["p99"]


def open_connections(address, count):
    host, port = address.rsplit(":", 1)
    connections = []
    for _ in range(count):
        connection = socket.create_connection((host, int(port)), 10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connections.append(connection)
    return connections


def idle(table, programs, count, seconds):
    """Clients that only say that they live."""
    bench = programs / "mqbench"
    with rmq.Cluster(programs, name_server=False, settings={"eventLoops": os.cpu_count()}) as cluster:
        pid = cluster.processes["mqbroker"].pid
        alone = send_tail(bench, cluster.broker_address, seconds)
        before = resident(pid)
        connections = open_connections(cluster.broker_address, count)
        try:
            for number, connection in enumerate(connections):
                body = {"clientID": f"client-{number}", "producerDataSet": [{"groupName": "idle_group"}], "consumerDataSet": []}
                connection.sendall(rmq.frame(HEARTBEAT, body=json.dumps(body).encode(), opaque=number))
            for connection in connections:
                assert connection.recv(4096), "a heartbeat was not answered"
            each = (resident(pid) - before) * 1024 / count
            table.add(f"{count:,} idle clients", f"{each:.1f} KB each", "6 KB", each < 6)
            beside = send_tail(bench, cluster.broker_address, seconds)
            table.add(f"p99 of 20,000 sends/s beside {count:,} clients", f"{beside:.2f} ms, {beside / alone:.2f} of {alone:.2f} ms", "1.5 times", beside <= 1.5 * alone)
        finally:
            for connection in connections:
                connection.close()


def processor_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def held(table, programs, count, seconds):
    """Pulls that wait for messages that do not come, and one that waits for those that do."""
    bench, queues = programs / "mqbench", 1000
    with rmq.Cluster(programs, settings={"eventLoops": os.cpu_count()}) as cluster:
        wait_for_registration(cluster)
        pid = cluster.processes["mqbroker"].pid
        setup = rmq.Connection(cluster.broker_address)
        for topic in ("HeldTopic", "WokenTopic"):
            assert setup.request(17, {"topic": topic, "defaultTopic": "TBW102", "readQueueNums": str(queues), "writeQueueNums": str(queues), "perm": "6",
                                      "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false"}).code == 0
        connections = open_connections(cluster.broker_address, 200)
        try:
            for number, connection in enumerate(connections):
                frames = b"".join(rmq.frame(PULL, {
                    "consumerGroup": f"held_{number % 20}", "topic": "HeldTopic", "queueId": str((number * 100 + turn) % queues), "queueOffset": "0",
                    "maxMsgNums": "32", "sysFlag": "6", "commitOffset": "0", "suspendTimeoutMillis": "600000", "subscription": "*", "subVersion": "0",
                    "expressionType": "TAG"}, opaque=turn) for turn in range(count // len(connections)))
                connection.sendall(frames)
            assert setup.request(30, {"topic": "HeldTopic", "queueId": "0"}).fields["offset"] == "0"
            time.sleep(2)
            before = processor_seconds(pid)
            time.sleep(10)
            used = (processor_seconds(pid) - before) / 10
            table.add(f"{count:,} held pulls, processor time", f"{used * 100:.1f} % of one processor", "1 %", used < 0.01)
            text = run(bench, "latency", "--namesrv", cluster.name_server_address, "--topic", "WokenTopic", "--rate", 1000, "--seconds", seconds)
            p99 = microseconds(text, "produce to consume")["p99"]
            table.add(f"produce to consume beside {count:,} held pulls, p99", f"{p99:.0f} µs", "200 µs", p99 < 200)
        finally:
            for connection in connections:
                connection.close()


def make_topics(connection, count, together=1000):
    """Makes topics by sends, many at once: the broker writes their file as a whole before it answers."""
    for first in range(0, count, together):
        numbers = range(first, min(first + together, count))
        connection.socket.sendall(b"".join(
            rmq.frame(rmq.SEND_V2, rmq.send_fields(f"Topic{number}", number % 4), b"x" * 128, opaque=number) for number in numbers))
        for _ in numbers:
            answer = connection.receive()
            assert answer.code == 0, answer.remark


def topics(table, programs, count, seconds):
    """A broker with thousands of topics."""
    bench = programs / "mqbench"
    with rmq.Cluster(programs) as cluster:
        wait_for_registration(cluster)
        one = send_tail(bench, cluster.broker_address, seconds)
        connection = rmq.Connection(cluster.broker_address)
        make_topics(connection, count)
        connection.close()
        assert cluster.stop(cluster.processes["mqbroker"], 60) == 0
        name_server = rmq.Connection(cluster.name_server_address)
        began = time.monotonic()
        cluster.start("mqbroker", "-c", cluster.folder / "broker.conf", "-n", cluster.name_server_address)
        rmq.wait_until(lambda: rmq.answers(cluster.broker_address), 60, "the broker to listen")
        started = time.monotonic() - began

        def known():
            return name_server.request(REGISTERED, {"topic": f"Topic{count - 1}"}).code == 0
        rmq.wait_until(known, 60, "the topics to be registered")
        registered = time.monotonic() - began - started
        table.add(f"start with {count:,} topics of 4 queues", f"{started:.2f} s to listening", "1 s", started < 1)
        table.add(f"registration of {count:,} topics", f"{registered:.2f} s after that", "1 s", registered < 1)
        many = send_tail(bench, cluster.broker_address, seconds)
        table.add(f"p99 of 20,000 sends/s with {count:,} topics", f"{many:.2f} ms, {many / one:.2f} of {one:.2f} ms", "1.5 times", many <= 1.5 * one)
