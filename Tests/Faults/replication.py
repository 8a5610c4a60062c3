#!/usr/bin/env python3
"""Two brokers of one name, a master that waits for its replica and that replica, among faults. Every case sends without pause.

  master    the master is killed and its replica promoted; the old master comes back as a replica, without what nobody confirmed
  replica   the replica is killed and comes back
  both      both are killed, in either order, and come back in either order
  names     the name server is gone, and the replica is killed meanwhile or is not
  network   what passes between them is cut, also within a header, stopped in one direction, slowed down, split and falsified in bodies
  partition the replica is on a host of its own (a network namespace), and nothing passes in one direction or in both for a while
  disk      the replica's disk is full for a while
  slow      the replica gets less than comes, and then the rest
  deleted   the replica was away until the master deleted what it lacks: it says so, changes nothing, and begins again when it is emptied
  clock     as master, and each time the one that comes back has its clock set ahead or back, up to ten years

The cases partition and disk need root. After each round: what was answered with success is at both brokers, at the place that the answer named,
and nowhere else; what one sender sent to a queue stands there in order; both logs are the same bytes in the end.

usage: replication.py <folder with the programs> [--rounds N] [--only CASE ...] [--seed S]
"""
import argparse
import pathlib
import random
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Support"))
import hosts
import rmq
from replica_pair import (CATCH_UP_SECONDS, FILLING, QUEUES, SEGMENT_BYTES, TOPIC, AnnouncingPair, CrampedPair, DistantPair, ForgetfulPair, Load, Pair,
                          ProxiedPair, StarvedPair, TimelessPair, check, wait_followed, wait_same)

CHANGE_CONFIGURATION, MAX_OFFSET, DELETE_EXPIRED = 25, 30, 329


# Cases. Each gets the pair and the number of the round, and returns what is wrong.


def kill_master(pair, number):
    load = Load(pair.master.broker_address, number)
    time.sleep(random.uniform(0.05, 0.5))   # the length of the load is the random variable, not a wait for something
    pair.master.kill_broker()
    load.stop()
    pair.promote()
    problems = check(load, pair.checked, pair.master)
    # Alone, the new master answers that it has no replica; what it keeps meanwhile is what the old one lacks.
    after = Load(pair.master.broker_address, number + 1_000_000)
    time.sleep(random.uniform(0, 0.1))
    pair.replica.begin(is_master=False)
    wait_followed(pair.master, number)
    after.stop()
    wait_same(pair.master, pair.replica)
    return load, problems + check(load, pair.checked, pair.replica) + check(after, pair.checked, pair.master, pair.replica)


def kill_replica(pair, number):
    load = Load(pair.master.broker_address, number)
    time.sleep(random.uniform(0.05, 0.4))
    pair.replica.kill_broker()
    time.sleep(random.uniform(0, 0.2))
    pair.replica.begin(is_master=False)
    wait_followed(pair.master, number)
    load.stop()
    wait_same(pair.master, pair.replica)
    return load, check(load, pair.checked, pair.master, pair.replica)


def kill_both(pair, number):
    load = Load(pair.master.broker_address, number)
    time.sleep(random.uniform(0.05, 0.4))
    for member in random.sample([pair.master, pair.replica], 2):
        member.kill_broker()
    load.stop()
    for member in random.sample([pair.master, pair.replica], 2):
        member.begin(is_master=member is pair.master)
    wait_followed(pair.master, number)
    wait_same(pair.master, pair.replica)
    return load, check(load, pair.checked, pair.master, pair.replica)


def stop_name_server(pair, number):
    pair.home.stop(pair.home.processes["mqnamesrv"])
    load, problems = Load(pair.master.broker_address, number), []
    time.sleep(random.uniform(0.1, 0.5))
    if number % 2:
        pair.replica.kill_broker()
        pair.replica.begin(is_master=False)
    elif not load.acknowledged:
        problems.append("nothing was acknowledged without a name server")
    load.stop()
    pair.home.start_name_server()
    wait_followed(pair.master, number)
    wait_same(pair.master, pair.replica)
    return load, problems + check(load, pair.checked, pair.master, pair.replica)


def spoil_network(pair, number):
    proxy, load = pair.proxy, Load(pair.master.broker_address, number)
    time.sleep(random.uniform(0.02, 0.2))
    manner = ["cut", "header", "stall", "slow", "split", "falsify"][number % 6]
    if manner == "cut":
        proxy.cut()
    elif manner == "header":
        # Every place within a frame comes up: some round after round within the twelve bytes of a header.
        proxy.chunk, proxy.cut_after = 64, number // 6 % 13
    elif manner == "stall":
        proxy.stalls = {random.choice(["up", "down"])}
        time.sleep(random.uniform(0.1, 1.5))
    elif manner == "slow":
        proxy.bytes_per_second = 200_000
        time.sleep(0.5)
    elif manner == "split":
        proxy.chunk = random.choice([1, 3, 11])
        time.sleep(0.3)
    else:
        # What is wrong elsewhere in a record is seen where it makes none of it, and not in its times, say.
        proxy.falsify, proxy.falsify_within = random.randrange(1, 4), FILLING
        time.sleep(0.3)
    proxy.stalls, proxy.bytes_per_second, proxy.chunk, proxy.falsify = set(), None, 1 << 16, 0
    load.stop()
    wait_followed(pair.master, number)
    wait_same(pair.master, pair.replica)
    return load, [f"{manner}: {problem}" for problem in check(load, pair.checked, pair.master, pair.replica)]


