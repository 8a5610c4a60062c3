"""A broker and a name server that answer as no server should. Plain sockets, a thread a connection."""
import copy
import json
import os
import socket
import struct
import threading
import time
import zlib

import rmq

REGISTER_BROKER, ROUTE, QUERY_OFFSET, UPDATE_OFFSET, MEMBERS, MAX_OFFSET, HEARTBEAT, UNREGISTER = 103, 105, 14, 15, 38, 30, 34, 35


def register(name_server, broker_name, address, topic, queues=1):
    """Tells a name server of a broker, which it forgets when the connection that is returned closes."""
    config = {"order": False, "perm": 6, "readQueueNums": queues, "topicFilterType": "SINGLE_TAG", "topicName": topic, "topicSysFlag": 0,
              "writeQueueNums": queues}
    body = json.dumps({"filterServerList": [], "topicConfigSerializeWrapper": {
        "dataVersion": {"counter": 1, "timestamp": 1}, "topicConfigTable": {topic: config}}}).encode()
    connection = rmq.Connection(name_server)
    answer = connection.request(REGISTER_BROKER, {
        "brokerName": broker_name, "brokerAddr": address, "clusterName": "DefaultCluster", "haServerAddr": "127.0.0.1:2", "brokerId": "0",
        "compressed": "false", "bodyCrc32": str(zlib.crc32(body) & 0x7FFFFFFF)}, body)
    assert answer.code == 0, f"the name server refused {broker_name}: {answer.code} {answer.remark}"
    return connection


def record(topic, queue_offset, body):
    """A stored message as a pull brings it."""
    host = bytes([127, 0, 0, 1]) + struct.pack(">I", 1)
    properties = b"UNIQ_KEY\x01" + body.hex().upper().encode()
    rest = struct.pack(">IIIIQQIQ", 0xDAA320A7, zlib.crc32(body) & 0x7FFFFFFF, 0, 0, queue_offset, queue_offset * 1000, 0, 1) + host
    rest += struct.pack(">Q", 1) + host + struct.pack(">IQI", 0, 0, len(body)) + body
    rest += bytes([len(topic)]) + topic.encode() + struct.pack(">H", len(properties)) + properties
    return struct.pack(">I", 4 + len(rest)) + rest


class Accepted(rmq.Connection):
    """A client's connection."""

    def __init__(self, accepted):
        self.socket, self.buffer, self.opaque = accepted, b"", 0


