#!/usr/bin/env python3
"""What becomes of messages when consumers fail, come, go and are killed, and when the broker is: real processes, the C++ client and ours.

usage: scenarios.py <folder with the programs> [case ...]
       scenarios.py <folder with the programs> 1/2          the first half of the cases, as 2/2 is the second
"""
import collections
import contextlib
import json
import os
import signal
import sys
import time

from exchange import SECONDS, Exchange, equal
import live_client
import rmq
import wording
from live_client import LiveClient

# All delay levels are short, so that sixteen retries take seconds; and a broker soon asks what became of a transaction.
SETTINGS = {"messageDelayLevel": " ".join(["1s"] * 18), "transactionCheckInterval": "1000", "transactionTimeOut": "1000"}


def bodies(messages):
    return [message["body"] for message in messages]


def retries(exchange):
    """C++ consumes: what fails once comes again until it is consumed, what always fails is a dead letter after three retries"""
    topic, group, hopeless, address = "ScenarioRetry", "retry_group", "hopeless_group", exchange.cluster.broker_address
    for each in (topic, topic + "Hopeless"):
        exchange.make_topic(each)
    exchange.admin("updateSubGroup", "-b", address, "-g", hopeless, "-r", "3")
    # The C++ client looks for routes twice a minute only: the retry topics are there before it starts.
    LiveClient(address, "first", consumer_groups={group: [topic], hopeless: [topic + "Hopeless"]}).heartbeat().close()
    rmq.wait_until(lambda: {"%RETRY%" + group, "%RETRY%" + hopeless} <= set(exchange.admin("topicList").split("\n")), what="the retry topics at the name server")
    sent = exchange.send(topic, "sync", 12, "fails-never") + exchange.send(topic, "sync", 12, "fails-once")
    always = exchange.send(topic + "Hopeless", "sync", 6, "fails-always")
    with exchange.consumer(topic, group, seconds=200) as consumer, exchange.consumer(topic + "Hopeless", hopeless, seconds=200) as failing:
        def consumed():
            return {message["body"] for message in list(consumer.received) if message["consumed"]} == {message["body"] for message in sent}
        rmq.wait_until(consumed, 150, "every message to be consumed")
        dead = live_client.wait_for_count(address, "%DLQ%" + hopeless, len(always), 150)
        assert not [message for message in failing.received if message["consumed"]]
    came = collections.Counter(bodies(consumer.received))
    # This client gives back all that one pull brought when one of it fails, so others may come again as well.
    assert all(came[message["body"]] >= 2 for message in sent if message["body"].startswith("fails-once")), came
    assert not live_client.pull_all(address, "%DLQ%" + group), "what was consumed in the end is a dead letter"
    assert sorted(record.properties["KEYS"] for record in dead) == sorted(message["keys"] for message in always), "each is a dead letter once"
    for record in dead:
        assert record.reconsume_times == 4 and record.properties["RETRY_TOPIC"] == topic + "Hopeless", record.properties
        assert record.properties["ORIGIN_MESSAGE_ID"], "a dead letter does not say what it was"


def fallback(exchange):
    """a client that sends to the retry topic by itself: at the maximum the message is a dead letter at once"""
    topic, group = "%RETRY%fallback_group", "fallback_group"
    client = LiveClient(exchange.cluster.broker_address, "fallback", consumer_groups={group: ["ScenarioFallback"]}).heartbeat()
    properties = {"RETRY_TOPIC": "ScenarioFallback", "DELAY": "3", "UNIQ_KEY": "0" * 32}
    for times in range(1, 4):
        fields = {**rmq.send_fields(topic, 0, {**properties, "RECONSUME_TIME": str(times), "MAX_RECONSUME_TIMES": "3"}), "j": str(times), "l": "3"}
        answer = client.request(rmq.SEND_V2, fields, b"again")
        assert answer.code == 0, f"{answer.code}: {answer.remark}"
    # Without a wait: the third one is not delayed.
    dead = live_client.pull_all(exchange.cluster.broker_address, "%DLQ%" + group)
    assert [record.reconsume_times for record in dead] == [3], f"{len(dead)} dead letters"
    retried = live_client.wait_for_count(exchange.cluster.broker_address, topic, 2)
    assert [record.reconsume_times for record in retried] == [1, 2]
    client.close()


