"""What replication costs a master, how far behind a slave is, and how fast an empty one gets all: both brokers, and the load, on one machine."""
import contextlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
import threading
import time

from encrypted import processor_seconds
from harness import LIMIT_SECONDS, Server, microseconds, milliseconds, rate, raw_command, rmq, run, settle
from pulls import evict

RUNTIME_INFO = 28
# How long a slave may need for what is not there yet when the sends end.
KEPT_UP_SECONDS = 1
LAG_RATE = 100_000
COPY_BODY_BYTES = 4096
COPY_PACE = 10_000


class Pair:
    """A master, and a slave that comes and goes as the part says."""

    def __init__(self, programs, role="ASYNC_MASTER", **settings):
        more = {"eventLoops": os.cpu_count(), **settings}
        self.master = rmq.Cluster(programs, {"brokerRole": role, **more}, name_server=False, broker=False)
        address = f"127.0.0.1:{self.master.broker_port + 1}"
        self.slave = rmq.Cluster(programs, {"brokerRole": "SLAVE", "brokerId": 1, "haMasterAddress": address, **more}, name_server=False, broker=False)

    def __enter__(self):
        try:
            self.master.start_broker()
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.slave.__exit__()
        self.master.__exit__()

    @property
    def address(self):
        return self.master.broker_address

    def attach(self):
        self.slave.start_broker()
        rmq.wait_until(lambda: self.lag() is not None, 60, "the slave to follow")
        self.wait_same()

    def detach(self):
        self.slave.stop(self.slave.processes["mqbroker"])

    def lag(self):
        """Bytes that the slave has not said that it has; None without a slave."""
        with contextlib.closing(rmq.Connection(self.address)) as connection:
            return lag(connection)

    def wait_same(self, seconds=LIMIT_SECONDS):
        rmq.wait_until(lambda: self.lag() == 0, seconds, "the slave to have all")


def lag(connection):
    table = json.loads(connection.request(RUNTIME_INFO).body)["table"]
    slave = next((value for key, value in table.items() if key.startswith("slave_")), None)
    return int(re.search(r"behind (\d+) bytes", slave)[1]) if slave else None


class Lags:
    """Asks a master again and again how far behind its slave is, until the block ends."""

    def __init__(self, address):
        self.address, self.ending, self.bytes = address, threading.Event(), []
        self.thread = threading.Thread(target=self.ask)

    def ask(self):
        with contextlib.closing(rmq.Connection(self.address)) as connection:
            while not self.ending.wait(0.02):
                self.bytes.append(lag(connection))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()

    def share(self, part):
        return sorted(self.bytes)[int(part * (len(self.bytes) - 1))]


def replication(table, programs, yardstick, seconds, copied_bytes):
    asynchronous(table, programs, seconds)
    synchronous(table, programs, yardstick, seconds)
    copy(table, programs, copied_bytes)


def asynchronous(table, programs, seconds):
    bench = programs / "mqbench"
    with Pair(programs) as pair:
        def load(*more, size=128, connections=8, depth=64):
            settle()
            return run(*raw_command(bench, pair.address, connections, "--seconds", seconds, *more, depth=depth, size=size, serialization="binary"))

        # In turn: the machine's moods meet both.
        alone, beside, shares = [], [], []
        for _ in range(3):
            alone.append(rate(load()))
            pair.attach()
            slave = pair.slave.processes["mqbroker"].pid
            used, began = processor_seconds(slave), time.monotonic()
            beside.append(rate(load()))
            shares.append((processor_seconds(slave) - used) / (time.monotonic() - began) / os.cpu_count())
            pair.detach()
        alone, beside, share = (sorted(figures)[1] for figures in (alone, beside, shares))
        goal = 0.85 * (1 - share)
        table.add("sends of 128 B with a slave", f"{beside / alone:.2f} of {alone:,}/s alone; the slave takes {share:.2f} of the processors",
                  f"{goal:.2f}: 0.85 of the rest", beside >= goal * alone)

        pair.attach()
        sent = rate(load(size=4096))
        began = time.monotonic()
        pair.wait_same()
        behind = time.monotonic() - began
        table.add("sends of 4 KiB: the slave has all", f"{1000 * behind:,.0f} ms behind the last of {sent:,}/s for {seconds} s", f"{KEPT_UP_SECONDS * 1000} ms",
                  behind <= KEPT_UP_SECONDS)

        before = end_of_log(pair.address)
        with Lags(pair.address) as lags:
            achieved = rate(load("--rate", LAG_RATE, connections=16, depth=None))
        each = (end_of_log(pair.address) - before) / seconds / 1000
        half, most = lags.share(0.5) / each, lags.share(0.99) / each
        table.add(f"lag at {LAG_RATE:,} sends/s", f"p50 {half:.2f} ms, p99 {most:.2f} ms, at {achieved:,}/s", "5 ms, the rate kept",
                  half < 5 and achieved >= 0.98 * LAG_RATE)


