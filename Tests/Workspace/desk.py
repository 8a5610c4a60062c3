"""What the scripts beside this one share: a temporary home from which a person starts the programs, and the run of their cases."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Support"))
import rmq

PROGRAMS = pathlib.Path(sys.argv[1]).resolve()

# A script's background job and whatever nohup starts have these ignored, and so would the programs, which is a case of its own.
# With a handler, a child begins with the default; here they go on meaning nothing.
for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(ignored) == signal.SIG_IGN:
        signal.signal(ignored, lambda *_: None)


class Desk:
    """A temporary home, and what was started from it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.started = []

    def environment(self, **more):
        kept = {key: value for key, value in os.environ.items() if key not in ("NAMESRV_ADDR", "ROCKETMQ_HOME")}
        return {**kept, "HOME": str(self.folder), **more}

    def run(self, program, *words, how={}, **more):
        """Runs a program to its end: exit code, standard output, standard error."""
        result = subprocess.run([PROGRAMS / program, *map(str, words)], env=self.environment(**more), cwd=self.folder,
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, **how)
        return result.returncode, result.stdout, result.stderr

    def launch(self, program, *words, environment={}, **how):
        """Starts a program with standard output and error in a file unless `how` says otherwise, and waits for nothing."""
        log = self.folder / f"{program}-{len(self.started)}.out"
        with open(log, "wb") as output:
            how = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output, **how}
            process = subprocess.Popen([PROGRAMS / program, *map(str, words)], env=self.environment(**environment), cwd=self.folder, **how)
        process.log = log
        self.started.append(process)
        return process

    def start(self, program, *words, until, how={}, **more):
        """Starts a program and waits until it has printed `until`."""
        process = self.launch(program, *words, environment=more, **how)

        def ready():
            if process.poll() is not None:
                raise RuntimeError(f"{program} ended with {process.returncode}:\n{process.log.read_text()}")
            return until in process.log.read_text()

        rmq.wait_until(ready, what=f"{program} to print '{until}'")
        return process

    def end(self, process, how=signal.SIGTERM):
        process.send_signal(how)
        return process.wait(20)

    def file(self, name, text):
        path = self.folder / name
        path.write_bytes(text) if isinstance(text, bytes) else path.write_text(text)
        return path

    def name_server(self):
        port = rmq.free_port()
        configuration = self.file("namesrv.conf", f"listenPort = {port}\n")
        self.start("mqnamesrv", "-c", configuration, until="The Name Server boot success. serializeType=JSON")
        return f"127.0.0.1:{port}"

    def broker_configuration(self, more=""):
        """In the form of the files that come with the reference."""
        self.port = rmq.free_port(run=4)
        return self.file(f"broker-{self.port}.conf", f"""# A comment
            brokerClusterName = DefaultCluster
            brokerName = broker-a
            brokerId = 0
            deleteWhen = 04
            fileReservedTime = 48
            brokerRole = ASYNC_MASTER
            flushDiskType = ASYNC_FLUSH
            listenPort = {self.port}
            {more}
            """)

    def close(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def run_cases(name, cases):
    """Runs the cases that the command line names, or all, each at a desk of its own; then exits."""
    chosen = [case for case in cases if not sys.argv[2:] or case.__name__ in sys.argv[2:]]
    failed = 0
    for case in chosen:
        with tempfile.TemporaryDirectory(prefix="rocketmq-programs-") as folder:
            desk = Desk(folder)
            try:
                skipped = case(desk)
                print(f"ok      {case.__name__}" if skipped is None else f"skipped {case.__name__}: {skipped}")
            except Exception:
                failed += 1
                print(f"FAILED  {case.__name__}")
                traceback.print_exc(file=sys.stdout)
                for process in desk.started:
                    print(f"--- {process.log.name}\n{process.log.read_text(errors='replace')[-2000:]}")
            finally:
                desk.close()
    print(f"{name}: {len(chosen) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
