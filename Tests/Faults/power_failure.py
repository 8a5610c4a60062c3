#!/usr/bin/env python3
"""Cuts the power of a store under load, thousands of times, and checks what is left.

A case: a driver (StoreWorkload) appends from several threads, restarts and deletes, with shadow_disk.c preloaded, which keeps
a record of what is certainly on the disk. It is killed at a random moment. From what the page cache held and what the disk
certainly held, a state is built that a power failure may leave: any of the 512-byte sectors that differ may be old or new, any
name that its directory's fsync does not cover may be there or not. One to three such failures follow each other, the later
ones also in the middle of recovery; then the store is opened, read whole, appended to and closed, and an independent decoder
(Tests/Support/store_reader.py) reads the directory.

Checked: every message acknowledged under synchronous flush (or before a close) is there and intact, and no offset was given
twice; offsets are dense; consume queues, index and log agree; the interface gives out what the decoder reads; the store takes
new messages. Nothing is assumed about a file system's journal: a name is durable with its directory's fsync and not before.

usage: power_failure.py <folder with StoreWorkload> [--cases N] [--seed S] [--mode sync|async|both] [--jobs N] [--keep DIR]
       power_failure.py <folder with StoreWorkload> --replay DIR      builds and checks the last state of a kept case again
"""
import argparse
import concurrent.futures
import json
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
import store_reader

SECTOR = 512
INDEX_SLOTS = 100   # as StoreWorkload makes them
TOPICS = ["T0", "T1", "T2", "%RETRY%T3", "T4", "Gone", "SCHEDULE_TOPIC_XXXX"]
EVENT = struct.Struct(">cBHIqqi12x")


# ---- the disk after the failure

def record_durable(live, shadow):
    """Writes down that everything below `live` is on the disk."""
    shadow.mkdir()
    for folder, folders, files in os.walk(live):
        lines = []
        for name in folders + files:
            path = os.path.join(folder, name)
            inode = os.lstat(path).st_ino
            lines.append(f"{inode} {'d' if name in folders else 'f'} {name}\n")
            if name in files:
                shutil.copyfile(path, shadow / f"i{inode}")
        (shadow / f"d{os.stat(folder).st_ino}").write_text("".join(lines))


def names_of(folder):
    """{name: (inode, 'd' or 'f')} as the page cache has it."""
    return {entry.name: (entry.inode(), "d" if entry.is_dir(follow_symlinks=False) else "f") for entry in os.scandir(folder)}


def index_of(live, shadow):
    """The inode numbers of a killed store, so that a copy of it can be used in its place."""
    index = {}
    for root in [live] + [path for path in shadow.glob("g*") if path.is_dir()]:
        for folder, _, _ in os.walk(root):
            index[os.path.relpath(folder, live.parent)] = [os.stat(folder).st_ino, names_of(folder)]
    return index


class Failure:
    """Builds one state that a power failure may leave of a killed store."""

    def __init__(self, generation, seed):
        self.generation, self.shadow = generation, generation / "shadow"
        self.index = json.loads((generation / "index.json").read_text())
        self.random = random.Random(seed)
        # How much of what was not synced got to the disk all the same: nothing, some, nearly all, all.
        self.sector_chance = self.random.choice([0, 0.1, 0.5, 0.9, 1])
        self.name_chance = self.random.choice([0, 0.5, 0.9, 1])

    def build(self, target):
        self._folder("live", target)

    def _folder(self, source, target):
        target.mkdir()
        inode, live = self.index.get(source, [None, {}])
        self._names(source, inode, live, target)

    def _names(self, source, inode, live, target):
        durable = {}
        listing = self.shadow / f"d{inode}"
        if listing.exists():
            for line in listing.read_text().splitlines():
                number, kind, name = line.split(" ", 2)
                durable[name] = (int(number), kind)
        for name in sorted(set(live) | set(durable)):
            now, before = live.get(name), durable.get(name)
            now, before = now and tuple(now), before and tuple(before)
            found = now if now == before else now if self.random.random() < self.name_chance else before
            if found is None:
                continue
            place = f"{source}/{name}" if found == now else f"shadow/g{found[0]}"
            if found[1] == "d":
                if place in self.index:
                    self._folder(place, target / name)
                else:
                    (target / name).mkdir()
            else:
                self._file(self.generation / place, found[0], target / name)

    def _file(self, path, inode, target):
        shadow = self.shadow / f"i{inode}"
        durable = shadow.read_bytes() if shadow.exists() else b""
        live = path.read_bytes() if path.exists() else durable
        if live == durable:
            target.write_bytes(live)
            return
        chance = self.sector_chance
        size = len(live) if len(live) == len(durable) or self.random.random() < chance else len(durable)
        data = bytearray(durable[:size].ljust(size, b"\0"))
        for at in range(0, size, SECTOR):
            new = live[at:at + SECTOR]
            if data[at:at + SECTOR] != new and self.random.random() < chance:
                data[at:at + len(new)] = new[:size - at]
        target.write_bytes(data)