def end_of_log(address):
    with contextlib.closing(rmq.Connection(address)) as connection:
        return int(json.loads(connection.request(RUNTIME_INFO).body)["table"]["commitLogMaxOffset"])


def synchronous(table, programs, yardstick, seconds):
    bench = programs / "mqbench"
    with Pair(programs) as without, Pair(programs, "SYNC_MASTER") as waiting, Server(yardstick, "PORT") as loopback:
        for pair in (without, waiting):
            pair.attach()

        def load(address, connections):
            settle()
            return run(*raw_command(bench, address, connections, "--seconds", seconds, depth=1, serialization="binary"))

        trips, ones, waits = ([microseconds(load(address, 1))["p50"] for _ in range(3)] for address in (loopback.address, without.address, waiting.address))
        trip, one, wait = (sorted(figures)[1] for figures in (trips, ones, waits))
        table.add("a synchronous send, p50", f"{wait:.0f} µs; asynchronous {one:.0f}, a round trip {trip:.0f} µs", f"{one + 2.5 * trip:.0f} µs: 2.5 trips more",
                  wait <= one + 2.5 * trip)
        plain, replicated = [], []
        for _ in range(3):
            plain.append(rate(load(without.address, 64)))
            replicated.append(rate(load(waiting.address, 64)))
        plain, replicated = (sorted(figures)[1] for figures in (plain, replicated))
        table.add("64 synchronous senders", f"{replicated:,}/s, {replicated / plain:.2f} of {plain:,} asynchronous", "0.60", replicated >= 0.6 * plain)


def copy(table, programs, size):
    """A slave that has the beginning only gets the rest, which is on the disk and no longer in memory; somebody sends meanwhile."""
    bench = programs / "mqbench"
    with Pair(programs) as pair:
        def paced(seconds):
            text = run(*raw_command(bench, pair.address, 4, "--rate", COPY_PACE, "--seconds", seconds))
            return milliseconds(text)[0]["p99"]

        # An empty one would be sent the last segment only.
        pair.attach()
        run(*raw_command(bench, pair.address, 1, "--messages", 100))
        pair.wait_same()
        pair.detach()
        run(*raw_command(bench, pair.address, 8, "--messages", size // COPY_BODY_BYTES, depth=32, size=COPY_BODY_BYTES, serialization="binary"))
        alone = paced(5)
        stored = end_of_log(pair.address)
        pair.master.stop(pair.master.processes["mqbroker"])
        plain = plain_copy(pair.master.store / "commitlog", stored)
        evict(pair.master.store)
        pair.master.start_broker()
        start = end_of_log(pair.address)
        began = time.monotonic()
        pair.slave.start_broker()
        beside = subprocess.Popen([str(part) for part in raw_command(bench, pair.address, 4, "--rate", COPY_PACE, "--seconds", max(1, int(start / plain / 1e6)))],
                                  stdout=subprocess.PIPE, text=True)
        try:
            followed = 0.0
            while followed == 0:
                behind = pair.lag()
                if behind is not None and end_of_log(pair.address) - behind >= start:
                    followed = start / 1e6 / (time.monotonic() - began)
                elif time.monotonic() - began > LIMIT_SECONDS:
                    raise RuntimeError(f"the slave is {behind} bytes behind after {LIMIT_SECONDS} s")
                time.sleep(0.02)
            text = beside.communicate(timeout=LIMIT_SECONDS)[0]
        finally:
            beside.kill()
            beside.wait()
        tail = milliseconds(text)[0]["p99"]
    table.add(f"a slave gets {size / (1 << 30):g} GiB", f"{followed:,.0f} MB/s, {followed / plain:.2f} of a plain copy on this disk", "0.60", followed >= 0.6 * plain)
    table.add(f"  p99 of {COPY_PACE:,} sends/s meanwhile", f"{tail:.2f} ms, {tail / alone:.1f} x alone", "2 x", tail <= 2 * alone)


def plain_copy(folder, size):
    """MB/s of one program that reads so many bytes of these files from the disk and writes others there, and does nothing else."""
    evict(folder)
    with tempfile.TemporaryDirectory(prefix="rocketmq-bench-", dir=folder.parent) as target:
        left, buffer, began = size, bytearray(1 << 20), time.monotonic()
        for path in sorted(folder.iterdir()):
            with open(path, "rb", buffering=0) as source, open(pathlib.Path(target) / path.name, "wb", buffering=0) as sink:
                while left > 0 and (count := source.readinto(buffer)):
                    sink.write(memoryview(buffer)[:min(count, left)])
                    left -= count
        took = time.monotonic() - began
    settle()
    return size / 1e6 / took
