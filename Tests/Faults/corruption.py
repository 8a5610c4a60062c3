#!/usr/bin/env python3
"""Damages stores, thousands of times, and checks that nothing damaged is handed out as good.

A case: a store that was closed, or killed under load, gets one damage: a flipped bit, an overwritten range, a truncated or a
missing file, in the commit log, a consume queue, the extension, an index file, the checkpoint or another file. Then it is opened
and read whole through its interface. It has to open: what is damaged is left out or mended. Everything served is compared with what had been stored:

  same        byte for byte
  undetected  differs only where the format has no checksum: flag, system flag, times, hosts, reconsume times, the place of the
              half message, and properties (lengths, physical offset, magic and body are covered by a check; topic, queue and
              queue offset by the queue's entry, so that they go unnoticed only in a record whose entry recovery writes anew)
  FAILED      differs where a check can tell, or is not what was stored at that queue offset
  not served  its own record is damaged, or the log was cut before it; others must be there. A damaged consume queue hides
              nothing

The number of a case decides everything about it: the store (one for each hundred numbers, which StoreWorkload makes the same to
the last byte) and the damage. So a failed case is repeated by its number.

usage: corruption.py <folder with StoreWorkload> [--cases N] [--seed S] [--jobs N] [--keep DIR]
       corruption.py <folder with StoreWorkload> --only CASE      one case again, which says what the store logged
"""
import argparse
import collections
import concurrent.futures
import itertools
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Support"))
import power_failure
import store_reader

DERIVED = ("consumequeue", "consumequeue_ext", "index", "checkpoint")
CASES_OF_A_BASE = 100


def make_base(programs, folder, case):
    """The store that a case damages: even ones were closed, odd ones killed with all of their page cache on the disk."""
    number = case // CASES_OF_A_BASE
    root = pathlib.Path(folder) / f"base-{number}"
    if root.exists():
        return root
    making = root.with_name(f"{root.name}-{os.getpid()}")
    making.mkdir()
    end = "killed" if number % 2 else "closed"
    made = subprocess.run([programs / "StoreWorkload", "base", making, str(number), end], stdout=subprocess.DEVNULL, timeout=120)
    if made.returncode != (-9 if end == "killed" else 0):
        raise RuntimeError(f"StoreWorkload base {number} {end} ended with {made.returncode}")
    # Whether the next segment was made already is a matter of luck.
    last = max((making / "commitlog").iterdir())
    if not any(last.read_bytes()):
        last.unlink()
    try:
        making.rename(root)
    except OSError:   # another process was faster
        shutil.rmtree(making)
    return root


class Original:
    """What a store held before it was damaged."""

    def __init__(self, root):
        store = store_reader.Store(root)
        self.store, self.end, self.was_clean = store, store.log_end, not store.crashed
        self.records = {record.physical_offset: record for record in store.records}
        self.by_place = {}
        for record in store.records:
            if record.enters_queue:
                for key, offset in record.places():
                    self.by_place[key + (offset,)] = record   # of a topic that began again, its last life counts

    def raw(self, record):
        base = max(base for base in self.store.segments if base <= record.physical_offset)
        return bytes(self.store.segments[base][record.physical_offset - base:record.physical_offset - base + record.size])


def damage(root, choices, end):
    """One damage; answers its description, and the range of physical offsets that it touched in the log."""
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and path.name not in ("lock", "abort")]
    log = [path for path in files if path.parent.name == "commitlog"]
    derived = [path for path in files if path.relative_to(root).parts[0] in DERIVED]
    if choices.random() < 0.45:
        path = choices.choice([path for path in log if int(path.name) < end])
        limit = min(path.stat().st_size, end - int(path.name))
        kind = choices.choice(["flip", "flip", "overwrite"])
    else:
        path = choices.choice(derived)
        limit = len(path.read_bytes().rstrip(b"\0")) or path.stat().st_size
        kind = choices.choice(["flip", "overwrite", "truncate", "missing"])
    at = choices.randrange(max(1, limit))
    base = int(path.name) if path in log else 0
    if kind == "flip":
        data = bytearray(path.read_bytes())
        if not data:
            return f"{path.name} is empty", range(0)
        data[at] ^= 1 << choices.randrange(8)
        path.write_bytes(data)
        touched = range(base + at, base + at + 1)
    elif kind == "overwrite":
        data = bytearray(path.read_bytes())
        count = min(choices.choice([1, 8, 20, 200, 512, 4096]), len(data) - at)
        content = choices.choice([bytes(count), b"\xff" * count, choices.randbytes(count)])
        data[at:at + count] = content
        path.write_bytes(data)
        touched = range(base + at, base + at + count)
    elif kind == "truncate":
        os.truncate(path, choices.choice([0, at]))
        touched = range(0)
    else:
        path.unlink()
        touched = range(0)
    return f"{kind} at byte {at} of {path.relative_to(root)}", touched if path in log else range(0)


