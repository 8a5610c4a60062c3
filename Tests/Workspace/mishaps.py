#!/usr/bin/env python3
"""What happens to the programs and what people do to them: signals, closed terminals, full disks, files of every kind and of others.

usage: mishaps.py <folder with mqnamesrv, mqbroker, mqadmin, mqstore and mqbench> [case ...]
"""
import contextlib
import os
import pty
import pwd
import resource
import signal
import subprocess
import time

import desk as desks
from desk import expect, rmq

BOOTED = "boot success. serializeType"
NOBODY = 65534


def is_clean(desk, what):
    expect(not (desk.folder / "store/abort").exists(), f"{what}: the store was not closed")
    code, output, errors = desk.run("mqstore", "verify", desk.folder / "store")
    expect(code == 0, f"{what}: mqstore verify: {code} {output!r} {errors!r}")


def send(desk, count=1, topic="Mishaps"):
    connection = rmq.Connection(f"127.0.0.1:{desk.port}")
    for number in range(count):
        answer = connection.send_message(topic, 0, b"message %d" % number)
        expect(answer.code == 0, f"a send was answered with {answer.code} {answer.remark}")
    connection.close()


def every_signal_that_stops(desk):
    """Case 6.1: SIGHUP ends the servers as SIGTERM does, and a second signal changes nothing."""
    configuration = desk.broker_configuration()
    for how in [signal.SIGHUP, signal.SIGINT, signal.SIGTERM]:
        desk.name_server()
        expect(desk.end(desk.started[-1], how) == 0, f"mqnamesrv on {how.name}")
        broker = desk.start("mqbroker", "-c", configuration, until=BOOTED)
        send(desk, 20)
        for again in [how, signal.SIGTERM, signal.SIGHUP]:
            broker.send_signal(again)
        expect(broker.wait(20) == 0, f"mqbroker on {how.name} and more: {broker.returncode}")
        is_clean(desk, how.name)
    expect("stops, on SIGHUP" in (desk.folder / "logs/rocketmqlogs/broker.log").read_text(), "broker.log does not say why")


