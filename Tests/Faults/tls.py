#!/usr/bin/env python3
"""TLS of the real programs, as Python's ssl module and the command openssl see it: every mode, client certificates, files that change, bad input.

usage: tls.py <folder with mqnamesrv, mqbroker and mqadmin> [case ...]
"""
import contextlib
import pathlib
import resource
import socket
import ssl
import subprocess
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Support"))
import rmq

GET_ROUTE = 105
HANDSHAKE_SECONDS = 10


# Certificates, by the command.

class Certificates:
    """An authority and what it signs, in a folder."""

    def __init__(self, folder, name="tests"):
        self.folder, self.name = pathlib.Path(folder), name
        self.folder.mkdir(exist_ok=True)
        self.trust = self.folder / f"{name}.pem"
        self.trust_key = self.folder / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={name}",
                "-keyout", self.trust_key, "-out", self.trust)

    def make(self, name, days=30, password=None, rsa=False):
        """A certificate for localhost and its key."""
        certificate, key, request = (self.folder / f"{name}{end}" for end in (".pem", ".key", ".csr"))
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        secret = ["-passout", f"pass:{password}"] if password else ["-nodes"]
        openssl("req", "-newkey", *kind, *secret, "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.trust, "-CAkey", self.trust_key, "-CAcreateserial", "-days", days,
                "-copy_extensions", "copy", "-out", certificate)
        return certificate, key


def openssl(*words, text=None, seconds=20):
    done = subprocess.run(["openssl", *map(str, words)], input=text, capture_output=True, text=True, timeout=seconds)
    if text is None and done.returncode:
        raise RuntimeError(f"openssl {words[0]}: {done.stderr}")
    return done.stdout + done.stderr


def server_files(pair, trust=None, **more):
    settings = {"tls.test.mode.enable": "false", "tls.server.certPath": pair[0], "tls.server.keyPath": pair[1]}
    if trust:
        settings["tls.server.trustCertPath"] = trust
    return {**settings, **{key.replace("_", "."): value for key, value in more.items()}}


# Peers.

def context(trust=None, identity=None, version=None):
    made = ssl.create_default_context(cafile=trust) if trust else ssl._create_unverified_context()
    if identity:
        made.load_cert_chain(*identity)
    if version:
        made.minimum_version = made.maximum_version = version
    return made


def secured(address, made=None, name="localhost"):
    connection = rmq.Connection(address)
    connection.socket = (made or context()).wrap_socket(connection.socket, server_hostname=name)
    return connection


def serves(connection, what=""):
    """Sends a message and gets it back."""
    with contextlib.closing(connection):
        answer = connection.send_message("Encrypted", 0, b"x" * 20_000 + what.encode())
        assert answer.code == 0, f"{what}: {answer.code} {answer.remark}"
        pulled = connection.pull("Encrypted", 0, int(answer.fields["queueOffset"]))
        assert pulled.code == 0 and what.encode() in pulled.body, f"{what}: a pull answers {pulled.code} {pulled.remark}"


def refused(attempt, what):
    try:
        serves(attempt(), what)
    except (OSError, ssl.SSLError):
        return
    raise AssertionError(f"{what} was served")


def everybody_is_served(cluster):
    serves(secured(cluster.broker_address), "over TLS")
    serves(rmq.Connection(cluster.broker_address), "plain")


def is_told(cluster, text, program="mqbroker"):
    rmq.wait_until(lambda: text in cluster.log(program), 20, f"{program} to say: {text}")


# The cases.

def permissive_in_test_mode(scene):
    """as a server comes: plain and encrypted connections on one port, TLS 1.2 and 1.3, at broker and name server"""
    with scene.cluster() as cluster:
        everybody_is_served(cluster)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            serves(secured(cluster.broker_address, context(version=version)), f"over {version.name}")
        route = secured(cluster.name_server_address).request(GET_ROUTE, {"topic": "TBW102"})
        assert route.code == 0, f"the name server answers {route.code} {route.remark}"
        port = cluster.broker_address
        shown = openssl("s_client", "-connect", port, "-brief", text="")
        assert "TLSv1.3" in shown and "rocketmq-test" in shown, shown
        shown = openssl("s_client", "-connect", port, "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0", text="")
        assert any(words in shown for words in ("Cipher is (NONE)", "alert", "no protocols")), shown


def enforcing(scene):
    """nothing but TLS between broker, name server, clients and mqadmin, all of them with certificates that are checked"""
    pair = scene.certificates.make("enforcing")
    settings = server_files(pair) | {"tls.server.mode": "enforcing", "tls.client.authServer": "true",
                                     "tls.client.trustCertPath": scene.certificates.trust, "tls.client.verifyHostName": "true"}
    with scene.cluster(settings, settings) as cluster:
        trusting = context(scene.certificates.trust)
        serves(secured(cluster.broker_address, trusting), "over TLS")
        refused(lambda: rmq.Connection(cluster.broker_address), "a plain client at an enforcing port")
        is_told(cluster, "it is not encrypted, and tls.server.mode is enforcing")
        refused(lambda: secured(cluster.broker_address, context(scene.strangers.trust)), "a server of an unknown authority")
        refused(lambda: secured(cluster.broker_address, trusting, "mq.example"), "a server of another name")
        shown = openssl("s_client", "-connect", cluster.broker_address, "-brief", "-verify_return_error", "-CAfile", scene.certificates.trust, text="")
        assert "Verification: OK" in shown, shown

        def registered():
            return secured(cluster.name_server_address, trusting).request(GET_ROUTE, {"topic": "TBW102"}).code == 0

        rmq.wait_until(registered, 20, "the broker to be registered over TLS")
        admin_over_tls(cluster, scene)


