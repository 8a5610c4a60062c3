#!/usr/bin/env python3
"""Says TLS badly to a running broker while a healthy client works with it over TLS, and checks that nothing breaks.

Each session is a real one (Python's ssl, TLS 1.2 and 1.3) in which some of what the client says is changed: bits flipped, cut, repeated, moved
to another record, lengths swapped, garbage between; in the handshake or behind it. The broker may close it. It may not crash, stop serving
the healthy client, keep a connection for ever, or grow without bound, and it must stop cleanly.

usage: mutated_tls.py <folder with mqbroker> [sessions] [seed]
"""
import pathlib
import random
import socket
import ssl
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Support"))
import rmq

THREADS = 8
MEMORY_LIMIT_KILOBYTES = 512 * 1024
# A session ends by itself or by what the broker says to it; none waits for longer.
PATIENCE_SECONDS = 0.05


def context(generator=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if generator and generator.random() < 0.5:
        made.maximum_version = ssl.TLSVersion.TLSv1_2
    return made


def mutate(generator, data):
    data = bytearray(data)
    for _ in range(generator.randrange(1, 4)):
        at = generator.randrange(len(data)) if data else 0
        way = generator.randrange(7)
        if way == 0 and data:
            data[at] ^= 1 << generator.randrange(8)
        elif way == 1:
            del data[at:]
        elif way == 2:
            data[at:at] = data[at:at + generator.randrange(1, 64)]
        elif way == 3:
            data[at:at] = generator.randbytes(generator.randrange(1, 64))
        elif way == 4 and len(data) > 5:
            data[3:5] = generator.choice([b"\0\0", b"\0\1", b"\x40\0", b"\x41\1", b"\xff\xff"])
        elif way == 5 and len(data) > 5:
            data[0] = generator.choice([20, 21, 22, 23, 24, 0, 255])
        elif way == 6 and len(data) > 8:
            place = generator.randrange(5, len(data) - 3)
            data[place:place + 3] = generator.choice([b"\0\0\0", b"\xff\xff\xff", b"\0\x40\0"])
    return bytes(data)


class Session:
    """A client in memory, whose flights are changed on their way."""

    def __init__(self, generator, address):
        self.generator, self.arrived, self.leaving = generator, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = context(generator).wrap_bio(self.arrived, self.leaving, server_hostname="localhost")
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), 5)
        self.socket.settimeout(PATIENCE_SECONDS)
        # In which flight: the hello, what follows it, or behind the handshake.
        self.turn = generator.choice([0, 0, 1, 2, 3])

    def run(self):
        with self.socket:
            try:
                for flight in range(6):
                    self.speak(flight)
                    self.send(flight)
                    data = self.socket.recv(1 << 16)
                    if not data:
                        return
                    self.arrived.write(data)
            except (OSError, ssl.SSLError):
                pass

    def speak(self, flight):
        try:
            self.client.do_handshake()
            self.client.write(rmq.frame(28, opaque=flight))
        except ssl.SSLWantReadError:
            pass

    def send(self, flight):
        data = self.leaving.read()
        if flight >= self.turn:
            data = mutate(self.generator, data)
        cut = self.generator.randrange(len(data) + 1) if self.generator.random() < 0.2 else len(data)
        self.socket.sendall(data[:cut])
        if data[cut:]:
            self.socket.sendall(data[cut:])


class Healthy(threading.Thread):
    """Sends and pulls over TLS, one message after the other."""

    def __init__(self, address):
        super().__init__()
        self.address, self.stopping, self.rounds, self.problem = address, threading.Event(), 0, None

    def run(self):
        try:
            connection = rmq.Connection(self.address, 20)
            connection.socket = context().wrap_socket(connection.socket)
            while not self.stopping.wait(0.02):
                body = b"healthy %d" % self.rounds
                sent = connection.send_message("Healthy", 0, body)
                pulled = connection.pull("Healthy", 0, int(sent.fields["queueOffset"]), 1)
                if sent.code != 0 or pulled.code != 0 or body not in pulled.body:
                    raise RuntimeError(f"a send was answered {sent.code}, a pull {pulled.code}")
                self.rounds += 1
        except Exception as problem:   # noqa: whatever it is, the run failed
            self.problem = problem


def work(number, seed, count, address, failures):
    generator = random.Random(seed * 1_000 + number)
    for _ in range(count):
        try:
            Session(generator, address).run()
        except OSError as problem:
            failures.append(f"no connection: {problem}")
            return


def memory(pid):
    return int(next(line for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("RssAnon")).split()[1])


def main():
    programs = pathlib.Path(sys.argv[1]).resolve()
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 30)
    failures = []
    with rmq.Cluster(programs, name_server=False) as cluster:
        broker, began = cluster.processes["mqbroker"], time.monotonic()
        healthy = Healthy(cluster.broker_address)
        healthy.start()
        threads = [threading.Thread(target=work, args=(number, seed, count // THREADS, cluster.broker_address, failures)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        healthy.stopping.set()
        healthy.join()
        if healthy.problem:
            failures.append(f"the healthy client: {healthy.problem}")
        if broker.poll() is not None:
            failures.append(f"the broker ended with {broker.returncode}: {cluster.log('mqbroker')[-2000:]}")
        else:
            if (size := memory(broker.pid)) > MEMORY_LIMIT_KILOBYTES:
                failures.append(f"the broker has {size} kB of its own")
            # Only the healthy client's connections may be left, once handshakes have had their time.
            descriptors = pathlib.Path(f"/proc/{broker.pid}/fd")
            rmq.wait_until(lambda: sum("socket:" in str(one.readlink()) for one in descriptors.iterdir() if one.is_symlink()) < 64, 30, "connections to end")
            if (code := cluster.stop(broker)) != 0:
                failures.append(f"the broker ended with {code} on SIGTERM")
        seconds = time.monotonic() - began
    print(f"TLS: {count} sessions in {seconds:.0f} s, seed {seed}, {healthy.rounds} healthy rounds meanwhile, {len(failures)} failures")
    for failure in failures[:5]:
        print(f"  {failure}")
    return 1 if failures or healthy.rounds == 0 else 0


sys.exit(main())
