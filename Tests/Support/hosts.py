"""Where a program runs as a test wants it: on a host of its own as far as the network goes, by another clock, on a small disk. All of it needs
root, on Linux."""
import contextlib
import os
import pathlib
import random
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def wrapped(folder, programs, words):
    """A folder with the same programs, run by `words`: as `env` or `ip netns exec`, which become the program."""
    folder.mkdir(exist_ok=True)
    for program in ("mqbroker", "mqnamesrv"):
        script = folder / program
        script.write_text(f"#!/bin/sh\nexec {' '.join(map(str, words))} {programs / program} \"$@\"\n")
        script.chmod(0o755)
    return folder


def do(*words, check=True):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))} ended with {done.returncode}: {done.stderr}{done.stdout}")


def missing():
    """Why this machine has neither hosts of their own nor small disks; None when it has."""
    if os.geteuid() != 0:
        return "which needs root"
    if subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True).returncode != 0:
        return "since this machine allows no namespaces"
    return None


class Cable:
    """A cable to a host of its own, which is a network namespace. `near` is this end's address, `far` the other one's."""

    def __init__(self):
        number = random.randrange(1, 255)
        self.near, self.far = f"10.213.{number}.1", f"10.213.{number}.2"
        self.name = f"rmq-{os.getpid()}"
        self.plugs = [f"rmq{os.getpid()}a", f"rmq{os.getpid()}b"]
        self.blocked = set()

    @property
    def inside(self):
        """The words by which a program runs at the other end."""
        return ["ip", "netns", "exec", self.name]

    def lay(self):
        do("ip", "netns", "add", self.name)
        do("ip", "link", "add", self.plugs[0], "type", "veth", "peer", "name", self.plugs[1], "netns", self.name)
        do("ip", "address", "add", f"{self.near}/24", "dev", self.plugs[0])
        do("ip", "link", "set", self.plugs[0], "up")
        for words in (["address", "add", f"{self.far}/24", "dev", self.plugs[1]], ["link", "set", self.plugs[1], "up"], ["link", "set", "lo", "up"]):
            do("ip", "-n", self.name, *words)

    def block(self, direction):
        """Nothing passes any more: "up" is towards this end. What is sent is lost without a word."""
        self.blocked.add(direction)
        do("ip", *self.routes(direction), "route", "add", "blackhole", self.target(direction))

    def heal(self):
        for direction in self.blocked:
            do("ip", *self.routes(direction), "route", "del", "blackhole", self.target(direction))
        self.blocked = set()

    def routes(self, direction):
        return ["-n", self.name] if direction == "up" else []

    def target(self, direction):
        return f"{self.near if direction == 'up' else self.far}/32"

    def remove(self):
        with contextlib.suppress(RuntimeError):
            self.heal()
        do("ip", "netns", "del", self.name, check=False)
        do("ip", "link", "del", self.plugs[0], check=False)


class SmallDisk:
    """A disk of so many MiB at a folder."""

    def __init__(self, folder, size):
        self.folder, self.ballast = folder, folder / "ballast"
        folder.mkdir(parents=True, exist_ok=True)
        do("mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", folder)

    def fill(self, left):
        """Leaves only about so many bytes. Others write meanwhile."""
        with open(self.ballast, "wb") as file:
            while True:
                free = os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_bsize
                with contextlib.suppress(OSError):
                    return os.posix_fallocate(file.fileno(), 0, max(1, free - left))

    def relieve(self):
        self.ballast.unlink(missing_ok=True)

    def remove(self):
        do("umount", "-l", self.folder, check=False)


def clock_library(folder):
    """What sets the clock of a program that it is preloaded into."""
    library = folder / "set_clock.so"
    do("gcc", "-O1", "-fPIC", "-shared", "-o", library, ROOT / "Tests" / "Workspace" / "set_clock.c")
    return library


def by_clock(library, seconds):
    """The words by which a program runs with its clock set by so many seconds."""
    return ["env", f"LD_PRELOAD={library}", f"SET_CLOCK_BY={int(seconds)}"]