def differs_undetectably(original, served):
    """Whether two records of the same size differ only in fields that no checksum and no other field covers."""
    try:
        record = store_reader.parse_record(memoryview(served), 0, original.physical_offset)
    except store_reader.CorruptStore:
        return False
    return (record.topic, record.queue_id, record.queue_offset, record.body, record.size) == (
        original.topic, original.queue_id, original.queue_offset, original.body, original.size)


def is_misnamed(original, key, served):
    """Whether a record of a killed store lost its topic, queue or offset, before recovery wrote its queue entry anew."""
    if original is None or original.size != len(served) or original.key + (original.queue_offset,) == key:
        return False
    try:
        record = store_reader.parse_record(memoryview(served), 0, original.physical_offset)
    except store_reader.CorruptStore:
        return False
    return record.body == original.body and (printed(record.topic), record.queue_id, record.queue_offset) == key


def printed(topic):
    """A topic as StoreWorkload prints it."""
    return "".join(chr(byte) if 32 < byte < 127 else f"%{byte:x}" for byte in topic.encode())


def run_case(programs, folder, case):
    choices = random.Random(case)
    root = pathlib.Path(folder) / f"case-{case}"
    shutil.copytree(make_base(programs, folder, case), root)
    original = Original(root)
    what, touched = damage(root, choices, original.end)
    what = f"{'closed' if original.was_clean else 'killed'} store, {what}"
    damaged = root.with_name(root.name + "-damaged")
    shutil.copytree(root, damaged)
    result = subprocess.run([programs / "StoreWorkload", "read", root], capture_output=True, timeout=60)
    outcome = judge(root, original, touched, result)
    outcome["log"] = result.stderr.decode(errors="replace")
    shutil.rmtree(root)
    if outcome["problems"]:
        outcome["kept"] = str(damaged)
    else:
        shutil.rmtree(damaged)
    return what, outcome


def judge(root, original, touched, result):
    counts, problems = collections.Counter(), []
    errors = result.stderr.decode(errors="replace")
    if result.returncode != 0:
        return {"problems": [f"ended with status {result.returncode}: {errors.strip()[-400:]}"], "counts": counts}
    served = {}
    for line in result.stdout.decode().splitlines():
        if line.startswith("#"):
            continue
        topic, queue, offset, physical, size, crc, *rest = line.split(" ")
        served[topic, int(queue), int(offset)] = (int(physical), int(size), int(crc))
        if rest:
            problems.append(f"handed out although a check can tell that it is damaged: {line}")
    log_end = 0
    for key, (physical, size, crc) in served.items():
        record = original.by_place.get(key)
        earlier = original.records.get(physical)
        if key[0] == "Gone" and earlier is not None and earlier.key + (earlier.queue_offset,) == key:
            record = earlier   # of a life that was deleted: when queues are made anew from the log, it may come back
        if record is not None and (physical, size, crc) == (record.physical_offset, record.size, original.store.record_crc(record)):
            counts["same"] += 1
        elif record is not None and physical == record.physical_offset and differs_undetectably(record, read_log(root, physical, size)):
            counts["undetected"] += 1
        elif not original.was_clean and is_misnamed(original.records.get(physical), key, read_log(root, physical, size)):
            counts["undetected"] += 1
        else:
            problems.append(f"{key}: served {size} bytes at {physical}, stored was "
                            + ("nothing" if record is None else f"{record.size} bytes at {record.physical_offset}"))
        log_end = max(log_end, physical + size)
    for key, record in original.by_place.items():
        if key in served or key[0] == "Gone":   # deleted by the workload: whether its records come back is open
            continue
        own = touched and record.physical_offset < touched.stop and record.physical_offset + record.size > touched.start
        if own:
            counts["damaged, not served"] += 1
        elif touched and record.physical_offset >= touched.start:
            counts["behind the damage, lost"] += 1
        else:
            counts["intact, not served"] += 1
    if counts["intact, not served"]:
        problems.append(f"{counts['intact, not served']} intact messages are not served")
    return {"problems": problems, "counts": counts}


