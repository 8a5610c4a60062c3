#!/usr/bin/env python3
"""A client of ours against servers that are killed, stopped, slow and hostile, and against handlers that hang: all in processes of their own.

Of each case: every call ended by its deadline; what was acknowledged is stored and was consumed; and when the client was closed, no
connection, thread, task or continuation of it was left, and its process ended at once.

usage: client_faults.py <folder with mqnamesrv, mqbroker, mqadmin and FaultClient> [case ...]
"""
import collections
import contextlib
import pathlib
import socket
import struct
import subprocess
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Support"))
import hostile_servers
import rmq
from fault_scene import Scene

# So many events show that something goes on.
SOME = 40


def bodies(events):
    return {one["body"] for one in events}


def wait_handled(clients, sent, what="every acknowledged message to be consumed"):
    def handled():
        return set().union(*(bodies(client.of("handled")) for client in clients))
    try:
        rmq.wait_until(lambda: handled() >= bodies(sent), 120, what)
    except TimeoutError as error:
        raise AssertionError(f"{error}: {len(bodies(sent) - handled())} of {len(bodies(sent))} did not come") from error


# The cases.

def broker_killed_while_others_go_on(scene):
    """one of two brokers is killed in the middle of sends: no send fails, all go to the other one until the first is back"""
    first, _ = scene.broker(), scene.broker("broker-b")
    scene.make_topic("Killed")
    client = scene.client()
    client.tell("send", topic="Killed", bodies="killed", tasks=20)
    for name in ("broker-a", "broker-b"):
        client.wait("sent", SOME, broker=name)
    for _ in range(2):
        first.kill_broker()
        client.next("sent", 200, broker="broker-b")
        scene.restart(first)
        client.next("sent", SOME, broker="broker-a")
    client.stop()
    assert not client.of("failed"), client.of("failed")[0]
    scene.check_stored(client, "Killed")


def only_broker_killed(scene):
    """the only broker is killed in the middle of sends: each ends by its deadline, and they go on when it is back"""
    broker = scene.broker()
    scene.make_topic("Only")
    client = scene.client()
    client.tell("send", topic="Only", bodies="only", tasks=20, timeout=1000)
    client.wait("sent", SOME)
    for _ in range(2):
        broker.kill_broker()
        client.next("failed", SOME)
        scene.restart(broker)
        client.next("sent", SOME)
    client.stop()
    scene.check_stored(client, "Only")
    codes = {one["code"] for one in client.of("failed")}
    assert codes <= {"connectionFailed", "connectionLost", "timedOut", "brokerNotFound", "routeNotFound"}, codes


def broker_answers_after_the_timeout(scene):
    """a broker that stands still: sends time out, and its late answers are taken for nobody's"""
    broker = scene.broker()
    scene.make_topic("Late")
    client = scene.client()
    client.tell("send", topic="Late", bodies="late", tasks=20, timeout=500)
    client.wait("sent", SOME)
    for _ in range(3):
        scene.pause(broker.processes["mqbroker"])
        client.next("failed", SOME, code="timedOut")
        scene.resume(broker.processes["mqbroker"])
        client.next("sent", SOME)
    client.stop()
    scene.check_stored(client, "Late")


def cancelled_sends(scene):
    """sends that are cancelled while the broker stands still end at once"""
    broker = scene.broker()
    scene.make_topic("Cancelled")
    client = scene.client()
    client.tell("send", topic="Cancelled", bodies="cancelled", tasks=50, timeout=60_000)
    client.wait("sent", SOME)
    scene.pause(broker.processes["mqbroker"])
    time.sleep(0.3)   # for as long as it stands still; then most tasks wait for an answer
    began = time.monotonic()
    client.stop("cancel")
    assert time.monotonic() - began < 10, "cancelled sends went on"
    assert {one["code"] for one in client.of("failed")} == {"cancelled"}, client.of("failed")[:1]
    scene.resume(broker.processes["mqbroker"])
    scene.check_stored(client, "Cancelled")


