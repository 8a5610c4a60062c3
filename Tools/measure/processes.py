"""What a broker costs by itself: its start, its memory, its allocations, and its store without a network."""
import os
import re
import subprocess
import tempfile
import time

from harness import rmq, run, wait_for_registration


def resident(pid, field="VmRSS"):
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith(field)) / 1024


def start(table, programs, rounds=5):
    times = []
    with rmq.Cluster(programs) as cluster:
        wait_for_registration(cluster)
        for _ in range(rounds):
            cluster.stop(cluster.processes["mqbroker"])
            connection = rmq.Connection(cluster.name_server_address)
            rmq.wait_until(lambda: b"broker-a" not in connection.request(106).body, what="the name server to forget the broker")
            before = time.monotonic()
            cluster.start("mqbroker", "-c", cluster.folder / "broker.conf", "-n", cluster.name_server_address)
            while b"broker-a" not in connection.request(106).body:
                time.sleep(0.0005)
            times.append((time.monotonic() - before) * 1000)
            connection.close()
        time.sleep(2)
        table.add("process start to registration", f"{min(times):.0f} to {max(times):.0f} ms in {rounds} starts", "150 ms", max(times) < 150)
        broker = resident(cluster.processes["mqbroker"].pid)
        table.add("idle broker, resident", f"{broker:.1f} MB", "40 MB", broker < 40)
        table.add("idle name server, resident", f"{resident(cluster.processes['mqnamesrv'].pid):.1f} MB")


def allocations(table, programs, counter, messages):
    counts = {}
    os.environ["LD_PRELOAD"] = str(counter)
    try:
        for count in (messages // 4, messages):
            with rmq.Cluster(programs, name_server=False) as cluster:
                broker = cluster.processes["mqbroker"]
                environment = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}
                run(programs / "mqbench", "raw", "--address", cluster.broker_address, "--messages", count, "--connections", 8,
                    "--depth", 64, "--topic", "BenchTopic", env=environment)
                cluster.stop(broker)
                counts[count] = int(re.findall(r"allocations: (\d+)", cluster.log("mqbroker"))[-1])
    finally:
        del os.environ["LD_PRELOAD"]
    few, many = counts[messages // 4], counts[messages]
    each = (many - few) / (messages - messages // 4)
    table.add("allocations of the broker", f"{each:.5f} a send ({many:,} with {messages:,} sends)", "none that grow", each < 0.01)


def store(table, programs, parts, quick):
    """A part of the store, without network. Needs up to 22 GB of disk, 3 GB with --quick."""
    command = [programs / "mqstore", "bench"]
    with tempfile.TemporaryDirectory(prefix="store-bench-", dir=os.environ.get("BENCH_DIRECTORY")) as folder:
        for part in parts:
            arguments = [part, folder, *["quick"] * quick]
            if part == "crash":
                crash([*command, *arguments])
                continue
            for line in run(*command, *arguments).splitlines():
                what, measured, goal, verdict = line.split(" | ")
                table.add(what, measured, goal, {"met": True, "missed": False}.get(verdict.strip()))


def crash(command, seconds=3):
    """Kills a store while it takes messages."""
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    try:
        process.stdout.readline()
        time.sleep(seconds)
    finally:
        process.kill()
        process.wait()