def signals_that_do_not_stop(desk):
    """A Java process goes on after SIGQUIT, which runbooks send for a thread dump; nohup ignores SIGHUP."""
    configuration = desk.broker_configuration()
    broker = desk.start("mqbroker", "-c", configuration, until=BOOTED, how={"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)})
    for how in [signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGHUP]:
        broker.send_signal(how)
    rmq.wait_until(lambda: "SIGQUIT" in broker.log.read_text(), what="SIGQUIT to be told")
    send(desk, 3)
    expect(desk.end(broker) == 0, "mqbroker did not end well")
    is_clean(desk, "after signals that do not stop")


def a_signal_during_the_start(desk):
    configuration = desk.broker_configuration()
    broker = desk.start("mqbroker", "-c", configuration, until=BOOTED)
    send(desk, 2000)
    broker.kill()
    broker.wait()
    for pause in [0, 0.02, 0.1]:
        broker = desk.launch("mqbroker", "-c", configuration)
        rmq.wait_until(lambda: str(desk.folder / "store/lock") in open_files(broker), what="the broker to open the store")
        time.sleep(pause)   # different moments of the recovery and of what follows
        broker.send_signal(signal.SIGHUP)
        expect(broker.wait(30) == 0, f"a signal {pause} s after the store was opened: {broker.returncode}")
    broker = desk.start("mqbroker", "-c", configuration, until=BOOTED)
    answer = rmq.Connection(f"127.0.0.1:{desk.port}").request(30, {"topic": "Mishaps", "queueId": "0"})   # GET_MAX_OFFSET
    expect(answer.fields["offset"] == "2000", f"messages after all that: {answer.fields}")
    expect(desk.end(broker) == 0, "mqbroker did not end well")
    is_clean(desk, "after signals during starts")


def open_files(process):
    folder = f"/proc/{process.pid}/fd"
    try:
        return [os.readlink(f"{folder}/{name}") for name in os.listdir(folder)]
    except OSError:
        return []


def closed_streams(desk):
    """No file of the store gets the number of a stream that is closed, and what is printed goes nowhere."""
    def all_closed():
        for descriptor in range(3):
            os.close(descriptor)

    configuration = desk.broker_configuration("nosuchKey = 1")
    read, write = os.pipe()
    os.close(read)
    with open("/dev/full", "wb") as full, open(write, "wb") as broken:
        ways = {"closed": {"preexec_fn": all_closed}, "full": {"stdout": full, "stderr": full}, "broken": {"stdout": broken, "stderr": broken}}
        for way, how in ways.items():
            broker = desk.launch("mqbroker", "-c", configuration, **how)
            rmq.wait_until(lambda: broker.poll() is not None or rmq.answers(f"127.0.0.1:{desk.port}"), what="the broker to listen")
            send(desk, 5)
            expect(desk.end(broker) == 0, f"mqbroker with streams that are {way}: {broker.returncode}")
            is_clean(desk, f"with streams that are {way}")
        for program, words in {"mqnamesrv": ["-h"], "mqstore": ["verify", desk.folder / "store"], "mqadmin": ["help"]}.items():
            code = desk.launch(program, *words, **ways["closed"]).wait(20)
            expect(code == 0, f"{program} with closed streams: {code}")
    for path in (desk.folder / "store").rglob("*"):
        expect(not path.is_file() or b"boot success" not in path.read_bytes()[:1 << 20], f"what was printed is in {path}")


def streams_that_nobody_reads(desk):
    """Warnings fill the pipe; the broker serves on all the same."""
    read, write = os.pipe()
    configuration = desk.broker_configuration("".join(f"\nnosuchKey{number} = 1" for number in range(2000)))
    broker = desk.launch("mqbroker", "-c", configuration, stdout=subprocess.DEVNULL, stderr=write)
    os.close(write)
    rmq.wait_until(lambda: broker.poll() is not None or rmq.answers(f"127.0.0.1:{desk.port}"), what="the broker to listen")
    send(desk, 5)
    expect(desk.end(broker) == 0, f"mqbroker with a full pipe: {broker.returncode}")
    os.close(read)
    is_clean(desk, "with a full pipe")


def a_service_without_home(desk):
    """As in Java, the user table says where the store is when the environment does not."""
    environment = {key: value for key, value in desk.environment().items() if key != "HOME"}
    result = subprocess.run([desks.PROGRAMS / "mqbroker", "-p"], env=environment, cwd=desk.folder, capture_output=True, text=True)
    home = pwd.getpwuid(os.geteuid()).pw_dir
    expect(f"storePathRootDir={home}/store\n" in result.stdout, f"the store without HOME: {result.stdout!r}")


def a_closed_terminal(desk):
    """Case 6.1: whoever closes the window ends the broker cleanly."""
    configuration = desk.broker_configuration()
    master, slave = pty.openpty()
    broker = desk.launch("mqbroker", "-c", configuration, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                         preexec_fn=lambda: os.close(os.open(os.ttyname(slave), os.O_RDWR)))
    os.close(slave)
    printed = b""
    while BOOTED.encode() not in printed:
        printed += os.read(master, 4096)
    send(desk, 20)
    os.close(master)
    expect(broker.wait(20) == 0, f"mqbroker at a closed terminal: {broker.returncode}")
    is_clean(desk, "at a closed terminal")


def logs_that_cannot_be_written(desk):
    """The broker serves on, and says once on standard error what it cannot do."""
    configuration = desk.broker_configuration()
    logs = desk.folder / "logs"

    def serves(complaint):
        broker = desk.start("mqbroker", "-c", configuration, until=BOOTED)
        send(desk, 5)
        for _ in range(3):   # each closed connection and each topic is worth a line
            send(desk, 1, topic=f"T{time.monotonic_ns()}")
        expect(desk.end(broker) == 0, "mqbroker without a log did not end well")
        printed = broker.log.read_text()
        expect(printed.count(complaint) == 1, f"{printed.count(complaint)} times {complaint!r} in {printed!r}")

    logs.write_text("a file where the folder should be")
    serves(f"logging to standard error: mkdir {logs}")
    logs.unlink()
    (logs / "rocketmqlogs/broker.log").mkdir(parents=True)
    serves(f"logging to standard error: open {logs}/rocketmqlogs/broker.log: Is a directory")
    (logs / "rocketmqlogs/broker.log").rmdir()
    (logs / "rocketmqlogs/broker.log").symlink_to("/dev/full")
    serves(f"cannot log to {logs}/rocketmqlogs/broker.log")
    logs.rename(desk.folder / "gone")
    logs.write_text("a file")
    name_server = desk.start("mqnamesrv", "-c", desk.file("namesrv.conf", f"listenPort = {rmq.free_port()}\n"), until="boot success")
    expect("logging to standard error" in name_server.log.read_text(), "mqnamesrv does not say that it cannot log")
    expect(desk.end(name_server) == 0, "mqnamesrv without a log did not end well")


def configuration_files_of_every_kind(desk):
    def printed(content):
        path = desk.file("some.conf", content)
        code, output, errors = desk.run("mqbroker", "-c", path, "-p")
        expect(code == 0, f"{content!r}: {code} {errors!r}")
        return output.splitlines()

    lines = ["# Stra\u00dfe", "brokerName=one", "listenPort=12345", "brokerClusterName=last"]
    for what, content in {
        "LF": "\n".join(lines).encode(), "CRLF": "\r\n".join(lines).encode(), "CR": "\r".join(lines).encode(),
        "a byte order mark": b"\xef\xbb\xbf" + "\n".join(lines[1:]).encode(), "ISO-8859-1": "\n".join(lines).encode("latin-1"),
        "blanks behind": " \t\n".join(lines + [""]).encode(),
    }.items():
        output = printed(content)
        for line in lines[1:]:
            expect(line in output, f"{what}: no {line!r} in {output}")
    expect("listenPort=10911" in printed(b""), "an empty file")
    folder = desk.folder / "a-folder"
    folder.mkdir()
    utf16 = desk.file("utf16.conf", "brokerName=one\n".encode("utf-16"))
    for program in ["mqbroker", "mqnamesrv"]:
        for path, reason in {folder: "Is a directory", desk.folder / "none.conf": "does not exist", utf16: "UTF-16"}.items():
            code, _, errors = desk.run(program, "-c", path)
            expect(code not in (0, -signal.SIGTRAP) and str(path) in errors and reason in errors, f"{program} -c {path}: {code} {errors!r}")


def values_that_cannot_be_read(desk):
    """Case 2.10: a warning names key, value and what is used instead; for the name server, too."""
    configuration = desk.broker_configuration("diskMaxUsedSpaceRatio=75%\nbrokerIP1=[::1]\nmaxMessageSize=33554432")
    warning = "diskMaxUsedSpaceRatio=75% is not allowed; allowed: 0 to 100; 75 is used"
    code, _, errors = desk.run("mqbroker", "-c", configuration, "-p")
    expect(code == 0 and warning in errors, f"mqbroker -p: {code} {errors!r}")
    broker = desk.start("mqbroker", "-c", configuration, until=BOOTED)
    told = broker.log.read_text()
    expect(warning in told, f"no warning in {told!r}")
    expect(f"[broker-a, [::1]:{desk.port}]" in told, f"the address in {told!r}")
    expect(desk.end(broker) == 0, "mqbroker did not end well")
    name_server = desk.start("mqnamesrv", "-c", desk.file("namesrv.conf", f"listenPort={rmq.free_port()} \t\nserverWorkerThreads=8x\n"), until=BOOTED)
    expect("serverWorkerThreads=8x is not allowed; allowed: 1 to 1024; 8 is used" in name_server.log.read_text(), "mqnamesrv does not warn")


def another_user(desk):
    """A start on files of somebody else: the message names the file and the user."""
    if os.geteuid() != 0:
        return "only root can become somebody else"
    os.chmod(desk.folder, 0o755)
    as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    try:
        subprocess.run([desks.PROGRAMS / "mqbroker", "-h"], capture_output=True, check=True, **as_nobody)
    except (OSError, subprocess.CalledProcessError) as problem:
        return f"nobody may not run the programs: {problem}"
    broker = desk.start("mqbroker", "-c", desk.broker_configuration(), until=BOOTED)
    desk.end(broker)
    readable, secret = desk.broker_configuration(), desk.broker_configuration()
    secret.chmod(0o600)
    for words, path in {("-c", readable): desk.folder / "store/lock", ("-c", secret): secret}.items():
        code, _, errors = desk.run("mqbroker", *words, how=as_nobody)
        expect(code == 253 and f"{path}" in errors and "as user nobody" in errors, f"mqbroker {words}: {code} {errors!r}")
    home = desk.folder / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    configuration = desk.broker_configuration()
    before = configuration.read_bytes()
    broker = desk.start("mqbroker", "-c", configuration, until=BOOTED, how=as_nobody, HOME=str(home))
    answer = rmq.Connection(f"127.0.0.1:{desk.port}").request(25, body=b"brokerPermission=4")   # UPDATE_BROKER_CONFIG
    told = "brokerPermission=4 is in force, but only until the broker stops"
    expect(answer.code == 1 and told in answer.remark and f"{configuration}: Permission denied" in answer.remark, f"25: {answer.remark!r}")
    expect(configuration.read_bytes() == before, "a file of somebody else was changed")
    expect(desk.end(broker) == 0, "mqbroker of nobody did not end well")


def no_descriptor_left(desk):
    """Whoever connects while a server can open nothing waits, and is served once it can; the others go on."""
    address = desk.name_server()
    broker = desk.start("mqbroker", "-c", desk.broker_configuration(), until=BOOTED)
    send(desk)
    for server, address, log in [(desk.started[0], address, "namesrv.log"), (broker, f"127.0.0.1:{desk.port}", "remoting.log")]:
        def is_served(connection):
            return connection.request(105, {"topic": "Nowhere"}).code in (1, 3, 17)   # GET_ROUTEINFO_BY_TOPIC; any answer of a server

        early = rmq.Connection(address)
        expect(is_served(early), f"{log}: no answer at all")
        numbers = {int(name) for name in os.listdir(f"/proc/{server.pid}/fd")}
        lowest = next(number for number in range(len(numbers) + 1) if number not in numbers)
        soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (lowest, hard))
        late = rmq.Connection(address)
        told = desk.folder / "logs/rocketmqlogs" / log
        rmq.wait_until(lambda: "accepting rests" in told.read_text(), what=f"{log}: a line about the rest")
        expect(is_served(early), f"{log}: nobody is served while no descriptor is left")
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (soft, hard))
        expect(is_served(late), f"{log}: who came while no descriptor was left is not served")
        expect(desk.end(server) == 0, f"{log}: did not end well")
    is_clean(desk, "after a lack of descriptors")