def name_server_killed(scene):
    """without the name server sends and consumers go on; what needs a route fails in time, and works when it is back"""
    broker = scene.broker()
    scene.make_topic("Known")
    client = scene.client()
    client.tell("consume", topic="Known", group="known_group")
    client.tell("send", topic="Known", bodies="known", tasks=4)
    client.wait("handled", SOME)
    scene.home.processes["mqnamesrv"].kill()
    scene.home.processes["mqnamesrv"].wait()
    time.sleep(1.2)   # over a round in which the client asks for all routes again
    client.next("handled", SOME)
    client.tell("send", topic="Unknown", bodies="unknown", count=2, timeout=500)
    client.wait("failed", 2, topic="Unknown")
    assert not client.of("failed", topic="Known"), client.of("failed", topic="Known")[0]
    scene.home.start_name_server()
    # A broker tells of a new topic at once, and of itself with it; else once in half a minute.
    scene.make_topic("Unknown")
    client.tell("send", topic="Unknown", bodies="found", count=2)
    client.wait("sent", 2, topic="Unknown")
    client.next("handled", SOME)
    client.stop()
    scene.check_stored(client, "Known")
    wait_handled([client], client.of("sent", topic="Known"))


def route_to_nowhere(scene):
    """routes to addresses where nobody listens, or nobody answers: sends end by their deadline, with other topics undisturbed"""
    scene.broker()
    scene.make_topic("Somewhere")
    # Connects are not answered when more wait to be accepted than may.
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        addresses = {"Nobody": f"127.0.0.1:{rmq.free_port()}", "Full": "{}:{}".format(*full.getsockname())}
        for topic, address in addresses.items():
            stack.enter_context(contextlib.closing(hostile_servers.register(scene.name_server, f"broker-{topic}", address, topic)))
        client = scene.client()
        client.tell("send", topic="Somewhere", bodies="somewhere", tasks=4)
        for topic in addresses:
            client.tell("send", topic=topic, bodies=topic, tasks=3, count=12, timeout=500)
        client.tell("consume", topic="Nobody", group="nowhere_group")
        for topic in addresses:
            client.wait("failed", 12, topic=topic)
        client.next("sent", SOME, topic="Somewhere")
        client.stop()
        assert {one["topic"] for one in client.of("sent")} == {"Somewhere"} and not client.of("failed", topic="Somewhere")


def slow_broker_is_avoided(scene):
    """one of two brokers stands still again and again: with avoidance each task meets that once, and sends stay fast"""
    scene.broker()
    slow = scene.broker("broker-b")
    scene.make_topic("Slow")
    client, tasks = scene.client(), 4
    client.tell("send", topic="Slow", bodies="slow", tasks=tasks, group="avoiding", avoids=True)
    for name in ("broker-a", "broker-b"):
        client.wait("sent", SOME, broker=name)
    for _ in range(3):
        scene.pause(slow.processes["mqbroker"])
        client.next("sent", 60, broker="broker-a")
        time.sleep(0.8)   # for as long as it stands still, which is what makes it slow
        scene.resume(slow.processes["mqbroker"])
        client.next("sent", SOME)
    client.stop()
    assert not client.of("failed"), client.of("failed")[0]
    # Those that were on their way when it stood still for the first time, and as many again for a busy machine; else it is all, three times.
    patient = [one for one in client.of("sent") if one["ms"] >= 550]
    assert len(patient) <= 2 * tasks, f"{len(patient)} sends waited for the slow broker"
    scene.check_stored(client, "Slow")


def consumers_across_kills(scene):
    """a broker is killed again and again while a client sends and consumes in each of its ways: every message comes, in order where that is asked"""
    broker = scene.broker()
    client, ways = scene.client(), ("each", "ordered", "loop", "poll")
    for way in ways:
        scene.make_topic(f"Across-{way}")
        client.tell("consume", topic=f"Across-{way}", group=f"{way}_group", by=way)
        client.tell("send", topic=f"Across-{way}", bodies=way, tasks=4, timeout=1000)
    for is_last in (False, False, False, True):
        for way in ways:
            client.next("handled", SOME, group=f"{way}_group")
        if not is_last:
            broker.kill_broker()
            scene.restart(broker)
    client.stop()
    for way in ways:
        scene.check_stored(client, f"Across-{way}")
    wait_handled([client], client.of("sent"))
    check_order(client, "ordered_group")


def check_order(client, group):
    """The first time that each message of a queue comes, the messages before it have come."""
    last = {}
    for one in client.of("got", group=group):
        place = one["broker"], one["queue"]
        assert one["offset"] <= last.get(place, one["offset"] - 1) + 1, f"offset {one['offset']} of queue {place} came after {last.get(place)}"
        last[place] = max(one["offset"], last.get(place, -1))