def admin_over_tls(cluster, scene):
    file = cluster.folder / "conf/tls.properties"
    file.parent.mkdir(exist_ok=True)
    words = ("clusterList", "-n", cluster.name_server_address)
    assert "broker-a" not in scene.admin(cluster, *words), "mqadmin was served without TLS"
    for text, expected in [(f"tls.enable=true\ntls.client.trustCertPath={scene.certificates.trust}\n", "broker-a"),
                           (f"tls.enable=true\ntls.client.trustCertPath={scene.strangers.trust}\n", "certificate is refused"),
                           ("tls.enable=true\ntls.test.mode.enable=true\n", "broker-a"),
                           ("tls.enable=true\ntls.client.trustCert=/x\n", "unknown key tls.client.trustCert")]:
        file.write_text(text)
        output = scene.admin(cluster, *words)
        assert expected in output, f"{text} {output}"


def disabled(scene):
    """a port without TLS closes who begins with it, and serves plain connections"""
    with scene.cluster({"tls.server.mode": "disabled"}, {"tls.server.mode": "disabled"}) as cluster:
        refused(lambda: secured(cluster.broker_address), "TLS at a disabled port")
        serves(rmq.Connection(cluster.broker_address), "plain")


def client_certificates(scene):
    """none, optional, require: with the right certificate, with a stranger's, with none"""
    known, stranger = scene.certificates.make("client"), scene.strangers.make("stranger")
    pair = scene.certificates.make("asking")
    for wish, checks, good in [("none", True, "known stranger nobody"), ("optional", True, "known nobody"), ("optional", False, "known stranger nobody"),
                               ("require", True, "known"), ("REQUIRE", False, "known stranger")]:
        settings = server_files(pair, scene.certificates.trust) | {"tls.server.need.client.auth": wish, "tls.server.authClient": str(checks).lower()}
        with scene.cluster(settings, name_server=False) as cluster:
            for who, identity in [("known", known), ("stranger", stranger), ("nobody", None)]:
                what = f"{wish}, checked: {checks}, {who}"
                def attempt(): return secured(cluster.broker_address, context(scene.certificates.trust, identity))
                serves(attempt(), what) if who in good.split() else refused(attempt, what)
            serves(rmq.Connection(cluster.broker_address), "plain")


def keys_and_starts(scene):
    """an encrypted key, a file for TLS alone, and starts that cannot be: the key, the path and the reason are named"""
    pair = scene.certificates.make("secret", password="xyzzy")
    file = scene.certificates.folder / "tls.properties"
    file.write_text("tls.server.keyPassword=xyzzy\ntls.test.mode.enable=false\n")
    with scene.cluster({"tls.config.file": file, "tls.server.certPath": pair[0], "tls.server.keyPath": pair[1]}, name_server=False) as cluster:
        serves(secured(cluster.broker_address, context(scene.certificates.trust)), "an encrypted key")
        assert "xyzzy" not in rmq.Connection(cluster.broker_address).request(26).body.decode(), "the password is shown"
    for more, expected in [({"tls.server.keyPassword": "wrong"}, "cannot be decrypted with tls.server.keyPassword"),
                           ({}, "it is encrypted, and tls.server.keyPassword is not set"),
                           ({"tls.server.certPath": "/nowhere/x"}, "tls.server.certPath=/nowhere/x cannot be used: No such file"),
                           ({"tls.server.mode": "on"}, "tls.server.mode=on is not allowed; allowed: disabled, permissive or enforcing")]:
        try:
            with scene.cluster(server_files(pair) | {"tls.server.mode": "enforcing"} | more, name_server=False):
                raise AssertionError(f"it started with {more}")
        except RuntimeError as error:
            assert expected in str(error), f"{expected!r} is not in {error}"
    with scene.cluster(server_files(("/nowhere/x", pair[1])), name_server=False) as cluster:
        refused(lambda: secured(cluster.broker_address), "TLS without a certificate")
        serves(rmq.Connection(cluster.broker_address), "plain")