# ---- what was promised

class Promises:
    """What the driver said before it was killed."""

    def __init__(self, is_synchronous):
        self.is_synchronous = is_synchronous
        self.acknowledged = {}    # (topic, queue, offset): (physical offset, size, crc)
        self.halves = {}          # physical offset: (size, crc)
        self.firm = {}            # what must never be lost; as above
        self.firm_halves = {}
        self.deletes_segments = False   # retention was at work: what lies before the log's beginning may be gone
        self.problems = []

    def read(self, path):
        data = path.read_bytes()
        # Acknowledged without a sync, in an earlier run: the failure between may have taken it.
        self.acknowledged, self.halves = dict(self.firm), dict(self.firm_halves)
        for kind, topic, queue, crc, offset, physical, size in EVENT.iter_unpack(data[:len(data) // EVENT.size * EVENT.size]):
            if kind == b"A":
                key = (TOPICS[topic], queue, offset)
                before = self.acknowledged.get(key)
                if before is not None and before != (physical, size, crc):
                    self.problems.append(f"{key} was given twice: for the record at {before[0]} and the one at {physical}")
                self.acknowledged[key] = (physical, size, crc)
                if self.is_synchronous:
                    self.firm[key] = (physical, size, crc)
            elif kind == b"P":
                self.halves[physical] = (size, crc)
                if self.is_synchronous:
                    self.firm_halves[physical] = (size, crc)
            elif kind == b"C":
                self.firm, self.firm_halves = dict(self.acknowledged), dict(self.halves)
            elif kind == b"R":
                self.deletes_segments = True
            elif kind in b"Dd":
                for table in (self.acknowledged, self.firm):
                    for key in [key for key in table if key[0] == "Gone"]:
                        del table[key]


def verify(programs, root, promises, output):
    """Opens the store, compares everything with everything; answers what is wrong."""
    problems = list(promises.problems)
    mode = "sync" if promises.is_synchronous else "async"
    result = subprocess.run([programs / "StoreWorkload", "verify", root, mode], capture_output=True, timeout=60)
    output.write_bytes(result.stdout + b"--- standard error\n" + result.stderr)
    if result.returncode != 0:
        return problems + [f"the store does not open, or does not work: status {result.returncode}: {result.stderr.decode()[-600:].strip()}"]
    served, end = {}, 0
    for line in result.stdout.decode().splitlines():
        if line.startswith("# end "):
            end = int(line.split()[2])
            continue
        topic, queue, offset, physical, size, crc, *rest = line.split(" ")
        served[topic, int(queue), int(offset)] = (int(physical), int(size), int(crc))
        if rest:
            problems.append(f"served although it is damaged: {line}")
    store = store_reader.Store(root, index_slots=INDEX_SLOTS, deleted_topics=["Gone"]).check()
    problems += store.problems
    kept_from = store.log_minimum if promises.deletes_segments else 0
    for key, (physical, size, crc) in promises.firm.items():
        if physical >= kept_from and served.get(key) != (physical, size, crc):
            problems.append(f"{key}, acknowledged at {physical} ({size} bytes), is " + ("gone" if key not in served else f"now {served[key]}"))
    for physical, (size, crc) in promises.firm_halves.items():
        if physical < kept_from:
            continue
        record = store.by_offset.get(physical)
        if record is None or record.size != size or store.record_crc(record) != crc:
            problems.append(f"the half message acknowledged at {physical} ({size} bytes) is " + ("gone" if record is None else "another one"))
    for key, entries in store.queues.items():
        for offset, (physical, size, _) in entries.items():
            record = store.by_offset.get(physical)
            if physical < store.log_minimum or record is None or physical >= end:
                continue
            if served.get(key + (offset,)) != (physical, size, store.record_crc(record)):
                problems.append(f"{key} offset {offset}: the decoder reads {size} bytes at {physical}, served was {served.get(key + (offset,))}")
    for key in served:
        if key[2] not in store.queues.get(key[:2], {}):
            problems.append(f"{key} was served, the decoder does not find it")
    return problems


# ---- cases

def run_case(programs, shim, base, seed, mode):
    """Answers (problems, bytes of log, acknowledged messages, failures); the case's directory stays if there are problems."""
    choices = random.Random(seed)
    is_synchronous = mode == "sync" or mode == "both" and choices.random() < 0.5
    case = pathlib.Path(base) / f"case-{seed}"
    case.mkdir()
    promises = Promises(is_synchronous)
    (case / "mode").write_text("sync" if is_synchronous else "async")
    generations = choices.choice([1, 1, 2, 3])
    (case / "0").mkdir()
    (case / "0" / "live").mkdir()
    problems = []
    for number in range(generations):
        generation = case / str(number)
        record_durable(generation / "live", generation / "shadow")
        problems += run_until_cut(programs, shim, generation, is_synchronous, choices)
        (generation / "index.json").write_text(json.dumps(index_of(generation / "live", generation / "shadow")))
        promises.read(generation / "events")
        following = case / str(number + 1)
        following.mkdir()
        (generation / "seed").write_text(str(choices.randrange(1 << 60)))
        Failure(generation, int((generation / "seed").read_text())).build(following / "live")
    problems += verify(programs, case / str(generations) / "live", promises, case / "verify.txt")
    counts = (sum(path.stat().st_size for path in (case / str(generations) / "live" / "commitlog").iterdir()), len(promises.acknowledged), generations)
    if not problems:
        shutil.rmtree(case)
    return problems, counts


def run_until_cut(programs, shim, generation, is_synchronous, choices):
    environment = dict(os.environ, LD_PRELOAD=str(shim), SHADOW_STORE=str(generation / "live"), SHADOW_DISK=str(generation / "shadow"))
    if choices.random() < 0.5:
        environment["SHADOW_DELAY"] = str(choices.choice([50, 500, 2000]))
    if choices.random() < 0.3:
        environment["SHADOW_SHORT"] = str(choices.choice([2, 10]))
    wait = None
    if choices.random() < 0.6:
        environment["SHADOW_CUT"] = str(int(2 ** choices.uniform(0, 9.5)))
    elif choices.random() < 0.9:
        wait = choices.uniform(0.005, 0.12)
    # otherwise the driver ends by itself: the power fails after a clean stop
    with open(generation / "events", "wb") as events, open(generation / "errors", "wb") as errors:
        process = subprocess.Popen(
            [programs / "StoreWorkload", "run", generation / "live", str(choices.randrange(1 << 60)), "sync" if is_synchronous else "async"],
            env=environment, stdout=events, stderr=errors)
        try:
            process.wait(wait if wait is not None else 60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            if wait is None:
                return ["the driver did not end within 60 s"]
    if process.returncode not in (0, -9):
        return [f"the driver ended with status {process.returncode}: {(generation / 'errors').read_text()[-400:].strip()}"]
    return []


def replay(programs, case):
    """The last failure of a kept case once more: thread timing cannot be repeated, the building of its state can."""
    case = pathlib.Path(case)
    promises = Promises((case / "mode").read_text() == "sync")
    numbers = sorted(int(path.name) for path in case.iterdir() if path.name.isdigit() and (path / "seed").exists())
    for number in numbers:
        promises.read(case / str(number) / "events")
    generation = case / str(numbers[-1])
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "live"
        Failure(generation, int((generation / "seed").read_text())).build(root)
        problems = verify(programs, root, promises, pathlib.Path(folder) / "verify.txt")
        print((pathlib.Path(folder) / "verify.txt").read_text(errors="replace").split("--- standard error\n")[-1], end="")
    for problem in problems:
        print(problem)
    print("the case passes" if not problems else f"{len(problems)} problems")
    return 1 if problems else 0


def compile_shim(folder):
    shim = pathlib.Path(folder) / "shadow_disk.so"
    subprocess.run(["cc", "-O2", "-Wall", "-shared", "-fPIC", "-o", shim, HERE / "shadow_disk.c", "-lpthread"], check=True)
    return shim


def memory_folder():
    """A folder in memory where there is one: the disk is a model here, a real one would only cost time."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None, help="the first case's seed; random when not given")
    parser.add_argument("--mode", choices=["sync", "async", "both"], default="both")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=pathlib.Path, help="where failed cases go; default: a temporary folder")
    parser.add_argument("--stop-after", type=int, default=5, metavar="N", help="end after N failed cases [5]")
    parser.add_argument("--replay", type=pathlib.Path, metavar="DIR")
    options = parser.parse_args()
    options.programs = options.programs.resolve()
    if options.replay:
        sys.exit(replay(options.programs, options.replay))
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    print(f"{options.cases} power failures, mode {options.mode}, seeds {seed} to {seed + options.cases - 1}", flush=True)
    began, done, failed, acknowledged, cuts = time.monotonic(), 0, 0, 0, 0
    with tempfile.TemporaryDirectory(dir=memory_folder(), prefix="power-") as base:
        shim = compile_shim(base)
        with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
            pending = {}
            waiting = iter(range(seed, seed + options.cases))
            while True:
                while len(pending) < options.jobs * 2 and failed < options.stop_after and (number := next(waiting, None)) is not None:
                    pending[pool.submit(run_case, options.programs, shim, base, number, options.mode)] = number
                if not pending:
                    break
                for future in concurrent.futures.wait(pending, return_when=concurrent.futures.FIRST_COMPLETED).done:
                    number = pending.pop(future)
                    problems, (_, messages, generations) = future.result()
                    done, acknowledged, cuts = done + 1, acknowledged + messages, cuts + generations
                    if problems:
                        failed += 1
                        keep(options, pathlib.Path(base) / f"case-{number}", number, problems)
                    if done % 100 == 0:
                        print(f"  {done}/{options.cases} cases, {failed} failed, {done / (time.monotonic() - began):.1f}/s", flush=True)
    seconds = time.monotonic() - began
    print(f"{done} cases with {cuts} power failures and {acknowledged} acknowledged messages in {seconds:.0f} s ({done / seconds:.1f}/s): "
          f"{done - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def keep(options, case, number, problems):
    folder = (options.keep or pathlib.Path(tempfile.mkdtemp(prefix="power-failed-"))) / case.name
    shutil.copytree(case, folder, dirs_exist_ok=True)
    print(f"FAILED: seed {number}, {len(problems)} problems")
    for problem in problems[:6]:
        print(f"  {problem}")
    print(f"  run it again:  Tests/Faults/power_failure.py {options.programs} --seed {number} --cases 1 --mode {(case / 'mode').read_text()}")
    print(f"  the same state: Tests/Faults/power_failure.py {options.programs} --replay {folder}", flush=True)


if __name__ == "__main__":
    main()