def read_log(root, physical, size):
    for base, path in store_reader.named_files(root / "commitlog"):
        if base <= physical < base + path.stat().st_size:
            with open(path, "rb") as file:
                file.seek(physical - base)
                return file.read(size)
    return b""


def replay(programs, case, keep):
    with tempfile.TemporaryDirectory(dir=power_failure.memory_folder(), prefix="corruption-") as folder:
        what, outcome = run_case(programs, folder, case)
        print(outcome["log"], end="")
        print(f"case {case}: {what}\n" + ", ".join(f"{name}: {count}" for name, count in sorted(outcome["counts"].items())))
        for problem in outcome["problems"]:
            print(f"  {problem}")
        if outcome["problems"] and keep:
            shutil.copytree(outcome["kept"], keep / f"case-{case}")
    print("the case passes" if not outcome["problems"] else "the case FAILS")
    return 1 if outcome["problems"] else 0


def drop_bases(folder, case):
    """The stores that no case from here on needs."""
    for path in pathlib.Path(folder).glob("base-*"):
        if path.name.count("-") == 1 and int(path.name.split("-")[1]) < case // CASES_OF_A_BASE - 1:
            shutil.rmtree(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="the first case's number; random when not given")
    parser.add_argument("--only", type=int, metavar="CASE", help="run this case alone")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=pathlib.Path, help="where damaged stores of failed cases go")
    parser.add_argument("--verbose", action="store_true", help="say what every case that lost something was")
    options = parser.parse_args()
    options.programs = options.programs.resolve()
    if options.only is not None:
        sys.exit(replay(options.programs, options.only, options.keep))
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    print(f"{options.cases} damages, cases {seed} to {seed + options.cases - 1}", flush=True)
    began, failed, totals, losing = time.monotonic(), 0, collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory(dir=power_failure.memory_folder(), prefix="corruption-") as folder:
        with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
            numbers = range(seed, seed + options.cases)
            for done, (number, (what, outcome)) in enumerate(zip(numbers, pool.map(run_case, itertools.repeat(options.programs), itertools.repeat(folder), numbers)), 1):
                totals += outcome["counts"]
                for kind in ("behind the damage, lost", "intact, not served"):
                    if outcome["counts"][kind]:
                        losing[kind + ": " + what.split(" at byte")[0] + " " + what.split(" of ")[-1].split("/")[0]] += 1
                        if options.verbose:
                            print(f"  case {number}: {what}: {outcome['counts'][kind]} messages {kind}")
                if outcome["problems"]:
                    failed += 1
                    report(options, number, what, outcome)
                if done % 200 == 0:
                    print(f"  {done}/{options.cases}, {failed} failed, {done / (time.monotonic() - began):.1f}/s", flush=True)
                    drop_bases(folder, number)
    print(", ".join(f"{name}: {count}" for name, count in sorted(totals.items())))
    for name, count in sorted(losing.items()):
        print(f"{name}, {count} cases")
    print(f"{options.cases - failed} passed, {failed} failed in {time.monotonic() - began:.0f} s")
    sys.exit(1 if failed else 0)


def report(options, number, what, outcome):
    print(f"FAILED: case {number}: {what}")
    for problem in outcome["problems"][:5]:
        print(f"  {problem}")
    print(f"  run it again: Tests/Faults/corruption.py {options.programs} --only {number}", flush=True)
    if options.keep:
        shutil.copytree(outcome["kept"], options.keep / f"case-{number}")
    shutil.rmtree(outcome["kept"])


if __name__ == "__main__":
    main()