def member_leaves_during_rebalance(scene):
    """members of a group come and are closed, abandoned and killed while the queues are shared out: every message comes to one of them"""
    scene.broker()
    scene.make_topic("Leaving", queues=8)
    sender = scene.client()
    sender.tell("consume", topic="Leaving", group="leaving_group")
    sender.tell("send", topic="Leaving", bodies="leaving", tasks=4)
    members = [sender]
    for waits, how in [(waits, how) for waits in (False, True) for how in ("close", "abandon", "kill")]:
        member = scene.client()
        member.tell("consume", topic="Leaving", group="leaving_group")
        members.append(member)
        if waits:
            member.wait("handled")
        if how == "kill":
            scene.clients.remove(member)
            member.kill()
        else:
            member.tell(how, group="leaving_group")
            member.wait({"close": "closed", "abandon": "abandoned"}[how])
        sender.next("handled", SOME)
    sender.stop()
    wait_handled(members, sender.of("sent"))


def handlers_that_fail(scene):
    """handlers throw, hang and are cancelled: each message comes again until it is consumed, and a close waits for its grace period only"""
    scene.broker()
    scene.make_topic("Handlers")
    client = scene.client()
    client.tell("consume", topic="Handlers", group="failing_group")
    for kind in ("throws", "hangs", "plain"):
        client.tell("send", topic="Handlers", bodies=kind, count=10)
    client.wait("sent", 30)
    wait_handled([client], client.of("sent"))
    came = collections.Counter(one["body"] for one in client.of("got"))
    assert all(came[one["body"]] >= 2 for one in client.of("sent") if not one["body"].startswith("plain")), came
    # One that hangs when it is closed, and one whose task is cancelled.
    for how, event, grace in (("close", "closed", 300), ("abandon", "abandoned", 0)):
        group = f"{how}_group"
        scene.make_topic(f"Hanging{how}")
        client.tell("consume", topic=f"Hanging{how}", group=group)
        client.tell("send", topic=f"Hanging{how}", bodies=f"hangs-at-{how}", count=1)
        client.wait("got", group=group)
        client.tell(how, group=group, grace=grace)
        (ended,) = client.wait(event, group=group)
        assert ended["ms"] < grace + 3000, f"{how} took {ended['ms']} ms"
        other = scene.client()
        other.tell("consume", topic=f"Hanging{how}", group=group)
        other.wait("got", group=group, body=f"hangs-at-{how}-0")


def a_thousand_topics(scene):
    """one client sends to a thousand topics and consumes them all"""
    scene.broker()
    client = scene.client()
    client.tell("send", topic="Thousand", topics=1000, bodies="thousand", tasks=20, count=1000, pause=0, timeout=20_000)
    client.wait("sent", 1000, seconds=120)
    client.tell("consume", topic="Thousand", topics=1000, group="thousand_group")
    wait_handled([client], client.of("sent"))
    assert len(client.sockets()) <= 4, f"{len(client.sockets())} connections to two servers"


def clock_jumps(scene):
    """the time of day of the client jumps by a day and back: sends and consumers go on, and no deadline is missed"""
    scene.broker()
    scene.make_topic("Clock")
    library, hand = scene.home.folder / "set_clock.so", scene.home.folder / "clock"
    subprocess.run(["gcc", "-O1", "-fPIC", "-shared", "-o", library, HERE.parent / "Workspace/set_clock.c"], check=True)
    hand.write_bytes(struct.pack("=q", 0))
    client = scene.client(environment={"LD_PRELOAD": str(library), "SET_CLOCK_FILE": str(hand)})
    client.tell("consume", topic="Clock", group="clock_group")
    client.tell("send", topic="Clock", bodies="clock", tasks=4)
    client.wait("handled", SOME)
    for jump in (86_400, -86_400, 0):
        with open(hand, "r+b") as file:
            file.write(struct.pack("=q", jump))
        time.sleep(1.2)   # over a round of everything that is done once a second
        client.next("handled", SOME)
    client.stop()
    assert not client.of("failed"), client.of("failed")[0]
    scene.check_stored(client, "Clock")
    wait_handled([client], client.of("sent"))
    # Where the group stands is known to the broker, although the clock went back.
    client.tell("close", group="clock_group")
    client.wait("closed")
    assert "Diff Total: 0\n" in scene.admin("consumerProgress", "-g", "clock_group")


SEND_MANNERS = {
    # Whether the send is stored as far as the client can know.
    "twice": True, "questions_first": True, "of_another_request": False, "noise": False, "garbage_in_a_frame": False, "empty_frame": False,
    "absurd_length": False, "negative_length": False, "header_beyond_its_frame": False, "half_and_close": False, "half_and_silence": False,
    "silence": False, "close_at_once": False, "unknown_code": False, "no_fields": False, "unreadable_fields": False}