def orderly_killed(exchange):
    """two C++ consumers share queues in order; one is killed in the middle, and the other goes on where it stood"""
    topic, group = "ScenarioOrder", "order_group"
    exchange.make_topic(topic)
    with exchange.consumer(topic, group, "orderly", seconds=200) as first, exchange.consumer(topic, group, "orderly", seconds=200) as second:
        started, number = time.monotonic(), 0
        while not (first.received and second.received):
            assert time.monotonic() - started < SECONDS, "one of the two gets nothing"
            exchange.send(topic, "orderly", 12, f"order-signal-{number}")
            number += 1
        sent = exchange.send(topic, "orderly", 90, "order-before")
        first.process.send_signal(signal.SIGKILL)
        sent += exchange.send(topic, "orderly", 90, "order-after")
        arrived = {}

        def note():
            for message in list(second.received) + list(first.received):
                arrived.setdefault(message["body"], message)
            return all(message["body"] in arrived for message in sent)
        # The dead one's locks last a minute.
        rmq.wait_until(note, 120, "every message at one of the two")
        for shard in range(3):
            for kind in ("order-before", "order-after"):
                wanted = [message["body"] for message in sent if message["shard"] == shard and message["body"].startswith(kind)]
                for consumer in (first, second):
                    got = list(dict.fromkeys(message["body"] for message in consumer.received if message["body"] in wanted))
                    assert got == [body for body in wanted if body in set(got)], f"shard {shard} came out of order"


def broadcasting_restart(exchange):
    """two broadcasting C++ consumers get everything each, although the broker is killed in the middle"""
    topic = "ScenarioBroadcast"
    exchange.make_topic(topic, queues=1)
    with contextlib.ExitStack() as stack:
        consumers = [stack.enter_context(exchange.consumer(topic, "scenario_broadcast", "broadcasting")) for _ in range(2)]
        started, number = time.monotonic(), 0
        while not all(consumer.received for consumer in consumers):
            assert time.monotonic() - started < SECONDS, "the consumers received nothing"
            exchange.send(topic, "sync", 1, f"broadcast-signal-{number}")
            number += 1
        sent = exchange.send(topic, "sync", 20, "broadcast-before")
        exchange.restart_killed()
        sent += exchange.send(topic, "sync", 20, "broadcast-after")
        for number, consumer in enumerate(consumers):
            consumer.wait_for(sent, f"all messages at consumer {number}")


def delay_restart(exchange):
    """delayed messages come once each and not early, although the broker is killed while they wait and while they are delivered"""
    topic = "ScenarioDelay"
    exchange.make_topic(topic)
    began = time.time()
    sent = exchange.send(topic, "delayed", 60, "delay-first")
    exchange.restart_killed()
    sent += exchange.send(topic, "delayed", 60, "delay-second")
    time.sleep(0.9)   # into the deliveries; whatever has happened by then, the outcome must be the same
    exchange.restart_killed()
    records = live_client.wait_for_count(exchange.cluster.broker_address, topic, len(sent), queues=4)
    came = collections.Counter(record.properties["KEYS"] for record in records)
    assert came == collections.Counter(message["keys"] for message in sent), f"{len(records)} of {len(sent)} were delivered"
    # The two clocks are read in whole milliseconds.
    early = [record for record in records if record.store_timestamp < record.born_timestamp + 999]
    assert not early and min(record.store_timestamp for record in records) >= (began + 1) * 1000, "a message was delivered too early"


