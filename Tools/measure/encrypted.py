"""What encryption costs: sends and pulls over TLS beside plain ones, and handshakes."""
import os
import re

from harness import distribution, rate, raw_command, rmq, run, settle

SECONDS_OF_OPENSSL = 2
DRAINED_BODY_BYTES = 16 << 10


def encrypted(table, programs, seconds, messages):
    bench = programs / "mqbench"
    with rmq.Cluster(programs, name_server=False, settings={"eventLoops": os.cpu_count()}) as cluster:
        address = cluster.broker_address
        sends(table, bench, address, seconds)
        pulls(table, bench, address, messages)
        text = run(bench, "handshakes", "--address", address, "--threads", 2, "--seconds", seconds)
        count = int(re.findall(r": ([\d,]+) handshakes/s", text)[-1].replace(",", ""))
        table.add("TLS handshakes, ECDSA, the client's part too", f"{count:,}/s", "2,000/s", count >= 2000)


def sends(table, bench, address, seconds):
    plain, secured = (run(*raw_command(bench, address, 64, "--seconds", seconds, *more, serialization="binary")) for more in ([], ["--tls"]))
    ratio = rate(secured) / rate(plain)
    table.add("sends over TLS, 64 connections, depth 1", f"{rate(secured):,}/s, {ratio:.2f} of {rate(plain):,}/s plain", "0.60", ratio >= 0.6)
    print(f"   over TLS, in µs: {distribution(secured)}", flush=True)


def pulls(table, bench, address, messages):
    run(*raw_command(bench, address, 4, "--messages", messages, depth=16, size=DRAINED_BODY_BYTES, serialization="binary", topic="Drained"))
    settle()
    figures = []
    for more in ([], ["--tls"]):
        text = run(bench, "drain", "--topic", "Drained", "--address", address, "--queues", 4, "--connections", 1, "--serialization", "binary", *more)
        figures.append(rate(text) * DRAINED_BODY_BYTES / 1e6)
    plain, secured = figures
    cipher = cipher_speed()
    table.add("pulls over TLS, one connection", f"{secured:,.0f} MB/s, plain {plain:,.0f}, AES-256-GCM of one processor {cipher:,.0f}",
              f"{cipher / 2:,.0f} MB/s", secured >= cipher / 2)


def cipher_speed():
    """MB/s of records of 16 KiB by the command openssl."""
    text = run("openssl", "speed", "-seconds", SECONDS_OF_OPENSSL, "-bytes", 16384, "-evp", "aes-256-gcm")
    return float(re.findall(r"([\d.]+)k\s*$", text.strip())[-1]) / 1000
