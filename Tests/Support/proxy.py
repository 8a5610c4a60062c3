"""A TCP proxy between two that trust the network: it cuts, stops, slows down, splits and falsifies what passes. A thread a direction."""
import contextlib
import random
import socket
import threading
import time


class Proxy:
    """`target` is told later where it is not known yet. `stalls` holds the directions in which nothing passes: "up" is towards the target.

    falsify: how many of the next pieces that come down are changed, by one bit at a random place, or within what looks like `falsify_within`.
    """

    def __init__(self, target=None, port=0):
        self.target, self.stalls, self.falsify, self.bytes_per_second, self.chunk = target, set(), 0, None, 1 << 16
        self.falsify_within = b""
        self.cut_after = None   # bytes that still come down before the connection is cut
        self.refuses, self.connections, self.passed = False, set(), {"up": 0, "down": 0}
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                if self.refuses or self.target is None:
                    near.close()
                    continue
                host, port = self.target.rsplit(":", 1)
                try:
                    far = socket.create_connection((host, int(port)), 5)
                except OSError:
                    near.close()
                    continue
                with self.lock:
                    self.connections.update({near, far})
                for source, sink, way in ((near, far, "up"), (far, near, "down")):
                    threading.Thread(target=self.carry, args=(source, sink, way), daemon=True).start()

    def carry(self, source, sink, way):
        try:
            while data := source.recv(self.chunk):
                while way in self.stalls:
                    time.sleep(0.005)
                if way == "down":
                    data = self.spoil(data)
                sink.sendall(data)
                with self.lock:
                    self.passed[way] += len(data)
                if way == "down" and self.cut_after is not None and self.cut_after <= 0:
                    self.cut_after = None
                    break
                if self.bytes_per_second:
                    time.sleep(len(data) / self.bytes_per_second)
        except OSError:
            pass
        self.close(source, sink)

    def spoil(self, data):
        with self.lock:
            if self.cut_after is not None:
                data = data[:self.cut_after]
                self.cut_after -= len(data)
            places = [at for at in range(len(data)) if data.startswith(self.falsify_within, at)] if self.falsify > 0 else []
            if places:
                self.falsify -= 1
                at = random.choice(places)
                data = data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1:]
        return data

    def close(self, *sockets):
        with self.lock:
            self.connections.difference_update(sockets)
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def cut(self):
        """Ends all connections. New ones are taken, unless `refuses`."""
        with self.lock:
            ending = list(self.connections)
        self.close(*ending)

    def stop(self):
        self.listener.close()
        self.cut()