def reset_offset(exchange):
    """a C++ group is set back by time while it consumes: it consumes again from there, and nothing older"""
    topic, group = "ScenarioReset", "reset_group"
    exchange.make_topic(topic)
    with exchange.consumer(topic, group) as consumer:
        old = exchange.send(topic, "sync", 20, "reset-old")
        consumer.wait_for(old, "the old messages")
        middle = max(record.store_timestamp for record in live_client.pull_all(exchange.cluster.broker_address, topic, 4)) + 1
        time.sleep(0.01)   # so that the next store time is later than the last one
        new = exchange.send(topic, "sync", 20, "reset-new")
        consumer.wait_for(new, "the new messages")
        administrator = rmq.Connection(exchange.cluster.broker_address)

        def asked():
            answer = administrator.request(222, {"topic": topic, "group": group, "timestamp": str(middle), "isForce": "true"})
            # Until the consumer has committed every queue, the broker does not know where it stands.
            return answer.code == 0
        rmq.wait_until(asked, SECONDS, "the broker to pass the reset on")

        def again():
            came = collections.Counter(bodies(consumer.received))
            return all(came[message["body"]] >= 2 for message in new)
        rmq.wait_until(again, SECONDS, "the new messages again")
        came = collections.Counter(bodies(consumer.received))
        # The search by time may lead to the message before, one a queue.
        assert sum(came[message["body"]] > 1 for message in old) <= 4, "older messages came again"
        administrator.close()


def reply_gone(exchange):
    """a reply reaches the client that asked; when that is gone, the replier hears so, and others are served on"""
    address = exchange.cluster.broker_address
    asker, replier = LiveClient(address, "asker", ["asker_group"]).heartbeat(), LiveClient(address, "replier", ["replier_group"]).heartbeat()
    asker.on(live_client.PUSH_REPLY, lambda request: (0, {}, b""))

    def reply(correlation):
        properties = {"MSG_TYPE": "reply", "REPLY_TO_CLIENT": "asker", "CORRELATION_ID": correlation, "TTL": "3000"}
        return replier.request(325, rmq.send_fields("DefaultCluster_REPLY_TOPIC", 0, properties), b"answer " + correlation.encode())
    answer = reply("one")
    assert answer.code == 0, f"{answer.code}: {answer.remark}"
    pushed = asker.wait_asked(live_client.PUSH_REPLY)[0]
    assert pushed.body == b"answer one" and "CORRELATION_ID\x01one" in pushed.fields["properties"], pushed.fields
    asker.close()

    def refused():
        return reply("two").code == 1
    rmq.wait_until(refused, SECONDS, "the reply to be refused")
    assert replier.request(live_client.HEARTBEAT, body=json.dumps({"clientID": "replier"}).encode()).code == 0
    replier.close()


def rebalance(exchange):
    """1, 3, 2 and 5 consumers, C++ and Swift by turns, share a group: no message is left, and none comes twice while they stay"""
    topic, group = "ScenarioRebalance", "rebalance_group"
    exchange.make_topic(topic, queues=8)
    everything, all_consumers = [], []
    with contextlib.ExitStack() as stack:
        members = []
        for phase, wanted in enumerate([1, 3, 2, 5]):
            while len(members) < wanted:
                make = exchange.consumer if len(all_consumers) % 2 == 0 else exchange.swift_consumer
                members.append(stack.enter_context(make(topic, group)))
                all_consumers.append(members[-1])
            while len(members) > wanted:
                members.pop(0).stop()
            coming = wording.texts(f"while-{wanted}-settle", 100)
            exchange.send_swift(topic, coming)
            coming += exchange.settle(topic, members, 8, f"while-{wanted}-signal")
            steady = wording.texts(f"steady-{phase}", 200)
            exchange.send_swift(topic, steady)
            everything += coming + steady

            def came():
                return collections.Counter(body for consumer in all_consumers for body in bodies(list(consumer.received)))
            rmq.wait_until(lambda: all(came()[message["body"]] for message in everything), SECONDS, f"all messages with {wanted} consumers")
            twice = [message["body"] for message in steady if came()[message["body"]] > 1]
            assert not twice, f"{len(twice)} of {len(steady)} messages came twice to {wanted} consumers that stayed"