def files_that_change(scene):
    """a new certificate serves who comes from then on, half of a pair changes nothing, and no connection ends"""
    folder = scene.certificates.folder
    first, second = scene.certificates.make("first"), scene.certificates.make("second")
    live = folder / "live.pem", folder / "live.key"
    for source, target in zip(first, live):
        target.write_bytes(source.read_bytes())
    with scene.cluster(server_files(live), name_server=False) as cluster:
        trusting = context(scene.certificates.trust)
        lasting = secured(cluster.broker_address, trusting)

        def shown():
            with contextlib.closing(secured(cluster.broker_address, trusting)) as connection:
                return dict(pair[0] for pair in connection.socket.getpeercert()["subject"])["commonName"]

        assert shown() == "first"
        live[0].write_bytes(second[0].read_bytes())
        is_told(cluster, "the files have changed and are not used: the private key in")
        assert shown() == "first"
        live[1].write_bytes(second[1].read_bytes())
        rmq.wait_until(lambda: shown() == "second", 20, "the new certificate")
        serves(lasting, "a connection that began before")


def bad_input(scene):
    """garbage, truncated and damaged records, renegotiation: each closed at once, and others are served on"""
    with scene.cluster(name_server=False) as cluster:
        host, port = cluster.broker_address.split(":")
        for what, data in [("garbage", b"\x16GET / HTTP/1.1\r\n\r\n"), ("a record too long", b"\x16\x03\x01\xff\xff"),
                           ("no hello", b"\x16\x03\x01\x00\x04\x0e\x00\x00\x00"), ("noise", bytes([22, 3, 1, 1, 0]) + bytes(range(256)))]:
            with contextlib.closing(socket.create_connection((host, int(port)), 10)) as peer:
                peer.sendall(data)
                wait_for_end(peer)
            everybody_is_served(cluster)
        with contextlib.closing(socket.create_connection((host, int(port)), 10)) as peer:
            peer.sendall(b"\x16\x03\x01\x02")
        good = secured(cluster.broker_address)
        with contextlib.closing(socket.socket(fileno=good.socket.detach())) as raw:
            raw.settimeout(10)
            raw.sendall(b"\x17\x03\x03\x00\x20" + b"\x09" * 32)
            wait_for_end(raw)
        is_told(cluster, "bad record mac")
        assert "no renegotiation" in renegotiating(cluster.broker_address)
        everybody_is_served(cluster)


def wait_for_end(peer):
    with contextlib.suppress(ConnectionError):
        while peer.recv(1000):
            pass


def renegotiating(address):
    """What the command says when it asks for a second handshake; it ends when that is refused."""
    command = ["openssl", "s_client", "-connect", address, "-tls1_2"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            process.stdin.write("R\n")
            process.stdin.flush()
            process.wait(20)
        finally:
            process.kill()
        return process.stdout.read()


def slow_handshakes(scene):
    """1,000 handshakes that do not go on: others are served at once meanwhile, and each slow one is closed in time"""
    with scene.cluster(name_server=False) as cluster:
        host, port = cluster.broker_address.split(":")
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            slow = [stack.enter_context(contextlib.closing(socket.create_connection((host, int(port)), 30))) for _ in range(1000)]
            for number, peer in enumerate(slow):
                peer.sendall(b"\x16\x03\x01\x02\x00\x01"[:1 + number % 6])
            longest = 0
            while time.monotonic() - began < 5:
                start = time.monotonic()
                everybody_is_served(cluster)
                longest = max(longest, time.monotonic() - start)
            for peer in slow:
                assert peer.recv(1) == b"", "a slow handshake got an answer"
        took = time.monotonic() - began
        assert took < HANDSHAKE_SECONDS + 10, f"the slow ones were closed after {took:.1f} s"
        everybody_is_served(cluster)
        print(f"   the slowest of the others took {longest * 1000:.0f} ms for two connections with a send and a pull each", flush=True)
        assert longest < 2, f"others waited {longest:.1f} s"


CASES = [permissive_in_test_mode, enforcing, disabled, client_certificates, keys_and_starts, files_that_change, bad_input, slow_handshakes]


class Scene:
    def __init__(self, programs, folder):
        self.programs = pathlib.Path(programs)
        self.certificates = Certificates(folder / "ours")
        self.strangers = Certificates(folder / "theirs", "strangers")

    def cluster(self, broker=None, name_server_settings=None, name_server=True):
        return rmq.Cluster(self.programs, broker, name_server=name_server, name_server_settings=name_server_settings)

    def admin(self, cluster, *words):
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(cluster.folder), "ROCKETMQ_HOME": str(cluster.folder)}
        done = subprocess.run([self.programs / "mqadmin", *map(str, words)], capture_output=True, text=True, timeout=60, env=environment)
        return done.stdout + done.stderr


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    chosen = [case for case in CASES if len(sys.argv) == 2 or case.__name__ in sys.argv[2:]]
    failed = []
    # A thousand connections at once.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard) if hard > 0 else 4096, hard))
    with rmq.temporary_folder() as folder:
        scene = Scene(sys.argv[1], folder)
        for case in chosen:
            began = time.monotonic()
            try:
                case(scene)
                print(f"ok   {case.__name__}, {time.monotonic() - began:.1f} s: {case.__doc__}", flush=True)
            except Exception:
                failed.append(case.__name__)
                print(f"FAILED {case.__name__}: {case.__doc__}\n{traceback.format_exc()}", flush=True)
    print(f"{len(chosen) - len(failed)} of {len(chosen)} cases passed")
    sys.exit(1 if failed or not chosen else 0)


if __name__ == "__main__":
    main()