def a_full_disk_for_small_files(desk):
    """Topics are told as unsaved while the disk is full, and are saved once there is room."""
    config = desk.folder / "store/config"
    config.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", config], capture_output=True).returncode != 0:
        return "no file system can be mounted here"
    try:
        broker = desk.start("mqbroker", "-c", desk.broker_configuration("flushConsumerOffsetInterval=200"), until=BOOTED)
        with open(config / "filler", "wb", buffering=0) as filler:
            with contextlib.suppress(OSError):
                while True:
                    filler.write(b"x" * 4096)
        send(desk, 1, topic="Unsaved")
        rmq.wait_until(lambda: "No space left" in broker.log.read_text(), what="the full disk to be told")
        (config / "filler").unlink()
        topics = config / "topics.json"
        rmq.wait_until(lambda: topics.exists() and "Unsaved" in topics.read_text(), what="the topic to be saved")
        expect(desk.end(broker) == 0, "mqbroker did not end well")
    finally:
        for process in desk.started:
            process.poll() is None and process.kill()
        subprocess.run(["umount", "-l", config], check=True)


desks.run_cases("mishaps", [
    every_signal_that_stops, signals_that_do_not_stop, a_signal_during_the_start, closed_streams, streams_that_nobody_reads, a_closed_terminal,
    a_service_without_home, logs_that_cannot_be_written, configuration_files_of_every_kind, values_that_cannot_be_read, another_user,
    no_descriptor_left, a_full_disk_for_small_files,
])
