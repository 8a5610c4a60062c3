"""How fast messages come out of a broker: warm ones, old ones beside sends, and each as soon as it is in."""
import contextlib
import ctypes
import json
import mmap
import os
import re
import struct
import subprocess
import time

from harness import LIMIT_SECONDS, microseconds, milliseconds, rate, raw_command, rmq, run, settle, wait_for_registration

UPDATE_TOPIC = 17
READ_BYTES = 1 << 20
COLD_QUEUES = 8
COLD_BODY_BYTES = 4096
# What a broker gives in one pull of messages in memory, by its default settings.
PULL_MESSAGES, PULL_BYTES = 32, 256 << 10


def drain(table, programs, messages):
    with rmq.Cluster(programs) as cluster:
        wait_for_registration(cluster)
        bench = programs / "mqbench"
        from_cluster = ["--namesrv", cluster.name_server_address, "--topic", "BenchTopic"]
        run(bench, "producer", *from_cluster, "--messages", messages, "--connections", 8, "--depth", 64, "--size", 128,
            "--serialization", "binary")
        settle()
        for connections, goal, longest in [(1, 1_000_000, 26), (4, 2_000_000, None)]:
            for serialization in ("json", "binary"):
                text = run(bench, "drain", *from_cluster, "--serialization", serialization, "--connections", connections)
                pull = microseconds(text)["p50"]
                table.add(f"drain of {messages:,} x 128 B, {connections} conn., {serialization}", f"{rate(text):,}/s, {pull:.1f} µs a pull",
                          f"{goal:,}/s" + (f", {longest} µs" if longest else ""), rate(text) >= goal and (not longest or pull <= longest))
        text = run(bench, "consumer", *from_cluster, "--messages", messages)
        table.add("  by the Swift push consumer", f"{rate(text):,}/s")


# One of ten messages that `--kind filtered` sends, by three comparisons and by its tag.
FILTER_SQL, FILTER_TAG, FILTER_SHARE = "number >= 3 AND number < 4 AND colour = 'red'", "00000003", 10
HEARTBEAT = 34