def mixed_order(exchange):
    """C++ and Swift consumers share a group in order, while members come and go: what both clients send stays in order in each queue"""
    topic, group = "ScenarioMixedOrder", "mixed_order_group"
    exchange.make_topic(topic)
    everyone, everything = [], []

    def send(kind):
        """21 messages of each client, by shard; one of each is long enough to be compressed."""
        texts = [{**text, "shard": str(number % 3)} for number, text in enumerate(wording.texts(f"{kind}-swift", 21))]
        coming = exchange.send(topic, "orderly", 21, f"{kind}-foreign") + exchange.send_swift(topic, texts, "orderly")
        everything.extend(coming)
        return {message["body"] for message in coming}

    def arrivals(consumer, wanted):
        """Which offsets of each queue came to a consumer, in their order, the first time each."""
        came = {message["body"]: message for message in reversed(list(consumer.received)) if message["body"] in wanted}
        queues = collections.defaultdict(list)
        for message in reversed(came.values()):
            queues[message["queue"]].append(message["offset"])
        return queues

    def settled(members, kind):
        """What is sent while the members change comes, and what is sent then comes once, each queue to one member."""
        send(f"{kind}-change")
        # The locks of a member that leaves without a word last a minute.
        everything.extend(exchange.settle(topic, members, 4, f"{kind}-signal", 150))
        steady = send(f"{kind}-steady")

        def came():
            return {message["body"] for consumer in everyone for message in list(consumer.received)}
        rmq.wait_until(lambda: came() >= {message["body"] for message in everything}, SECONDS, f"{kind}: every message")
        queues = [arrivals(consumer, steady) for consumer in members]
        assert sum(map(len, queues)) == len(set().union(*queues)), f"{kind}: a queue came to two members: {queues}"
        twice = collections.Counter(body for consumer in members for body in bodies(list(consumer.received)) if body in steady)
        assert max(twice.values()) == 1, f"{kind}: {twice.most_common(1)} came more than once"

    with contextlib.ExitStack() as stack:
        def join(make):
            everyone.append(stack.enter_context(make(topic, group, "orderly")))
            return everyone[-1]
        foreign = join(exchange.consumer)
        settled([foreign], "order-foreign")
        swift = join(exchange.swift_consumer)
        settled([foreign, swift], "order-both")
        foreign.stop()
        settled([swift], "order-swift")
        settled([swift, join(exchange.consumer)], "order-again")
        swift.stop()
        settled(everyone[-1:], "order-taken-over")
    for consumer in everyone:
        for queue, offsets in arrivals(consumer, {message["body"] for message in everything}).items():
            assert offsets == sorted(offsets), f"queue {queue} came out of order: {offsets}"
    received = [message for consumer in everyone for message in consumer.received]
    assert wording.by_body(everything) == wording.by_body(received), "a message came otherwise than it was sent"


def mixed_retry(exchange):
    """C++ and Swift consumers share a group and fail once each, while another one comes: every message is consumed, none is a dead letter"""
    topic, group, address = "ScenarioMixedRetry", "mixed_retry_group", exchange.cluster.broker_address
    exchange.make_topic(topic)
    # The C++ client looks for routes twice a minute only: the retry topic is there before it starts.
    LiveClient(address, "first-of-mixed", consumer_groups={group: [topic]}).heartbeat().close()
    rmq.wait_until(lambda: "%RETRY%" + group in exchange.admin("topicList").split("\n"), what="the retry topic at the name server")
    with exchange.consumer(topic, group) as foreign, exchange.swift_consumer(topic, group) as swift:
        exchange.settle(topic, [foreign, swift], 4, "mixed-retry-signal")
        sent = exchange.send(topic, "sync", 24, "fails-once-foreign") + exchange.send_swift(topic, wording.texts("fails-once-swift", 24))
        with exchange.swift_consumer(topic, group) as third:
            members = [foreign, swift, third]

            def consumed():
                return [message for member in members for message in list(member.received) if message["consumed"]]
            wanted = {message["body"] for message in sent}
            rmq.wait_until(lambda: wanted <= set(bodies(consumed())), SECONDS, "every message to be consumed")
            came = wording.by_body(consumed())
            assert all(came[body] == message for body, message in wording.by_body(sent).items()), "a message came otherwise than it was sent"
    assert not live_client.pull_all(address, "%DLQ%" + group), "what was consumed in the end is a dead letter"


