#!/usr/bin/env python3
"""Sends with the C++ client; prints one JSON object a message: what was sent and what the client was answered.

With RMQ_ACCESS_KEY and RMQ_SECRET_KEY in the environment it signs what it asks.
usage: send_all.py <name server> <topic> <sync|delayed|async|oneway|orderly|batch|steady> <count> [kind]
       steady: one after the other until standard input ends, whatever fails; <count> says nothing
"""
import itertools
import json
import os
import sys
import threading

from rocketmq.client import Message, Producer

import wording


def message_of(topic, text, delay_level=0):
    message = Message(topic)
    message.set_body(text["body"])
    message.set_tags(text["tags"])
    message.set_keys(text["keys"])
    message.set_property(wording.PROPERTY, text["property"])
    if delay_level:
        message.set_delay_time_level(delay_level)
    return message


def report(text, result=None, **more):
    if result is not None:
        more.update(status=int(result.status), id=result.msg_id, offset=result.offset)
    print(json.dumps({**text, **more}), flush=True)


def send_async(producer, topic, texts):
    # Messages and callbacks are kept until the last answer: the C++ client holds only their addresses.
    answered, left, messages = threading.Event(), [len(texts)], []
    lock = threading.Lock()

    def finish(text, result=None, error=None):
        with lock:
            report(text, result, **({"error": str(error)} if error else {}))
            left[0] -= 1
            if left[0] == 0:
                answered.set()

    for text in texts:
        messages.append(message_of(topic, text))
        producer.send_async(messages[-1], lambda result, text=text: finish(text, result), lambda error, text=text: finish(text, error=error))
    if not answered.wait(30):
        sys.exit(f"{left[0]} of {len(texts)} asynchronous sends were not answered in 30 s")


def send_steadily(producer, topic, kind):
    ended = threading.Event()

    def watch_input():
        while sys.stdin.buffer.raw.read(4096):
            pass
        ended.set()

    threading.Thread(target=watch_input, daemon=True).start()
    for number in itertools.count():
        if ended.wait(0.01):
            return
        text = wording.text(kind, number)
        try:
            report(text, producer.send_sync(message_of(topic, text)))
        except Exception as error:
            report(text, error=str(error))


def main(name_server, topic, mode, count, kind=None):
    producer = Producer(f"interop_{mode}_producer", timeout=5000)
    producer.set_namesrv_addr(name_server)
    if "RMQ_ACCESS_KEY" in os.environ:
        producer.set_session_credentials(os.environ["RMQ_ACCESS_KEY"], os.environ["RMQ_SECRET_KEY"], "")
    producer.start()
    texts = wording.texts(kind or mode, int(count))
    if mode == "sync":
        for text in texts:
            report(text, producer.send_sync(message_of(topic, text)))
    elif mode == "steady":
        send_steadily(producer, topic, kind or mode)
    elif mode == "delayed":
        for text in texts:
            report(text, producer.send_sync(message_of(topic, text, delay_level=1)))
    elif mode == "async":
        send_async(producer, topic, texts)
    elif mode == "oneway":
        for text in texts:
            producer.send_oneway(message_of(topic, text))
            report(text)
    elif mode == "orderly":
        for number, text in enumerate(texts):
            shard = number % 3
            report(text, producer.send_orderly(message_of(topic, text), shard), shard=shard)
    elif mode == "batch":
        result = producer.send_batch([message_of(topic, text) for text in texts])
        for text in texts:
            report(text, result)
    else:
        sys.exit(__doc__)
    producer.shutdown()


main(*sys.argv[1:])
sys.stdout.flush()
os._exit(0)  # the C++ client's threads do not all survive the interpreter's teardown