def filtered(table, programs, messages):
    """A backlog of which a tenth matches: by tag, by an expression, and by the expression with bit maps."""
    bench = programs / "mqbench"
    settings = {"enablePropertyFilter": "true", "eventLoops": os.cpu_count()}
    rates = {}
    for with_bit_maps in (False, True):
        more = {"enableConsumeQueueExt": "true", "enableCalcFilterBitMap": "true"} if with_bit_maps else {}
        with rmq.Cluster(programs, name_server=False, settings=settings | more) as cluster, \
                contextlib.closing(rmq.Connection(cluster.broker_address)) as consumer:
            # Before the messages come: bit maps know of no later filter.
            subscribe(consumer, FILTER_SQL)
            run(*raw_command(bench, cluster.broker_address, 8, "--kind", "filtered", "--messages", messages, depth=64, serialization="binary"))
            settle()
            drain_one = [bench, "drain", "--address", cluster.broker_address, "--topic", "BenchTopic", "--connections", 1, "--serialization", "binary"]
            for name, how in [("tag", ["--tags", FILTER_TAG]), ("SQL", ["--sql", FILTER_SQL]), ("subscribed", ["--subscribed"])]:
                subscribe(consumer, FILTER_SQL)   # or the broker takes it for gone
                text = run(*drain_one, *how)
                found = int(re.search(r"([\d,]+) messages in", text)[1].replace(",", ""))
                if abs(found - messages // FILTER_SHARE) > 100:
                    raise RuntimeError(f"{found} messages of {messages} by {name}")
                rates[name, with_bit_maps] = FILTER_SHARE * rate(text)
    tag = rates["tag", False]
    table.add("a tenth of a topic, by tag: looked at", f"{tag:,}/s")
    table.add("  by SQL92 with three comparisons", f"{rates['SQL', False]:,}/s, {rates['SQL', False] / tag:.2f} of tags", "0.60",
              rates["SQL", False] >= 0.6 * tag)
    plain, mapped = rates["subscribed", False], rates["subscribed", True]
    table.add("  by the same with bit maps", f"{mapped:,}/s, {mapped / plain:.2f} of the same without", "more than 1", mapped > plain)


def subscribe(connection, expression):
    """As a consumer of mqbench's group that filters by an expression."""
    subscription = {"classFilterMode": False, "codeSet": [], "expressionType": "SQL92", "subString": expression, "subVersion": 1, "tagsSet": [],
                    "topic": "BenchTopic"}
    consumer = {"consumeFromWhere": "CONSUME_FROM_FIRST_OFFSET", "consumeType": "CONSUME_PASSIVELY", "groupName": "mqbench_drain",
                "messageModel": "CLUSTERING", "subscriptionDataSet": [subscription], "unitMode": False}
    answer = connection.request(HEARTBEAT, {}, json.dumps({"clientID": "bench", "consumerDataSet": [consumer], "producerDataSet": []}).encode())
    if answer.code != 0:
        raise RuntimeError(f"the heartbeat was answered {answer.code}: {answer.remark}")


def latency(table, programs, seconds):
    with rmq.Cluster(programs) as cluster:
        wait_for_registration(cluster)
        bench = programs / "mqbench"
        run(bench, "producer", "--namesrv", cluster.name_server_address, "--topic", "BenchTopic", "--messages", 100)
        text = run(bench, "latency", "--namesrv", cluster.name_server_address, "--topic", "BenchTopic", "--rate", 1000, "--seconds", seconds)
        figures = microseconds(text, of="produce to consume")
        table.add("produce to consume at 1,000/s", f"p50 {figures['p50']:.0f} µs, p99 {figures['p99']:.0f} µs", "150 µs, 1,000 µs",
                  figures["p50"] < 150 and figures["p99"] < 1000)


def cold(table, programs, backlog_bytes, seconds):
    """Four connections that send, alone and beside readers of a backlog that is on the disk and no longer in memory."""
    bench = programs / "mqbench"
    with rmq.Cluster(programs, name_server=False, settings={"eventLoops": os.cpu_count()}) as cluster:
        messages = backlog_bytes // COLD_BODY_BYTES
        write_backlog(bench, cluster.broker_address, messages)
        cluster.stop(cluster.processes["mqbroker"])
        plain = plain_rate(cluster.store, messages)
        print(f"\nA backlog of {backlog_bytes / (1 << 30):g} GiB in {COLD_QUEUES} queues; read plainly: {plain:,.0f} MB/s. "
              f"4 connections send 128 B at depth 1 for {seconds} s; answer times in ms")
        print(f"{'readers':>8}{'sends/s':>10}{'p50':>9}{'p99':>9}{'p99.9':>9}{'max':>9}"
              f"{'messages a pull':>17}{'KiB a pull':>12}{'MB/s':>8}{'of plain':>10}")
        alone = None
        for readers in (0, 2, 8):
            evict(cluster.store)
            cluster.start_broker()
            times, pulls = beside(bench, cluster.broker_address, readers, seconds, plain)
            cluster.stop(cluster.processes["mqbroker"])
            alone = alone or times
            if pulls:
                judge_cold(table, readers, times, alone, pulls, plain)
    print()


def write_backlog(bench, address, messages):
    connection = rmq.Connection(address)
    try:
        answer = connection.request(UPDATE_TOPIC, {
            "topic": "Backlog", "defaultTopic": "TBW102", "readQueueNums": str(COLD_QUEUES), "writeQueueNums": str(COLD_QUEUES), "perm": "6",
            "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false"})
    finally:
        connection.close()
    if answer.code != 0:
        raise RuntimeError(f"the broker made no topic: {answer.remark}")
    run(*raw_command(bench, address, COLD_QUEUES, "--queues", COLD_QUEUES, "--messages", messages, depth=32, size=COLD_BODY_BYTES,
                     serialization="binary", topic="Backlog"))
    # The topic that is sent to later is there by then.
    run(*raw_command(bench, address, 1, "--messages", 100))


def beside(bench, address, readers, seconds, plain):
    """Times of sends in ms, and of the readers what a pull brought and all of them a second."""
    reading = None
    if readers:
        reading = subprocess.Popen(
            [str(bench), "drain", "--address", address, "--topic", "Backlog", "--queues", str(COLD_QUEUES), "--connections", str(readers),
             "--seconds", str(seconds)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        text = run(*raw_command(bench, address, 4, "--seconds", seconds, depth=1))
        report = reading.communicate(timeout=LIMIT_SECONDS)[0] if reading else ""
    finally:
        if reading and reading.poll() is None:
            reading.kill()
            reading.wait()
    times, columns = milliseconds(text)
    columns = f"{readers:>8}{rate(text):>10,}{columns}"
    if not reading:
        print(columns, flush=True)
        return times, None
    found = re.search(r"each with ([\d.]+) messages and ([\d,]+) bytes on average: ([\d.]+) MB/s", report)
    if reading.returncode != 0 or not found:
        raise RuntimeError(f"the readers ended with {reading.returncode}:\n{report}")
    messages, size, megabytes = float(found[1]), int(found[2].replace(",", "")), float(found[3])
    print(f"{columns}{messages:>17.1f}{size / 1024:>12.1f}{megabytes:>8.0f}{megabytes / plain:>10.2f}", flush=True)
    return times, (messages, size, megabytes)


def judge_cold(table, readers, times, alone, pulls, plain):
    messages, size, megabytes = pulls
    table.add(f"sends beside {readers} cold readers, p99", f"{times['p99']:.2f} ms, {times['p99'] / alone['p99']:.1f} x alone", "2 x",
              times["p99"] <= 2 * alone["p99"])
    table.add(f"sends beside {readers} cold readers, p99.9", f"{times['p99.9']:.2f} ms, {times['p99.9'] / alone['p99.9']:.1f} x alone", "3 x",
              times["p99.9"] <= 3 * alone["p99.9"])
    # The first pulls may bring less, until there is something read ahead.
    table.add(f"a pull of {readers} cold readers", f"{messages:.1f} messages, {size / 1024:.0f} KiB", "32 messages or 256 KiB",
              messages >= 0.95 * PULL_MESSAGES or size >= 0.95 * PULL_BYTES)
    table.add(f"{readers} cold readers together", f"{megabytes:,.0f} MB/s, {megabytes / plain:.2f} of a plain read", "0.60",
              megabytes >= 0.6 * plain)


def evict(store):
    """Throws a store's files out of the page cache. The broker must be down: pages that a process has mapped stay."""
    settle()
    files = [path for path in store.rglob("*") if path.is_file() and path.stat().st_size > 0]
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
    left, whole = sum(map(resident_bytes, files)), sum(path.stat().st_size for path in files)
    if left > whole / 100:
        raise RuntimeError(f"{left >> 20} MiB of {whole >> 20} are in memory still: something else has the files mapped, or they are dirty")


def resident_bytes(path):
    """How much of a file is in the page cache."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    size = path.stat().st_size
    pages = ctypes.create_string_buffer((size + mmap.PAGESIZE - 1) // mmap.PAGESIZE)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
    finally:
        os.close(descriptor)
    if address == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), f"mmap of {path}")
    try:
        if libc.mincore(address, size, pages) != 0:
            raise OSError(ctypes.get_errno(), f"mincore of {path}")
    finally:
        libc.munmap(address, size)
    return sum(byte & 1 for byte in pages.raw) * mmap.PAGESIZE


def plain_rate(store, messages):
    """MB/s of one program that reads the backlog from end to end, and does nothing else."""
    evict(store)
    files = sorted((store / "commitlog").iterdir())
    with open(files[0], "rb") as first:
        left = messages * struct.unpack(">I", first.read(4))[0]
    whole, buffer = left, bytearray(READ_BYTES)
    before = time.monotonic()
    for path in files:
        with open(path, "rb", buffering=0) as file:
            while left > 0 and (count := file.readinto(buffer)):
                left -= count
    return (whole - left) / 1e6 / (time.monotonic() - before)
