#!/usr/bin/env python3
"""Consumes with the C++ client's push consumer; prints one JSON object a message, in the order of arrival.

A message whose body begins with `fails-once` is not consumed the first time, and one that begins with `fails-always` never is.
Ends when standard input is closed, or by itself once `count` different bodies have come, or with an error after `seconds`.
With RMQ_ACCESS_KEY and RMQ_SECRET_KEY in the environment it signs what it asks.
usage: consume_all.py <name server> <topic> <group> <concurrent|orderly|broadcasting> <expression> <count> <seconds>
"""
import json
import os
import sys
import threading

from rocketmq.client import PushConsumer, RecvMessage
from rocketmq.ffi import MessageModel, _CConsumeStatus, dll

import wording


def plain(value):
    return value.decode() if isinstance(value, bytes) else value


def main(name_server, topic, group, mode, expression, count, seconds):
    model = MessageModel.BROADCASTING if mode == "broadcasting" else MessageModel.CLUSTERING
    consumer = PushConsumer(group, orderly=mode == "orderly", message_model=model)
    consumer.set_namesrv_addr(name_server)
    if "RMQ_ACCESS_KEY" in os.environ:
        consumer.set_session_credentials(os.environ["RMQ_ACCESS_KEY"], os.environ["RMQ_SECRET_KEY"], "")
    consumer.set_instance_name(f"{group}-{os.getpid()}")
    consumer.set_thread_count(4)
    bodies, finished, lock = set(), threading.Event(), threading.Lock()

    def receive(message):
        received = {"body": plain(message.body), "tags": plain(message.tags), "keys": plain(message.keys), "queue": message.queue_id,
                    "offset": message.queue_offset, "property": plain(message.get_property(wording.PROPERTY)), "topic": message.topic}
        body = received["body"]
        with lock:
            received["consumed"] = not (body.startswith("fails-always") or body.startswith("fails-once") and body not in bodies)
            print(json.dumps(received), flush=True)
            bodies.add(body)
            if len(bodies) >= int(count):
                finished.set()
        return received["consumed"]

    def consume(_, message):
        # The package's own callback cannot say that a message was not consumed: what it raises is lost, and reads as success.
        return (_CConsumeStatus.CONSUME_SUCCESS if receive(RecvMessage(message)) else _CConsumeStatus.RECONSUME_LATER).value

    dll.Subscribe(consumer._handle, topic.encode(), expression.encode())
    consumer._register_callback(consume)
    consumer.start()

    def watch_input():
        while sys.stdin.buffer.raw.read(4096):
            pass
        finished.set()

    threading.Thread(target=watch_input, daemon=True).start()
    in_time = finished.wait(float(seconds))
    consumer.shutdown()
    if not in_time:
        print(f"{len(bodies)} of {count} messages came within {seconds} s", file=sys.stderr)
    sys.stdout.flush()
    os._exit(0 if in_time else 1)  # the C++ client's threads do not all survive the interpreter's teardown


main(*sys.argv[1:])
