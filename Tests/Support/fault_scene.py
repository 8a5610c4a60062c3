"""What a case among faults has at hand: servers as processes that it kills and stops, and clients that are examined in the end."""
import contextlib
import os
import pathlib
import signal
import subprocess

import live_client
import rmq
from fault_client import FaultClient

# All delay levels are short, so that what a handler failed to consume comes again soon.
SETTINGS = {"messageDelayLevel": " ".join(["1s"] * 18)}


class Scene:
    """A name server, brokers, and clients that are closed and examined when a case has come to its end."""

    def __init__(self, programs):
        self.programs, self.stack = pathlib.Path(programs), contextlib.ExitStack()
        self.brokers, self.clients, self.stopped = [], [], []

    def __enter__(self):
        self.home = self.stack.enter_context(rmq.Cluster(self.programs, broker=False))
        self.name_server = self.home.name_server_address
        return self

    def __exit__(self, kind, *_):
        for process in self.stopped:
            process.send_signal(signal.SIGCONT)
        with contextlib.ExitStack() as last:
            last.callback(self.stack.close)
            for client in self.clients:
                last.callback(client.kill)
            if kind is None:
                for client in self.clients:
                    client.end()

    def broker(self, name="broker-a"):
        cluster = self.stack.enter_context(rmq.Cluster(self.programs, {**SETTINGS, "brokerName": name}, name_server=False, broker=False))
        cluster.name_server_address = self.name_server
        cluster.start_broker()
        self.brokers.append(cluster)
        self.wait_registered(cluster)
        return cluster

    def wait_registered(self, cluster):
        rmq.wait_until(lambda: cluster.broker_address in self.admin("clusterList"), what="the broker's registration")

    def restart(self, cluster):
        cluster.start_broker()
        self.wait_registered(cluster)

    def admin(self, *words):
        environment = {**os.environ, "NAMESRV_ADDR": self.name_server}
        return subprocess.run([self.programs / "mqadmin", *words], env=environment, capture_output=True, text=True, timeout=60).stdout

    def make_topic(self, topic, queues=4):
        for cluster in self.brokers:
            self.admin("updateTopic", "-b", cluster.broker_address, "-t", topic, "-r", str(queues), "-w", str(queues))

        def known():
            route = self.admin("topicRoute", "-t", topic)
            return all(cluster.broker_address in route for cluster in self.brokers)
        rmq.wait_until(known, what=f"topic {topic} at the name server")

    def client(self, name_server=None, environment=None):
        self.clients.append(FaultClient(self.programs, self.home.folder, name_server or self.name_server, environment))
        return self.clients[-1]

    def pause(self, process):
        process.send_signal(signal.SIGSTOP)
        self.stopped.append(process)

    def resume(self, process):
        process.send_signal(signal.SIGCONT)
        self.stopped.remove(process)

    def stored(self, topic, queues=4):
        """Every message of a topic: (broker, queue, offset) to body."""
        return {(cluster.settings["brokerName"], record.queue_id, record.queue_offset): bytes(record.body).decode()
                for cluster in self.brokers for record in live_client.pull_all(cluster.broker_address, topic, queues)}

    def check_stored(self, client, topic):
        """What was acknowledged is where the answer said."""
        stored = self.stored(topic)
        sent = client.of("sent", topic=topic)
        wrong = [one for one in sent if stored.get((one["broker"], one["queue"], one["offset"])) != one["body"]]
        assert sent and not wrong, f"{len(wrong)} of {len(sent)} acknowledged messages are not where they should be, as {wrong[:1]}"
