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
        handshakes(table, bench, address, cluster.processes["mqbroker"].pid, seconds)


def handshakes(table, bench, address, broker, seconds):
    """The client's part costs as much as the server's, on the same processors: so the broker's own time is told, too."""
    before = processor_seconds(broker)
    text = run(bench, "handshakes", "--address", address, "--threads", 2, "--seconds", seconds)
    used = processor_seconds(broker) - before
    total, each = (int(word.replace(",", "")) for word in re.findall(r"([\d,]+) handshakes in .*: ([\d,]+) handshakes/s", text)[-1])
    alone = os.cpu_count() * total / used
    table.add("TLS handshakes, ECDSA", f"{each:,}/s with clients; {1e6 * used / total:,.0f} µs of the broker's, {alone:,.0f}/s alone", "2,000/s alone", alone >= 2000)


def processor_seconds(process):
    with open(f"/proc/{process}/stat") as statistics:
        fields = statistics.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
        text = run(bench, "drain", "--topic", "Drained", "--address", address, "--queues", 4, "--connections", 4, "--serialization", "binary", *more)
        figures.append(rate(text) * DRAINED_BODY_BYTES / 1e6)
    plain, secured = figures
    cipher = cipher_speed()
    table.add("pulls over TLS, four connections", f"{secured:,.0f} MB/s, plain {plain:,.0f}, AES-256-GCM of one processor {cipher:,.0f}",
              f"{cipher / 2:,.0f} MB/s", secured >= cipher / 2)


def cipher_speed():
    """MB/s of records of 16 KiB by the command openssl."""
    text = run("openssl", "speed", "-seconds", SECONDS_OF_OPENSSL, "-bytes", 16384, "-evp", "aes-256-gcm")
    return float(re.findall(r"([\d.]+)k\s*$", text.strip())[-1]) / 1000
