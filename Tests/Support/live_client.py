"""A client that stays connected: it sends heartbeats, hears what a broker asks of it, and answers as it is told."""
import json
import threading
import time

import rmq

HEARTBEAT, UNREGISTER, SEND_BACK, END_TRANSACTION = 34, 35, 36, 37
CHECK_TRANSACTION, IDS_CHANGED, RESET_OFFSET, PUSH_REPLY = 39, 40, 220, 326


class LiveClient:
    """One connection whose answers and requests a thread reads. What the broker asks is kept in `asked`, and answered by the function
    that `on` was given for its code."""

    def __init__(self, address, client_id, producer_groups=(), consumer_groups=None):
        self.address, self.client_id = address, client_id
        self.producer_groups, self.consumer_groups = list(producer_groups), dict(consumer_groups or {})
        self.handlers, self.asked, self.answers = {}, [], {}
        self.change = threading.Condition()
        self.connection = rmq.Connection(address, timeout=None)
        self.is_open = True
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def on(self, code, handler):
        """`handler(response)` gets the broker's request and returns (code, fields, body), or None for no answer."""
        self.handlers[code] = handler
        return self

    def read(self):
        try:
            while True:
                frame = self.connection.receive()
                if frame.flag & rmq.FLAG_RESPONSE:
                    with self.change:
                        self.answers[frame.opaque] = frame
                        self.change.notify_all()
                    continue
                answer = self.handlers[frame.code](frame) if frame.code in self.handlers else None
                if answer and not frame.flag & rmq.FLAG_ONE_WAY:
                    code, fields, body = answer
                    self.connection.socket.sendall(rmq.frame(code, fields, body, frame.opaque, rmq.FLAG_RESPONSE))
                with self.change:
                    self.asked.append(frame)
                    self.change.notify_all()
        except (OSError, ConnectionError):
            with self.change:
                self.is_open = False
                self.change.notify_all()

    def request(self, code, fields=None, body=b"", seconds=20):
        with self.change:
            self.connection.opaque += 1
            opaque = self.connection.opaque
            self.connection.socket.sendall(rmq.frame(code, fields, body, opaque))
            if not self.change.wait_for(lambda: opaque in self.answers or not self.is_open, seconds):
                raise TimeoutError(f"no answer to {code} in {seconds} s")
            if opaque not in self.answers:
                raise ConnectionError("the broker closed the connection")
            return self.answers.pop(opaque)

    def oneway(self, code, fields=None, body=b""):
        with self.change:
            self.connection.opaque += 1
            self.connection.socket.sendall(rmq.frame(code, fields, body, self.connection.opaque, rmq.FLAG_ONE_WAY))

    def heartbeat(self):
        consumers = [{"groupName": group, "consumeType": "CONSUME_PASSIVELY", "messageModel": "CLUSTERING", "unitMode": False,
                      "consumeFromWhere": "CONSUME_FROM_FIRST_OFFSET",
                      "subscriptionDataSet": [{"topic": topic, "subString": "*", "subVersion": 1, "tagsSet": [], "codeSet": [],
                                               "classFilterMode": False, "expressionType": "TAG"} for topic in topics]}
                     for group, topics in self.consumer_groups.items()]
        body = {"clientID": self.client_id, "producerDataSet": [{"groupName": group} for group in self.producer_groups], "consumerDataSet": consumers}
        answer = self.request(HEARTBEAT, body=json.dumps(body).encode())
        assert answer.code == 0, f"the heartbeat was answered {answer.code}: {answer.remark}"
        return self

    def wait_asked(self, code, count=1, seconds=30):
        """Requests of the broker with that code, once so many have come."""
        def of_code():
            return [frame for frame in self.asked if frame.code == code]
        with self.change:
            if not self.change.wait_for(lambda: len(of_code()) >= count, seconds):
                raise TimeoutError(f"{len(of_code())} of {count} requests {code} came in {seconds} s")
            return of_code()

    def close(self):
        """As a process that is killed: nothing is said."""
        try:
            self.connection.socket.shutdown(2)
        except OSError:
            pass
        self.connection.close()
        self.reader.join(5)


def records(body):
    """The records of the body of an answer."""
    import store_reader
    found, at = [], 0
    while at < len(body):
        physical = int.from_bytes(body[at + 28:at + 36], "big")
        found.append(store_reader.parse_record(memoryview(body), at, physical))
        at += int.from_bytes(body[at:at + 4], "big")
    return found


def pull_all(address, topic, queues=1, group="test_group"):
    """Every record of a topic, queue by queue; none of a queue that is not there."""
    connection = rmq.Connection(address)
    found = []
    try:
        for queue in range(queues):
            offset = 0
            while True:
                answer = connection.pull(topic, queue, offset, 32, group)
                if answer.code != 0:
                    break
                found += records(answer.body)
                offset = int(answer.fields["nextBeginOffset"])
    finally:
        connection.close()
    return found


def wait_for_count(address, topic, count, seconds=60, queues=1):
    """All records of a topic once there are so many."""
    deadline = time.monotonic() + seconds
    while True:
        found = pull_all(address, topic, queues)
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, f"{len(found)} of {count} messages are in {topic} after {seconds} s"
        time.sleep(0.05)
