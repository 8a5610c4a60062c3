#!/usr/bin/env python3
"""Kills the broker with SIGKILL while several connections send, restarts it, and counts what is left.

After every round: each acknowledged message is served at the queue offset that the acknowledgement named, with the body that
was sent; no queue offset serves two bodies; the restart took less than two seconds. At the end an independent reader checks
the directory.

usage: kill_rounds.py <folder with mqbroker> [rounds]
"""
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Support"))
import rmq
import store_reader

TOPIC, QUEUES, SENDERS = "KillRounds", 4, 6
RESTART_LIMIT_SECONDS = 2.0


def sender(address, number, round_number, acknowledged, stop):
    count = 0
    try:
        connection = rmq.Connection(address, 5)
        while not stop.is_set():
            body = f"{round_number}-{number}-{count}-".encode() + random.randbytes(random.randrange(0, 700))
            queue = random.randrange(QUEUES)
            response = connection.send_message(TOPIC, queue, body, {"TAGS": "round", "KEYS": f"k{count}"})
            if response.code != 0:
                raise RuntimeError(f"send answered {response.code}: {response.remark}")
            acknowledged.append((queue, int(response.fields["queueOffset"]), body))
            count += 1
    except OSError:
        pass


def read_back(address, expected, start):
    """Pulls every queue from `start` on and compares it with `expected`."""
    connection = rmq.Connection(address)
    problems = []
    for queue in range(QUEUES):
        offset = start[queue]
        while True:
            response = connection.pull(TOPIC, queue, offset, 32)
            if response.code != 0:
                break
            at = 0
            while at < len(response.body):
                size = int.from_bytes(response.body[at:at + 4], "big")
                physical = int.from_bytes(response.body[at + 28:at + 36], "big")
                record = store_reader.parse_record(memoryview(response.body), at, physical)
                if record.queue_offset != offset:
                    problems.append(f"queue {queue}: offset {record.queue_offset} where {offset} was due")
                wanted = expected.get((queue, record.queue_offset))
                if wanted is not None and wanted != record.body:
                    problems.append(f"queue {queue} offset {offset}: another body than the acknowledged one")
                expected.setdefault((queue, record.queue_offset), record.body)
                offset += 1
                at += size
        missing = [key for key in expected if key[0] == queue and key[1] >= offset]
        if missing:
            problems.append(f"queue {queue}: ends at {offset}, acknowledged up to {max(key[1] for key in missing)}")
        start[queue] = offset
    connection.close()
    return problems


def main():
    programs, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200
    failures, total, slowest = 0, 0, 0.0
    settings = {"mappedFileSizeCommitLog": 8 * 1024 * 1024, "mappedFileSizeConsumeQueue": 60000}
    with rmq.Cluster(programs, settings, name_server=False) as cluster:
        start, expected = [0] * QUEUES, {}
        for round_number in range(rounds):
            acknowledged, stop = [], threading.Event()
            threads = [threading.Thread(target=sender, args=(cluster.broker_address, number, round_number, acknowledged, stop))
                       for number in range(SENDERS)]
            for thread in threads:
                thread.start()
            time.sleep(random.uniform(0.02, 0.25))   # the length of the load is the random variable, not a wait for something
            cluster.kill_broker()
            stop.set()
            for thread in threads:
                thread.join()
            problems = []
            for queue, offset, body in acknowledged:
                if (queue, offset) in expected:
                    problems.append(f"queue {queue} offset {offset} was acknowledged twice")
                expected[queue, offset] = body
            before = time.monotonic()
            cluster.start_broker()
            restart = time.monotonic() - before
            slowest = max(slowest, restart)
            if restart > RESTART_LIMIT_SECONDS:
                problems.append(f"the restart took {restart:.2f} s")
            problems += read_back(cluster.broker_address, expected, start)
            total += len(acknowledged)
            failures += bool(problems)
            for problem in problems[:5]:
                print(f"round {round_number}: {problem}")
            if (round_number + 1) % 20 == 0:
                print(f"  {round_number + 1}/{rounds} rounds, {total} acknowledged, slowest restart {slowest:.2f} s", flush=True)
            # what was checked need not be checked again
            expected = {}
        code = cluster.stop(cluster.processes["mqbroker"])
        if code != 0:
            failures += 1
            print(f"the broker ended with {code} on SIGTERM")
        records = store_reader.check(cluster.store)
        print(f"{rounds} rounds, {total} acknowledged messages, {len(records)} records on disk, slowest restart {slowest:.2f} s")
    print(f"{rounds - failures} passed, {failures} failed")
    sys.exit(1 if failures else 0)


main()
