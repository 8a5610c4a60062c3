"""How many sends a second, and how long they take at a given rate, beside the yardsticks."""
import itertools
import os

from harness import Server, c_with_log, distribution, milliseconds, rate, raw_command, rmq, run, settle

# Connections and sends in flight on each.
LOADS = {"1 connection": (1, 1), "16 connections": (16, 1), "64 connections": (64, 1), "8 x 64 in flight": (8, 64)}
# What the broker should reach of the C program that writes a log, by load, body size and headers.
GOALS = {(name, size, serialization): goal for name, size, *goals in [
    ("1 connection", 128, 0.90, 0.90), ("16 connections", 128, 0.90, 0.90), ("64 connections", 128, 0.90, 0.90),
    ("8 x 64 in flight", 128, 0.85, 0.75), ("64 connections", 4096, 0.90, 0.90), ("8 x 64 in flight", 4096, 0.80, 0.80),
] for serialization, goal in zip(("json", "binary"), goals)}

# What signed sends should reach of unsigned ones; the load generator signs as well, on the same processors.
SIGNED_GOALS = {"1 connection": 0.85, "64 connections": 0.70, "8 x 64 in flight": 0.70}
ACCOUNTS = """\
accounts:
- {accessKey: bench-producer, secretKey: bench-secret, topicPerms: [BenchTopic=PUB]}
"""

PACES = [10_000, 30_000, 50_000, 100_000, 200_000]
JUDGED_PACES = [50_000, 100_000]


def sends(table, programs, c_program, seconds):
    bench = programs / "mqbench"
    loops = os.cpu_count()

    def load(server_address, kind):
        name, size, serialization = kind
        connections, depth = LOADS[name]
        return run(*raw_command(bench, server_address, connections, "--seconds", seconds, depth=depth, size=size, serialization=serialization))

    print(f"\nSends per second, {seconds} s each")
    print(f"{'load':<18}{'body':>6} {'headers':<8}{'C':>10}{'1 loop':>10}{f'{loops} loops':>10}{'C log':>10}{'broker':>10}{'1 loop/C':>10}"
          f"{f'broker/{loops} loops':>16}{'broker/C log':>14}   broker, answer time in µs")
    results = {}
    with Server(c_program, "PORT") as c_yardstick, Server(bench, "yardstick", "--port", "PORT") as one_loop, \
            Server(bench, "yardstick", "--port", "PORT", "--loops", loops) as as_many, \
            rmq.Cluster(programs, name_server=False, settings={"eventLoops": loops}) as cluster:
        for kind in itertools.product(LOADS, (128, 4096), ("json", "binary")):
            c, single, yardstick = (rate(load(server.address, kind)) for server in (c_yardstick, one_loop, as_many))
            settle()
            with c_with_log(c_program) as c_log:
                logged = rate(load(c_log.address, kind))
            settle()
            text = load(cluster.broker_address, kind)
            broker = rate(text)
            name, size, serialization = kind
            print(f"{name:<18}{size:>6} {serialization:<8}{c:>10,}{single:>10,}{yardstick:>10,}{logged:>10,}{broker:>10,}{single / c:>10.2f}"
                  f"{broker / yardstick:>16.2f}{broker / logged:>14.2f}   {distribution(text)}", flush=True)
            results[kind] = (single / c, broker / logged, broker)
    print()
    judge(table, results)


def judge(table, results):
    ratios = [single for (_, size, _), (single, _, _) in results.items() if size == 128]
    mean = sum(ratios) / len(ratios)
    table.add("yardstick of one loop / C, mean", f"{mean:.2f} ({min(ratios):.2f} to {max(ratios):.2f})", "1.00 or more", mean >= 0.95)
    for kind, goal in GOALS.items():
        name, size, serialization = kind
        _, ratio, broker = results[kind]
        table.add(f"sends of {size:,} B, {name}, {serialization}", f"{ratio:.2f} of C with a log, {broker:,}/s", f"{goal:.2f}", ratio >= goal)
    for words, load, goal in [("64 connections, depth 1", "64 connections", 100_000), ("pipelined", "8 x 64 in flight", 400_000)]:
        most = max(broker for (name, size, _), (_, _, broker) in results.items() if (name, size) == (load, 128))
        table.add(f"sends of 128 B, {words}", f"{most:,}/s", f"{goal:,}/s", most >= goal)


