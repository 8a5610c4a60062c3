"""A clean machine to install on: a root folder with the least that this system's distribution has, made by debootstrap, and sessions in it.

A session is a shell at a terminal, in namespaces of its own: all ports are free, nothing reaches the network, and what was started in it ends with
it. `mqshutdown`, which ends every server of a machine, reaches nothing else.
"""
import contextlib
import fcntl
import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import struct
import subprocess
import sys
import termios
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Support"))
import rmq

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BASES = ROOT / ".build" / "distribution-roots"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
COMMAND_SECONDS = 60
# What is under these is the package manager's, the kernel's, or made by whoever runs anything.
NOT_LOOKED_AT = ("proc", "sys", "dev", "run", "tmp", "var/cache", "var/lib/apt", "var/lib/dpkg", "var/log/apt")

# Namespaces begin without a loopback interface that is up, and a clean system may lack the tool for it.
LOOPBACK_UP = """
import fcntl, socket, struct
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8914, struct.pack("16sh14x", b"lo", 0x41))
"""
ENTER = """
set -e
mount --make-rprivate /
mount -t proc proc "$1/proc"
[ "$2" = network ] || "$3" -c "$4"
exec chroot "$1" /usr/bin/env -i HOME=/root TERM=dumb LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH="$5" /bin/sh
"""


class CannotTry(Exception):
    """This machine does not let us have a clean one."""


def as_root():
    if os.geteuid() != 0:
        raise CannotTry("a root folder of one's own needs root; run it with sudo")
    if subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], capture_output=True).returncode != 0:
        raise CannotTry("this machine does not allow namespaces, as in a container without CAP_SYS_ADMIN")


def base():
    """A root folder that is kept from run to run; machines are copies of it."""
    release = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line)
    suite = release.get("VERSION_CODENAME", "").strip('"')
    if not suite or not shutil.which("debootstrap"):
        raise CannotTry("there is no debootstrap here, or it does not know this system")
    folder = BASES / suite
    if not folder.exists():
        print(f"making a root folder of {suite} with debootstrap, once", flush=True)
        unfinished = BASES / f"{suite}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        BASES.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["debootstrap", "--variant=minbase", suite, unfinished], capture_output=True, text=True)
        if done.returncode != 0:
            raise CannotTry(f"debootstrap ended with {done.returncode}: {(done.stdout + done.stderr).strip()[-300:]}")
        (unfinished / "etc" / "hosts").write_text("127.0.0.1 localhost\n")   # which an installer writes
        with Session(unfinished, network=True) as session:
            session.type("apt-get update", seconds=300)
        unfinished.rename(folder)
    return folder


class Machine:
    """A copy of the base, which goes with it."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder) / "root"

    def __enter__(self):
        subprocess.run(["cp", "-a", "--reflink=auto", base(), self.root], check=True)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root, ignore_errors=True)

    def take(self, file, folder):
        """Copies a file into a folder of the machine."""
        target = self.root / folder.lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)

    def read(self, path):
        return (self.root / path.lstrip("/")).read_text(errors="replace")

    def paths(self):
        """All that is there, as an operator counts."""
        found = set()
        for folder, folders, files in os.walk(self.root):
            place = pathlib.Path(folder).relative_to(self.root)
            folders[:] = [name for name in folders if str(place / name) not in NOT_LOOKED_AT]
            found.update(str(place / name) for name in [*folders, *files])
        return found

    def session(self, network=False):
        return Session(self.root, network)


class Session:
    """A shell at a terminal of the machine. Only to install something it has the network of the machine around it."""

    def __init__(self, root, network=False):
        self.root, self.network, self.said, self.count = root, network, "", 0

    def __enter__(self):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        settings = termios.tcgetattr(slave)
        settings[1] &= ~termios.OPOST
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        own = ["--net"] if not self.network else []
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--uts", *own, "--fork", "--kill-child",
             "sh", "-c", ENTER, "sh", self.root, "network" if self.network else "own", sys.executable, LOOPBACK_UP, PATH], stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.terminal = master
        self.type("PS1= PS2=")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)

    def type(self, line, code=0, seconds=COMMAND_SECONDS):
        """Types a line, waits for its end, and returns what was on the screen meanwhile. `code` is what it has to end with; None for anything."""
        self.count += 1
        # One line, read before it runs: programs throw away what was typed ahead.
        os.write(self.terminal, f"eval {shlex.quote(line)}; printf 'ended %s %s\\n' \"$?\" {self.count}.\n".encode())
        end = re.compile(rf"ended (\d+) {self.count}\.\n")
        deadline, output = time.monotonic() + seconds, ""
        while not (found := end.search(output)):
            if not select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"'{line}' did not end in {seconds} s:\n{output[-2000:]}")
            try:
                read = os.read(self.terminal, 65536)
            except OSError:   # how a terminal says that nobody is at its other end
                read = b""
            if not read:
                raise RuntimeError(f"the session ended at '{line}':\n{output[-2000:]}")
            output += read.decode(errors="replace")
        output = output[:found.start()]
        self.said += f"$ {line}\n{output}"
        if code is not None and int(found.group(1)) != code:
            raise AssertionError(f"'{line}' ended with {found.group(1)}, not {code}:\n{output[-3000:]}")
        return output

    def type_until(self, line, shows, seconds=30):
        """Types a line again and again until its output shows something, as a person does who waits for it."""
        last = ""

        def seen():
            nonlocal last
            last = self.type(line, code=None)
            return shows(last)

        try:
            rmq.wait_until(seen, seconds, what=f"'{line}'")
        except TimeoutError:
            raise AssertionError(f"'{line}' does not show what it should:\n{last[-3000:]}") from None
        return last


@contextlib.contextmanager
def told_by(session):
    """With an error, shows what was typed and seen in a session."""
    try:
        yield session
    except Exception:
        print(f"--- typed and seen\n{session.said[-6000:]}")
        raise