COMMIT, ROLLBACK = "8", "12"


class TransactionProducer(LiveClient):
    """A producer of one group that knows what is to become of each of its messages, by body."""

    def __init__(self, address, name, decisions):
        super().__init__(address, name, ["scenario_transactions"])
        self.decisions, self.checked = decisions, collections.Counter()
        self.on(live_client.CHECK_TRANSACTION, self.check)
        self.heartbeat()

    def prepare(self, body):
        properties = {"TRAN_MSG": "true", "PGROUP": "scenario_transactions", "UNIQ_KEY": body.encode().hex().upper().ljust(32, "0")[:32]}
        answer = self.request(rmq.SEND_V2, rmq.send_fields("ScenarioTransactions", 0, properties), body.encode())
        assert answer.code == 0, f"{answer.code}: {answer.remark}"
        return answer.fields["queueOffset"], str(int(answer.fields["msgId"][16:], 16)), answer.fields["msgId"]

    def end(self, half, decision):
        queue_offset, physical_offset, message_id = half
        self.oneway(live_client.END_TRANSACTION, {
            "producerGroup": "scenario_transactions", "tranStateTableOffset": queue_offset, "commitLogOffset": physical_offset, "commitOrRollback": decision,
            "fromTransactionCheck": "false", "msgId": message_id})

    def check(self, asked):
        (record,) = live_client.records(asked.body)
        body = bytes(record.body).decode()
        self.checked[body] += 1
        if body in self.decisions:
            self.end((asked.fields["tranStateTableOffset"], asked.fields["commitLogOffset"], asked.fields["msgId"]), self.decisions[body])


def transactions_killed(exchange):
    """transactions whose producer or broker is killed at each step: what is committed comes once, what is rolled back never"""
    address, topic = exchange.cluster.broker_address, "ScenarioTransactions"
    exchange.make_topic(topic, queues=1)
    decisions = {}

    def producer(name):
        return TransactionProducer(address, name, decisions)

    def decide(step, count=4):
        """Bodies of one step; every other one is to be committed."""
        return {f"{step}-{number}": COMMIT if number % 2 == 0 else ROLLBACK for number in range(count)}
    planned = {}
    # The broker is killed before it hears what became of the message; the same producer says so afterwards.
    first, step = producer("first"), decide("killed-before-end")
    halves = {body: first.prepare(body) for body in step}
    first.close()
    exchange.restart_killed()
    first = producer("first")
    for body, half in halves.items():
        first.end(half, step[body])
    planned.update(step)
    # It is killed while it hears it, once more and once more.
    for turn in range(3):
        step = decide(f"killed-at-end-{turn}", 40)
        decisions.update(step)
        for body, decision in step.items():
            first.end(first.prepare(body), decision)
        first.close()
        exchange.restart_killed()
        first = producer("first")
        planned.update(step)
    # The producer is killed between the two; another of its group is asked.
    step = decide("producer-killed")
    for body in step:
        first.prepare(body)
    first.close()
    decisions.update(step)
    second = producer("second")
    planned.update(step)
    # Both are killed, and only then somebody knows.
    step = decide("both-killed")
    for body in step:
        second.prepare(body)
    second.close()
    exchange.restart_killed()
    decisions.update(step)
    third = producer("third")
    planned.update(step)
    wanted = sorted(body for body, decision in planned.items() if decision == COMMIT)

    def delivered():
        return sorted(bytes(record.body).decode() for record in live_client.pull_all(address, topic))
    rmq.wait_until(lambda: set(delivered()) >= set(wanted), SECONDS, "every committed message")
    time.sleep(3)   # rounds of questions go on; nothing may come of them
    assert delivered() == wanted, f"came: {collections.Counter(delivered()) - collections.Counter(wanted)}"
    third.close()