def part(pair, number):
    load = Load(pair.master.broker_address, number)
    time.sleep(random.uniform(0.02, 0.2))
    for direction in random.choice([["up"], ["down"], ["up", "down"]]):
        pair.cable.block(direction)
    time.sleep(random.uniform(0.1, 4))   # shorter and longer than both sides are patient
    pair.cable.heal()
    load.stop()
    wait_followed(pair.master, number)
    wait_same(pair.master, pair.replica)
    return load, check(load, pair.checked, pair.master, pair.replica)


def fill_disk(pair, number):
    load = Load(pair.master.broker_address, number)
    pair.disk.fill(left=random.randrange(0, 2 << 20))
    rmq.wait_until(lambda: not pair.replica.is_following(), CATCH_UP_SECONDS, "the replica to say that it cannot store")
    time.sleep(random.uniform(0, 0.5))
    load.stop()
    pair.disk.relieve()
    wait_followed(pair.master, number)
    wait_same(pair.master, pair.replica)
    # The replica may have deleted what is old to have room.
    return load, check(load, pair.checked, pair.master)


def starve(pair, number):
    pair.proxy.bytes_per_second = random.choice([50_000, 200_000])
    load = Load(pair.master.broker_address, number)
    time.sleep(random.uniform(0.5, 2))
    pair.proxy.bytes_per_second = None
    load.stop()
    wait_followed(pair.master, number)
    wait_same(pair.master, pair.replica)
    return load, check(load, pair.checked, pair.master, pair.replica)


def delete_what_it_lacks(pair, number):
    master, replica, said = pair.master, pair.replica, "let this slave begin with an empty store"
    end, complaints = replica.end_of_log(), replica.log("mqbroker").count(said)
    replica.kill_broker()
    alone = Load(master.broker_address, number)
    rmq.wait_until(lambda: master.end_of_log() > end + 3 * SEGMENT_BYTES, CATCH_UP_SECONDS, "the log to grow")
    alone.stop()

    master.ask(CHANGE_CONFIGURATION, body=b"fileReservedTime=0\n")

    def is_deleted():
        master.ask(DELETE_EXPIRED)
        return int(master.told()["commitLogMinOffset"]) > end
    rmq.wait_until(is_deleted, CATCH_UP_SECONDS, "the master to delete what the replica lacks")
    master.ask(CHANGE_CONFIGURATION, body=b"fileReservedTime=72\n")
    replica.begin(is_master=False)
    rmq.wait_until(lambda: replica.log("mqbroker").count(said) > complaints, CATCH_UP_SECONDS, "the replica to say what to do")
    problems = [] if replica.end_of_log() == end else ["the replica changed a log that its master does not continue"]
    replica.stop(replica.processes["mqbroker"])
    shutil.rmtree(replica.store)
    replica.begin(is_master=False)
    rmq.wait_until(replica.is_following, CATCH_UP_SECONDS, "the replica to follow")
    for queue in range(QUEUES):
        pair.checked[queue] = int(master.ask(MAX_OFFSET, {"topic": TOPIC, "queueId": str(queue)}).fields["offset"])
    load = Load(master.broker_address, number + 1_000_000)
    time.sleep(0.2)
    load.stop()
    wait_same(master, replica)
    return load, alone.problems + problems + check(load, pair.checked, master, replica)


def kill_master_by_another_clock(pair, number):
    days = random.choice([-3650, -1, -0.001, 0, 0.001, 1, 3650])
    # For its return.
    pair.master.run_by(hosts.by_clock(pair.clock_library, days * 86_400))
    load, problems = kill_master(pair, number)
    return load, [f"a clock that is {days} days ahead: {problem}" for problem in problems]


CASES = {
    "master": (kill_master, Pair), "replica": (kill_replica, Pair), "both": (kill_both, AnnouncingPair), "names": (stop_name_server, AnnouncingPair),
    "network": (spoil_network, ProxiedPair), "partition": (part, DistantPair),
    "disk": (fill_disk, CrampedPair), "slow": (starve, StarvedPair), "deleted": (delete_what_it_lacks, ForgetfulPair),
    "clock": (kill_master_by_another_clock, TimelessPair),
}


def run(name, programs, rounds):
    case, make_pair = CASES[name]
    failures = total = slowest = 0
    if make_pair in (DistantPair, CrampedPair) and (reason := hosts.missing()):
        print(f"{name}: skipped, {reason}", flush=True)
        return 0
    # Only a replica on a host of its own has to reach it from elsewhere.
    everywhere = {"bindAddress": "0.0.0.0"} if make_pair is DistantPair else {}
    with rmq.Cluster(programs, broker=False, name_server_settings=everywhere) as home, make_pair(programs, home.name_server_address) as pair:
        pair.home = home
        try:
            for number in range(rounds):
                began = time.monotonic()
                load, problems = case(pair, number + 1)
                slowest = max(slowest, time.monotonic() - began)
                pair.round_ended()
                total += len(load.acknowledged)
                failures += bool(problems)
                for problem in problems[:5]:
                    print(f"{name} {number}: {problem}", flush=True)
                if (number + 1) % 20 == 0:
                    print(f"  {name}: {number + 1}/{rounds} rounds, {total} acknowledged, slowest round {slowest:.1f} s", flush=True)
            for problem in pair.compare_logs():
                failures += 1
                print(f"{name}: {problem}")
            if not total:
                failures += 1
                print(f"{name}: nothing was acknowledged in any round, so nothing was shown")
        except Exception:
            print(f"{name}: round {number} did not end")
            for member in (pair.master, pair.replica):
                print(f"-- {member.broker_address}\n{member.log('mqbroker')[-3000:]}")
            raise
    print(f"{name}: {rounds} rounds, {total} acknowledged by both, slowest round {slowest:.1f} s, {failures} failed", flush=True)
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 30)
    random.seed(seed)
    print(f"seed {seed}")
    return 1 if sum(run(name, options.programs.resolve(), options.rounds) for name in options.only) else 0


sys.exit(main())
