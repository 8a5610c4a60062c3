#!/usr/bin/env python3
"""Kills the broker with SIGKILL, and producers without a word, in the middle of transactions, and counts what consumers get.

In each round several producers send half messages and commit, roll back or say nothing yet, and are asked later by the broker; then
the broker is killed, or a producer goes, and all begin again. At the end the producers say of all that is still open what they decided.
Every message that was committed is delivered; none that was rolled back is; and none twice whose end was acknowledged before a kill.

usage: transactions.py <folder with mqbroker> [rounds]
"""
import collections
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Support"))
import rmq
import store_reader
from live_client import CHECK_TRANSACTION, END_TRANSACTION, LiveClient, pull_all, records

TOPIC, QUEUES, PRODUCERS, GROUP = "Transactions", 4, 4, "tx_group"
COMMIT, ROLLBACK, UNKNOWN = 8, 12, 0
# Short times, so that what is left open is asked about within the round.
SETTINGS = {"mappedFileSizeCommitLog": 8 * 1024 * 1024, "mappedFileSizeConsumeQueue": 60000, "transactionCheckInterval": 300,
            "transactionTimeOut": 200, "transactionCheckMax": 100000}


class Decisions:
    """What becomes of each transaction, by the body of its message: decided once, and known to all producers of the group."""

    def __init__(self):
        self.lock = threading.Lock()
        self.decided, self.half, self.ended = {}, set(), set()

    def add(self, body):
        with self.lock:
            self.decided[body] = random.choice([COMMIT, COMMIT, ROLLBACK])

    def of(self, body):
        with self.lock:
            return self.decided.get(body, ROLLBACK)

    def committed(self):
        with self.lock:
            return {body for body in self.half if self.decided[body] == COMMIT}


def end_fields(queue_offset, physical_offset, decision, from_check):
    return {"producerGroup": GROUP, "tranStateTableOffset": str(queue_offset), "commitLogOffset": str(physical_offset),
            "commitOrRollback": str(decision), "fromTransactionCheck": "true" if from_check else "false", "msgId": "m"}


class Producer:
    """Sends half messages and ends most of them at once; of the others it says what it decided when it is asked."""

    def __init__(self, address, number, decisions):
        self.decisions, self.number, self.count, self.asked = decisions, number, 0, 0
        self.client = LiveClient(address, f"producer-{number}-{random.random()}", producer_groups=[GROUP])
        self.client.on(CHECK_TRANSACTION, self.check).heartbeat()

    def check(self, question):
        self.asked += 1
        fields = question.fields
        for record in records(question.body):
            decision = self.decisions.of(record.body)
            self.client.oneway(END_TRANSACTION, end_fields(fields["tranStateTableOffset"], fields["commitLogOffset"], decision, True))

    def send(self, round_number):
        body = f"{round_number}-{self.number}-{self.count}-".encode() + random.randbytes(random.randrange(0, 300))
        self.count += 1
        self.decisions.add(body)
        properties = {"TRAN_MSG": "true", "PGROUP": GROUP, "UNIQ_KEY": f"{random.getrandbits(128):032X}"}
        answer = self.client.request(rmq.SEND_V2, {**rmq.send_fields(TOPIC, random.randrange(QUEUES), properties), "f": "4"}, body)
        if answer.code != 0:
            raise RuntimeError(f"a half message was answered {answer.code}: {answer.remark}")
        with self.decisions.lock:
            self.decisions.half.add(body)
        if random.random() < 0.2:
            return
        end = end_fields(answer.fields["queueOffset"], int(answer.fields["msgId"][16:], 16), self.decisions.of(body), False)
        for _ in range(random.choice([1, 1, 2])):
            answer = self.client.request(END_TRANSACTION, end)
            if answer.code != 0:
                raise RuntimeError(f"an end was answered {answer.code}: {answer.remark}")
            with self.decisions.lock:
                self.decisions.ended.add(body)


def produce(address, number, round_number, decisions, stop, failures):
    while not stop.is_set():
        try:
            producer = Producer(address, number, decisions)
        except OSError:
            return
        try:
            # Some go in the middle, and others of the group are asked about what they left.
            for _ in range(random.randrange(1, 200)):
                if stop.is_set():
                    break
                producer.send(round_number)
        except (OSError, ConnectionError, TimeoutError):
            pass
        except RuntimeError as error:
            failures.append(str(error))
        finally:
            producer.client.close()


def open_halves(address):
    """How many half messages the broker's check has not passed."""
    connection = rmq.Connection(address)
    try:
        half = {"topic": "RMQ_SYS_TRANS_HALF_TOPIC", "queueId": "0"}
        end = int(connection.request(30, half).fields["offset"])
        answer = connection.request(14, {**half, "consumerGroup": "CID_RMQ_SYS_TRANS"})
        return end - int(answer.fields["offset"]) if answer.code == 0 else end
    finally:
        connection.close()


def settle(address, decisions, seconds=60):
    """Lets the broker ask about all that is open."""
    producer = Producer(address, 99, decisions)
    try:
        rmq.wait_until(lambda: open_halves(address) == 0, seconds, "all transactions to end")
        return producer.asked
    finally:
        producer.client.close()


def verify(address, decisions, crashed):
    came = collections.Counter(record.body for record in pull_all(address, TOPIC, QUEUES))
    with decisions.lock:
        decided = dict(decisions.decided)
    problems = [f"{body[:20]} was committed and never came" for body in decisions.committed() if not came[body]]
    problems += [f"{body[:20]} came and was rolled back" for body in came if decided.get(body) != COMMIT]
    repeated = [body for body, count in came.items() if count > 1]
    problems += [f"{body[:20]} came {came[body]} times, and nothing was killed" for body in repeated if not crashed]
    problems += [f"{body[:20]} came {came[body]} times, though its end was acknowledged" for body in repeated if body in decisions.ended]
    return problems, len(came), len(repeated)


def main():
    programs, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20
    failed = 0
    for kills in (False, True):
        decisions, failures, asked = Decisions(), [], 0
        with rmq.Cluster(programs, SETTINGS, name_server=False) as cluster:
            for round_number in range(rounds):
                stop = threading.Event()
                threads = [threading.Thread(target=produce, args=(cluster.broker_address, number, round_number, decisions, stop, failures))
                           for number in range(PRODUCERS)]
                for thread in threads:
                    thread.start()
                time.sleep(random.uniform(0.05, 0.5))   # the length of the load is the random variable, not a wait for something
                if kills:
                    cluster.kill_broker()
                stop.set()
                for thread in threads:
                    thread.join()
                if kills:
                    cluster.start_broker()
            asked = settle(cluster.broker_address, decisions)
            problems, came, repeated = verify(cluster.broker_address, decisions, kills)
            problems += failures
            code = cluster.stop(cluster.processes["mqbroker"])
            if code != 0:
                problems.append(f"the broker ended with {code} on SIGTERM")
            if "error" in cluster.log("mqbroker").lower():
                problems.append("the broker logged an error: " + cluster.log("mqbroker")[-500:])
            written = len(store_reader.check(cluster.store))
        print(f"{rounds} rounds {'with' if kills else 'without'} kills: {len(decisions.half)} half messages, {came} delivered, {repeated} of them more than once, "
              f"{asked} asked about at the end, {written} records on disk")
        for problem in problems[:10]:
            print(problem)
        failed += bool(problems)
    print(f"{2 - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