ACCOUNTS = """\
accounts:
- {accessKey: administrator, secretKey: secret-admin, admin: true}
- {accessKey: application, secretKey: secret-app, topicPerms: [ScenarioSigned=PUB|SUB], groupPerms: [signed_group=SUB]}
"""


def signed(exchange):
    """a closed cluster: a broker and C++ clients with accounts are served, others are told why not"""
    topic, required = "ScenarioSigned", {"aclEnable": "true", "authenticationRequired": "true"}
    with rmq.Cluster(exchange.cluster.programs, required, name_server_settings={"aclEnable": "true"}, files={"conf/plain_acl.yml": ACCOUNTS}) as cluster:
        closed = Exchange(cluster)
        tools = cluster.folder / "conf" / "tools.yml"
        rmq.wait_until(lambda: f"write accessKey and secretKey of one of its administrators to {tools}" in cluster.log("mqbroker"),
                       what="the broker to say why it is not registered")
        assert cluster.broker_address not in closed.admin("clusterList")
        tools.write_text("accessKey: administrator\nsecretKey: secret-admin\n")
        cluster.stop(cluster.processes["mqbroker"])
        cluster.start_broker()
        closed.environment["ROCKETMQ_HOME"] = str(cluster.folder)
        rmq.wait_until(lambda: cluster.broker_address in closed.admin("clusterList"), what="the broker's registration")
        closed.make_topic(topic)
        logs = cluster.folder / "logs" / "rocketmq-cpp"
        # Without an account this client signs as one without a name.
        for account, secret, text in [("application", "secret-other", "Check signature failed for accessKey=application"),
                                      ("stranger", "secret-app", "No acl config for stranger"), (None, None, "No acl config for ,")]:
            before = set(logs.glob("*"))
            for name, value in (("RMQ_ACCESS_KEY", account), ("RMQ_SECRET_KEY", secret)):
                closed.environment.pop(name, None)
                if value:
                    closed.environment[name] = value
            try:
                closed.send(topic, "sync", 1)
                raise RuntimeError(f"{account} was served")
            except AssertionError as refusal:
                # What it raises says less than the server: that is in its log.
                said = "".join(log.read_text(errors="replace") for log in set(logs.glob("*")) - before)
                assert f"AclException: {text}" in said, f"{account}: {refusal}\n{said[-2000:]}"
        closed.environment |= {"RMQ_ACCESS_KEY": "application", "RMQ_SECRET_KEY": "secret-app"}
        with closed.consumer(topic, "signed_group") as consumer:
            sent = closed.send(topic, "sync", 8) + closed.send(topic, "async", 8) + closed.send(topic, "orderly", 8)
            equal(sent, consumer.wait_for(sent, "all messages at the consumer"))
        assert "secret-" not in cluster.log("mqbroker") + cluster.log("mqnamesrv")


# Every other one makes half of the work: they wait for locks and intervals of the foreign client most of the time.
CASES = [retries, fallback, orderly_killed, broadcasting_restart, delay_restart, reset_offset, reply_gone, mixed_order, rebalance,
         mixed_retry, transactions_killed, signed]


def main(programs, *names):
    halves = {"1/2": CASES[::2], "2/2": CASES[1::2]}
    chosen = halves.get(names[0]) if names else None
    chosen = chosen or [case for case in CASES if not names or case.__name__ in names]
    return Exchange.run(programs, chosen, SETTINGS)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