class HostileServer:
    """`manner` is how it answers requests of the codes in `hostile_to`: the name of one of the functions below, or None for well."""

    hostile_to = ()

    def __init__(self):
        self.manner, self.asked, self.open = None, {}, set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                client, _ = self.listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.open.add(client)
                threading.Thread(target=self.serve, args=(Accepted(client),), daemon=True).start()
        except OSError:
            pass

    def serve(self, connection):
        try:
            while True:
                request = connection.receive()
                if request.flag & rmq.FLAG_RESPONSE:
                    continue
                manner = self.manner if request.code in self.hostile_to else None
                self.asked[request.code, manner] = self.asked.get((request.code, manner), 0) + 1
                if request.flag & rmq.FLAG_ONE_WAY:
                    continue
                answer = self.answer(request)
                if manner:
                    answer = getattr(self, manner)(request, answer)
                if answer is None:
                    break
                connection.socket.sendall(answer)
                if manner == "half_and_close":
                    break
        except (OSError, ConnectionError):
            pass
        self.open.discard(connection.socket)
        connection.close()

    def behave(self):
        """From now on well: as one that was started again, with new connections."""
        self.manner = None
        for client in list(self.open):
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)   # wakes who accepts
        self.listener.close()
        self.behave()

    # Answers

    @staticmethod
    def reply(request, fields=None, body=b"", code=0):
        return rmq.frame(code, fields, body, request.opaque, rmq.FLAG_RESPONSE)

    def answer(self, request):
        return self.reply(request)

    # Manners: what is sent in place of the right answer; None closes the connection.

    @staticmethod
    def twice(_, answer):
        return answer + answer

    def of_another_request(self, request, _):
        other = copy.copy(request)
        other.opaque = (request.opaque + 12345) % (1 << 31)
        return self.answer(other)

    @staticmethod
    def noise(_, answer):
        return os.urandom(len(answer))

    @staticmethod
    def garbage_in_a_frame(*_):
        return struct.pack(">II", 100, 40) + os.urandom(96)

    @staticmethod
    def empty_frame(*_):
        return struct.pack(">I", 0)

    @staticmethod
    def absurd_length(*_):
        return struct.pack(">II", 0x7FFFFFFF, 100) + bytes(200)

    @staticmethod
    def negative_length(*_):
        return struct.pack(">II", 0xFFFFFFF0, 100) + bytes(200)

    @staticmethod
    def header_beyond_its_frame(*_):
        return struct.pack(">II", 100, 5000) + bytes(96)

    @staticmethod
    def half_and_silence(_, answer):
        return answer[:len(answer) // 2]

    half_and_close = half_and_silence

    @staticmethod
    def silence(*_):
        return b""

    @staticmethod
    def close_at_once(*_):
        return None

    def unknown_code(self, request, _):
        return self.reply(request, code=9999)

    def no_fields(self, request, _):
        return self.reply(request)

    def unreadable_fields(self, request, _):
        return self.reply(request, {"msgId": "x", "queueId": "many", "queueOffset": "", "nextBeginOffset": "far", "minOffset": "-", "maxOffset": "?",
                                    "suggestWhichBrokerId": "nobody"})

    def questions_first(self, _, answer):
        """Asks the client what it does not know, and what it cannot read, and answers then."""
        return b"".join(rmq.frame(code, {"a": "b"}, os.urandom(50), opaque=code) for code in (39, 40, 220, 221, 307, 309, 326, 999)) + answer


class HostileBroker(HostileServer):
    """Serves one queue of one topic to one client at a time."""

    hostile_to = (rmq.SEND_V2, rmq.PULL)

    def __init__(self, name_server, topic, messages=()):
        self.topic, self.messages, self.clients = topic, list(messages), set()
        super().__init__()
        self.registration = register(name_server, "hostile", self.address, topic)

    def close(self):
        super().close()
        self.registration.close()

    def answer(self, request):
        if request.code == rmq.SEND_V2:
            return self.reply(request, {"msgId": "7F00000100002A9F" + "0" * 16, "queueId": "0", "queueOffset": "0"})
        if request.code == rmq.PULL:
            offset = int(request.fields["queueOffset"])
            fields = {"suggestWhichBrokerId": "0", "minOffset": "0", "maxOffset": str(len(self.messages))}
            if offset < len(self.messages):
                return self.reply(request, {**fields, "nextBeginOffset": str(offset + 1)}, record(self.topic, offset, self.messages[offset]))
            time.sleep(0.05)   # where a broker would hold the pull
            return self.reply(request, {**fields, "nextBeginOffset": str(offset)}, code=19)
        if request.code == HEARTBEAT:
            self.clients.add(json.loads(request.body)["clientID"])
        if request.code == MEMBERS:
            return self.reply(request, body=json.dumps({"consumerIdList": sorted(self.clients)}).encode())
        if request.code == QUERY_OFFSET:
            return self.reply(request, code=22)
        if request.code == MAX_OFFSET:
            return self.reply(request, {"offset": str(len(self.messages))})
        return self.reply(request)

    def record_cut_off(self, request, _):
        return self.found(request, record(self.topic, 0, b"cut off")[:-5])

    def record_of_absurd_length(self, request, _):
        return self.found(request, struct.pack(">I", 0x7FFFFFF0) + record(self.topic, 0, b"absurd")[4:])

    def record_of_noise(self, request, _):
        return self.found(request, os.urandom(300))

    def found_nothing(self, request, _):
        return self.found(request, b"")

    def found(self, request, body):
        return self.reply(request, {"suggestWhichBrokerId": "0", "minOffset": "0", "maxOffset": "9", "nextBeginOffset": request.fields["queueOffset"]}, body)


class HostileNameServer(HostileServer):
    """Knows what the real one knows."""

    hostile_to = (ROUTE,)

    def __init__(self, name_server):
        self.real, self.turn = rmq.Connection(name_server), threading.Lock()
        super().__init__()

    def close(self):
        super().close()
        self.real.close()

    def answer(self, request):
        with self.turn:
            answer = self.real.request(request.code, request.fields, request.body)
        return self.reply(request, answer.fields, answer.body, answer.code)
