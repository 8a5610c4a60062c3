"""What all parts of Tools/bench share: running programs, reading what they report, and the table of figures and goals."""
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tests" / "Support"))
import rmq

# No part takes longer than a fraction of it; something that hangs must not keep the rest from being measured.
LIMIT_SECONDS = 600


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, timeout=LIMIT_SECONDS,
                          **options).stdout


class Table:
    """What was measured beside its goal. Printed row by row, and once more at the end."""

    def __init__(self):
        self.rows = []

    def add(self, what, measured, goal="", met=None):
        verdict = "" if met is None else "met" if met else "missed"
        self.rows.append((what, measured, goal, verdict))
        self.show(self.rows[-1])

    @staticmethod
    def show(row):
        what, measured, goal, verdict = row
        print(f"{what:<48}  {measured:<58}  {goal:<24}  {verdict}".rstrip(), flush=True)

    def summary(self):
        judged = [row for row in self.rows if row[3]]
        print(f"\nMeasured against the goals: {sum(row[3] == 'met' for row in judged)} of {len(judged)} met")
        self.show(("what", "measured", "goal", ""))
        for row in judged:
            self.show(row)


def rate(text):
    return int(re.findall(r": ([\d,]+) messages/s", text)[-1].replace(",", ""))


def distribution(text, of=""):
    line = next(line for line in text.splitlines() if f"{of}, in microseconds" in line)
    return line.split(":", 1)[1].strip()


def microseconds(text, of=""):
    """The same as figures: `p50`, `p90`, `p99`, `p99.9`, `max`."""
    words = distribution(text, of).split()
    return dict(zip(words[::2], map(float, words[1::2])))


def milliseconds(text):
    """The same in ms, and as columns."""
    times = {name: value / 1000 for name, value in microseconds(text).items()}
    return times, "".join(f"{times[name]:>9.2f}" for name in ("p50", "p99", "p99.9", "max"))


def raw_command(bench, address, connections, *more, depth=None, size=128, serialization="json", topic="BenchTopic"):
    depth = ["--depth", depth] if depth else []
    return [bench, "raw", "--address", address, "--connections", connections, "--size", size, "--serialization", serialization,
            "--topic", topic, *depth, *more]


def settle():
    """Writes everything back: what one load left to the disk must not slow the next one down."""
    os.sync()


class Server:
    """A yardstick as a process, on a free port."""

    def __init__(self, *command):
        self.port = rmq.free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.process = subprocess.Popen([str(part).replace("PORT", str(self.port)) for part in command], stdout=subprocess.DEVNULL)
        try:
            rmq.wait_until(self.is_ready, what=f"{command[0]} to listen")
        except BaseException:
            self.__exit__()
            raise

    def is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.process.args[0]} ended with {self.process.returncode}")
        return rmq.answers(self.address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


@contextlib.contextmanager
def c_with_log(program):
    """The C yardstick with a log, in a new folder that goes when it ends."""
    with tempfile.TemporaryDirectory(prefix="rocketmq-bench-") as folder, Server(program, "PORT", folder) as server:
        yield server


def wait_for_registration(cluster):
    def registered():
        connection = rmq.Connection(cluster.name_server_address)
        try:
            return cluster.settings["brokerName"].encode() in connection.request(106).body
        finally:
            connection.close()
    rmq.wait_until(registered, what="the broker to register")