def signed(table, programs, seconds):
    """Unsigned sends to a broker without accounts, and signed ones to a broker with them, in turn: the machine's moods meet both."""
    bench, settings = programs / "mqbench", {"eventLoops": os.cpu_count()}
    account = ["--access-key", "bench-producer", "--secret-key", "bench-secret"]
    closed_settings = settings | {"aclEnable": "true", "authenticationRequired": "true"}
    print(f"\nSends of 128 B a second, unsigned and signed, 3 x {seconds} s each")
    print(f"{'load':<18}{'headers':<8}{'unsigned':>10}{'signed':>10}{'signed/unsigned':>18}")
    results = []
    with rmq.Cluster(programs, name_server=False, settings=settings) as opened, \
            rmq.Cluster(programs, name_server=False, settings=closed_settings, files={"conf/plain_acl.yml": ACCOUNTS}) as closed:
        for name, serialization in itertools.product(SIGNED_GOALS, ("json", "binary")):
            connections, depth = LOADS[name]
            plain, with_signature = [], []
            for _ in range(3):
                for server, rates, more in ((opened, plain, []), (closed, with_signature, account)):
                    settle()
                    rates.append(rate(run(*raw_command(
                        bench, server.broker_address, connections, "--seconds", seconds, *more, depth=depth, serialization=serialization))))
            plain, with_signature = (sorted(rates)[1] for rates in (plain, with_signature))
            print(f"{name:<18}{serialization:<8}{plain:>10,}{with_signature:>10,}{with_signature / plain:>18.2f}", flush=True)
            results.append((name, serialization, with_signature / plain))
    print()
    for name, serialization, ratio in results:
        table.add(f"signed sends, {name}, {serialization}", f"{ratio:.2f} of unsigned ones", f"{SIGNED_GOALS[name]:.2f}", ratio >= SIGNED_GOALS[name])


def paced(table, programs, c_program, seconds):
    """An open loop: the time of a send counts from when it was due. `C` shows what the machine and the load itself cost."""
    bench = programs / "mqbench"

    def load(server, address, pace):
        settle()
        text = run(*raw_command(bench, address, 16, "--rate", pace, "--seconds", seconds))
        times, columns = milliseconds(text)
        print(f"{pace:>10,}  {server:<8}{columns}{rate(text):>12,}", flush=True)
        return times["p99.9"], rate(text)

    print(f"\nSends of 128 B at a rate over 16 connections, {seconds} s each; due to acknowledgement, in ms")
    print(f"{'rate':>10}  {'server':<8}{'p50':>9}{'p99':>9}{'p99.9':>9}{'max':>9}{'achieved/s':>12}")
    results = []
    with Server(c_program, "PORT") as c_yardstick, \
            rmq.Cluster(programs, name_server=False, settings={"eventLoops": os.cpu_count()}) as cluster:
        for pace in PACES:
            load("C", c_yardstick.address, pace)
            with c_with_log(c_program) as c_log:
                yardstick, _ = load("C log", c_log.address, pace)
            results.append((pace, yardstick, *load("broker", cluster.broker_address, pace)))
    print()
    for pace, yardstick, tail, achieved in results:
        if pace in JUDGED_PACES:
            table.add(f"{pace:,} sends/s, p99.9", f"{tail:.2f} ms, {tail / yardstick:.1f} x C with a log, at {achieved:,}/s",
                      "2 ms, 2 x, the rate kept", tail <= 2 and tail <= 2 * yardstick and achieved >= 0.98 * pace)