PULL_MANNERS = [*(manner for manner in SEND_MANNERS if not SEND_MANNERS[manner]), "twice", "questions_first", "record_cut_off",
                "record_of_absurd_length", "record_of_noise", "found_nothing"]


def wait_works(client, topic, manner):
    """The first sends may still meet what the server said before."""
    for number in range(20):
        client.tell("send", topic=topic, bodies=f"{number}-after-{manner}", count=1)
        (outcome,) = client.outcomes(f"{number}-after-{manner}", 1)
        if outcome["event"] == "sent":
            return
    raise AssertionError(f"no send works after {manner}: {outcome}")


def hostile_answers_to_sends(scene):
    """a broker answers sends twice, with garbage, half a frame, an absurd length and more: each ends by its deadline, and the next ones work"""
    with contextlib.closing(hostile_servers.HostileBroker(scene.name_server, "Hostile")) as broker:
        client = scene.client()
        for manner, is_stored in SEND_MANNERS.items():
            broker.manner = manner
            client.tell("send", topic="Hostile", bodies=manner, tasks=5, count=10, timeout=300)
            wrong = [one for one in client.outcomes(manner, 10) if one["event"] != ("sent" if is_stored else "failed")]
            assert not wrong, f"{manner}: {wrong[0]}"
            broker.behave()
            wait_works(client, "Hostile", manner)
        client.stop()


def hostile_name_server(scene):
    """a name server answers with garbage, half a frame and more: what needs a route fails in time and works later; routes that are known stay"""
    scene.broker()
    scene.make_topic("Known")
    with contextlib.closing(hostile_servers.HostileNameServer(scene.name_server)) as server:
        client = scene.client(server.address)
        client.tell("send", topic="Known", bodies="known", tasks=2)
        client.wait("sent", SOME)
        for manner, is_route in SEND_MANNERS.items():
            server.manner = manner
            client.tell("send", topic=f"New-{manner}", bodies=manner, count=2, timeout=300)
            wrong = [one for one in client.outcomes(manner, 2) if one["event"] != ("sent" if is_route else "failed")]
            assert not wrong, f"{manner}: {wrong[0]}"
            server.behave()
            wait_works(client, f"New-{manner}", manner)
        client.next("sent", SOME, topic="Known")
        client.stop()
        assert not client.of("failed", topic="Known"), client.of("failed", topic="Known")[0]


def hostile_answers_to_pulls(scene):
    """a broker answers pulls with garbage, half a frame, records that end nowhere and more: the consumer asks again, and every message comes"""
    with contextlib.closing(hostile_servers.HostileBroker(scene.name_server, "HostilePulls")) as broker:
        client = scene.client()
        client.tell("consume", topic="HostilePulls", group="hostile_group")
        for manner in PULL_MANNERS:
            broker.manner = manner
            rmq.wait_until(lambda: broker.asked.get((rmq.PULL, manner), 0) >= 1, what=f"a pull that meets {manner}")
            time.sleep(0.3)   # for as long as it lasts; a client that asks all the time shows here
            assert broker.asked[rmq.PULL, manner] < 60, f"{broker.asked[rmq.PULL, manner]} pulls in a moment met {manner}"
            broker.messages.append(f"after-{manner}".encode())
            broker.behave()
            client.wait("handled", body=f"after-{manner}")


CASES = [broker_killed_while_others_go_on, only_broker_killed, broker_answers_after_the_timeout, cancelled_sends, name_server_killed,
         route_to_nowhere, slow_broker_is_avoided, consumers_across_kills, member_leaves_during_rebalance, handlers_that_fail,
         a_thousand_topics, clock_jumps, hostile_answers_to_sends, hostile_answers_to_pulls,
         hostile_name_server]


def passes(case, programs):
    began = time.monotonic()
    try:
        with Scene(programs) as scene:
            case(scene)
        print(f"ok      {case.__name__:32} {time.monotonic() - began:5.1f} s  {case.__doc__}", flush=True)
        return True
    except Exception as error:
        print(f"FAILED  {case.__name__:32} {time.monotonic() - began:5.1f} s  {case.__doc__}\n        {error}", flush=True)
        if not isinstance(error, (AssertionError, TimeoutError)):
            traceback.print_exc(file=sys.stdout)
        return False


def main(programs, *names):
    chosen = [case for case in CASES if not names or case.__name__ in names]
    failed = [case.__name__ for case in chosen if not passes(case, programs)]
    print(f"client faults: {len(chosen) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
