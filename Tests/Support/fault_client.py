"""A client of ours in a process of its own (Tests/Faults/Client), told what to do, and examined when it is closed."""
import collections
import contextlib
import json
import os
import pathlib
import subprocess
import threading
import time

import rmq

# How long after its deadline a call may end: the machine may be busy with other things.
LATE_MILLISECONDS = 1000
# A client that is closed has nothing to wait for. Most of this is for a busy machine.
EXIT_SECONDS = 1


class FaultClient:
    """Orders go in by `tell`; what happens is kept by its kind, in its order."""

    def __init__(self, programs, folder, name_servers, environment=None):
        self.events = collections.defaultdict(list)
        self.errors = pathlib.Path(folder) / f"FaultClient-{time.monotonic_ns()}.log"
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen([pathlib.Path(programs) / "FaultClient", name_servers], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=errors, text=True, env={**os.environ, **(environment or {})})
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            self.events[event.pop("event")].append(event)

    def tell(self, do, **more):
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()

    def of(self, kind, **like):
        """What has happened so far, of one kind."""
        return [one for one in list(self.events[kind]) if all(one[key] == value for key, value in like.items())]

    def wait(self, kind, count=1, seconds=30, after=0, **like):
        """Waits until so many events of a kind have come, after the first `after` of them, and returns these."""
        what = f"{count} events '{kind}' {like or ''}"
        self.wait_until(lambda: len(self.of(kind, **like)) >= after + count, seconds, what)
        return self.of(kind, **like)[after:]

    def next(self, kind, count=1, seconds=30, **like):
        """As `wait`, for events from now on."""
        return self.wait(kind, count, seconds, len(self.of(kind, **like)), **like)

    def outcomes(self, bodies, count):
        """What became of so many sends of one order, with its kind."""
        def ended():
            return [{"event": kind, **one} for kind in ("sent", "failed") for one in self.of(kind) if one["body"].startswith(f"{bodies}-")]
        self.wait_until(lambda: len(ended()) >= count, 30, f"{count} sends of {bodies} to end")
        return ended()

    def wait_until(self, condition, seconds, what):
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, f"the client ended with {self.process.returncode}: {self.errors.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
            time.sleep(0.02)

    def stop(self, how="stop"):
        """Ends all sends; a call that does not end shows here."""
        before = len(self.of("stopped"))
        self.tell(how)
        self.wait("stopped", after=before)

    # What the kernel knows of it

    def open_files(self):
        links = []
        for number in os.listdir(f"/proc/{self.process.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                links.append(os.readlink(f"/proc/{self.process.pid}/fd/{number}"))
        return links

    def sockets(self):
        return [link for link in self.open_files() if link.startswith("socket:")]

    def loops(self):
        """Names of the threads that a client has for its network."""
        names = []
        for thread in os.listdir(f"/proc/{self.process.pid}/task"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                names.append(pathlib.Path(f"/proc/{self.process.pid}/task/{thread}/comm").read_text().strip())
        return [name for name in names if name.startswith("client")]

    def end(self):
        """Closes the client and looks at all that it has said and at what it left behind."""
        self.tell("end")
        (end,) = self.wait("end")
        assert not end["kept"], f"still held after the close: {end['kept']}"

        def is_clean():
            return not self.sockets() and not self.loops()
        rmq.wait_until(is_clean, 5, f"nothing to be open: {self.open_files()}, {self.loops()}")
        # One of these is the runtime's, for the sleep of tasks.
        polls = self.open_files().count("anon_inode:[eventpoll]")
        assert polls <= 1, f"still open after the close: {self.open_files()}"
        began = time.monotonic()
        self.process.stdin.close()
        code = self.process.wait(20)
        took = time.monotonic() - began
        self.reader.join(10)
        self.process.stdout.close()
        said = self.errors.read_text()
        assert code == 0, f"the client ended with {code}: {said[-2000:]}"
        assert took < EXIT_SECONDS, f"the process took {took:.2f} s to end"
        assert "MISUSE" not in said, f"a continuation was lost: {said[-2000:]}"
        late = [one for one in self.of("sent") + self.of("failed") if one["ms"] > one["timeout"] + LATE_MILLISECONDS]
        assert not late, f"{len(late)} calls ended late, as {late[0]}"

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
