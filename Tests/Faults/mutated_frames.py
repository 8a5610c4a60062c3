#!/usr/bin/env python3
"""Sends mutated frames to a running broker while a healthy client sends and pulls, and checks that nothing breaks.

The seeds are the recorded frames of Tests/Golden (every request code) plus frames made here; a mutation flips bits, cuts,
repeats, swaps lengths or splices two frames. The broker may answer an error or close the connection. It may not crash, stop
serving the healthy client, or grow without bound.

usage: mutated_frames.py <folder with mqbroker> [frames] [seed]
"""
import json
import pathlib
import random
import select
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Support"))
import rmq

ROOT = pathlib.Path(__file__).resolve().parent.parent
INTERESTING = [0, 1, 2, 3, 4, 7, 8, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x01000000]
MEMORY_LIMIT_KILOBYTES = 1024 * 1024


def seeds():
    found = []
    for line in open(ROOT / "Golden" / "frames.jsonl"):
        row = json.loads(line)
        if row.get("kind") == "request" or not row["header"].get("flag", 0) & 1:
            found.append(bytes.fromhex(row["frame"]))
    fields = rmq.send_fields("Mutated", 0, {"TAGS": "a", "KEYS": "k"})
    for make in (rmq.frame, rmq.binary_frame):
        found.append(make(rmq.SEND_V2, fields, b"body" * 10))
    return found


def mutate(generator, frames):
    data = bytearray(generator.choice(frames))
    for _ in range(generator.choice((1, 1, 1, 2, 3, 8))):
        kind = generator.randrange(6)
        at = generator.randrange(len(data)) if data else 0
        if kind == 0 and data:
            data[at] ^= 1 << generator.randrange(8)
        elif kind == 1 and data:
            data[at] = generator.randrange(256)
        elif kind == 2 and len(data) >= 8:
            struct.pack_into(">I", data, generator.choice((0, 4, min(at, len(data) - 4))), generator.choice(INTERESTING))
        elif kind == 3:
            del data[at:at + generator.randrange(1, 64)]
        elif kind == 4:
            data[at:at] = data[at:at + generator.randrange(1, 64)]
        else:
            other = generator.choice(frames)
            data[at:] = other[generator.randrange(len(other)):]
    # Most mutated frames should be looked at inside, so most get their length word repaired.
    if len(data) >= 8 and generator.random() < 0.8:
        struct.pack_into(">I", data, 0, len(data) - 4)
    return bytes(data)


class Attacker(threading.Thread):
    def __init__(self, address, frames, count, seed):
        super().__init__()
        self.address, self.frames, self.left, self.generator = address, frames, count, random.Random(seed)
        self.sent, self.closed, self.error = 0, 0, None

    def run(self):
        try:
            while self.left > 0:
                self.one_connection()
        except Exception as error:  # the broker is gone, or the test is wrong: either way the run fails
            self.error = error

    def one_connection(self):
        host, port = self.address.rsplit(":", 1)
        connection = socket.create_connection((host, int(port)), 10)
        connection.setblocking(False)
        try:
            for _ in range(self.generator.randrange(1, 60)):
                batch = [mutate(self.generator, self.frames) for _ in range(min(8, self.left))]
                data = b"".join(batch)
                self.sent += len(batch)
                self.left -= len(batch)
                deadline = time.monotonic() + 0.5
                while data and time.monotonic() < deadline:
                    readable, writable, _ = select.select([connection], [connection], [], 0.05)
                    if readable and not connection.recv(1 << 18):
                        self.closed += 1
                        return
                    if writable:
                        data = data[connection.send(data):]
                if data or self.left <= 0:
                    return
        except (ConnectionError, BrokenPipeError, BlockingIOError):
            self.closed += 1
        finally:
            connection.close()


def healthy(address, stop, state):
    try:
        connection, number = rmq.Connection(address, 10), 0
        while not stop.is_set():
            body = f"healthy {number}".encode()
            before = time.monotonic()
            sent = connection.send_message("Healthy", 0, body)
            if sent.code != 0:
                raise RuntimeError(f"send answered {sent.code}: {sent.remark}")
            pulled = connection.pull("Healthy", 0, int(sent.fields["queueOffset"]), 1)
            if pulled.code != 0 or body not in pulled.body:
                raise RuntimeError(f"pull answered {pulled.code}: {pulled.remark}")
            state["slowest"] = max(state["slowest"], time.monotonic() - before)
            state["count"] += 1
            number += 1
            time.sleep(0.002)   # the pace of the healthy client, not a wait
    except Exception as error:
        state["error"] = error


def resident_kilobytes(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


def main():
    programs = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 300_000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 31)
    print(f"{count} frames, seed {seed}")
    with rmq.Cluster(programs, {"mappedFileSizeCommitLog": 64 * 1024 * 1024}, name_server=False) as cluster:
        stop, state, frames = threading.Event(), {"count": 0, "slowest": 0.0, "error": None}, seeds()
        witness = threading.Thread(target=healthy, args=(cluster.broker_address, stop, state))
        witness.start()
        attackers = [Attacker(cluster.broker_address, frames, count // 4, seed + number) for number in range(4)]
        for attacker in attackers:
            attacker.start()
        peak, reported, process = 0, time.monotonic(), cluster.processes["mqbroker"]
        while any(attacker.is_alive() for attacker in attackers):
            attackers[0].join(0.2)
            if process.poll() is not None or state["error"]:
                for attacker in attackers:
                    attacker.left = 0
                break
            peak = max(peak, resident_kilobytes(process.pid))
            if time.monotonic() - reported > 10:
                reported = time.monotonic()
                print(f"  {sum(a.sent for a in attackers)} sent, {peak // 1024} MB resident at most, "
                      f"healthy client: {state['count']} round trips", flush=True)
        for attacker in attackers:
            attacker.join()
        stop.set()
        witness.join()
        problems = [f"attacker: {a.error!r}" for a in attackers if a.error]
        if process.poll() is not None:
            problems.append(f"the broker ended with {process.returncode}:\n{cluster.log('mqbroker')[-3000:]}")
        if state["error"]:
            problems.append(f"the healthy client failed: {state['error']!r}")
        if peak > MEMORY_LIMIT_KILOBYTES:
            problems.append(f"{peak // 1024} MB resident")
        print(f"{sum(a.sent for a in attackers)} frames sent, {sum(a.closed for a in attackers)} connections closed by the broker, "
              f"{state['count']} healthy round trips, slowest {state['slowest'] * 1000:.0f} ms, {peak // 1024} MB resident at most")
    for problem in problems:
        print(problem)
    print(f"{0 if problems else 1} passed, {1 if problems else 0} failed")
    sys.exit(1 if problems else 0)


main()
