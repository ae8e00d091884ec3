"""NATS 2.9 JetStream: a stream on a hub, mirrored over a leaf-node connection into a file stream of another server.

Neither server flushes a message before it acknowledges it (`sync_interval` is 2 minutes as shipped). `natscli` is not
in Debian, so this speaks the text protocol itself: as much of it as is needed here.
"""

import hashlib, json, shutil, socket, subprocess, uuid
from pathlib import Path

from corpus import Corpus
from node import free_port
from processes import eventually
from sample import Meter, Sample

STREAM = "EVENTS"


def version() -> str:
    return subprocess.run(["nats-server", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


class Client:
    """A connection to one server; not for more than one thread."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb", buffering=1 << 20)
        self.reader.readline()  # INFO
        self.subscriptions = 0
        self.early: list[tuple[str, str, bytes]] = []
        # A leaf and its hub share their subjects.
        self.name = uuid.uuid4().hex
        self.send(b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n')

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def subscribe(self, subject: str) -> int:
        self.subscriptions += 1
        self.send(f"SUB {subject} {self.subscriptions}\r\n".encode())
        return self.subscriptions

    def next(self) -> tuple[str, str, bytes]:
        """The next message: its subject, where an answer goes, and its payload without headers."""
        return self.early.pop(0) if self.early else self._read()

    def _read(self) -> tuple[str, str, bytes]:
        while True:
            line = self.reader.readline()
            words = line.split()
            if line.startswith((b"MSG ", b"HMSG ")):
                sizes = 2 if line.startswith(b"H") else 1
                total = int(words[-1])
                head = int(words[-2]) if sizes == 2 else 0
                payload = self.reader.read(total + 2)[head:-2]
                return words[1].decode(), words[3].decode() if len(words) > 3 + sizes else "", payload
            if line.startswith(b"PING"):
                self.send(b"PONG\r\n")
            elif line.startswith(b"-ERR") or not line:
                raise RuntimeError(f"NATS: {line!r}")

    def request(self, subject: str, body: dict | None = None, before: str = "") -> dict:
        """One request to the JetStream API, on an inbox of its own; `before` it another subject is subscribed to."""
        if before:
            self.subscribe(before)
        inbox = f"_INBOX.{self.name}.{self.subscriptions}"
        number = self.subscribe(inbox)
        text = json.dumps(body).encode() if body is not None else b""
        self.send(f"PUB {subject} {inbox} {len(text)}\r\n".encode() + text + b"\r\n")
        # A consumer's first messages may come before the answer that it is made.
        while (message := self._read())[0] != inbox:
            self.early.append(message)
        payload = message[2]
        self.send(f"UNSUB {number}\r\n".encode())
        answer = json.loads(payload or b"{}")
        if "error" in answer:
            raise RuntimeError(f"NATS: {subject}: {answer['error']}")
        return answer

    def close(self) -> None:
        self.socket.close()


class Server:
    """A nats-server with JetStream in a directory; a leaf where it is given the hub's leaf port."""

    def __init__(self, directory: Path, domain: str, hub: int | None = None):
        directory.mkdir()
        self.directory, self.domain, self.port = directory, domain, free_port()
        self.leaf_port = free_port()
        remote = f'remotes: [{{url: "nats-leaf://127.0.0.1:{hub}"}}]' if hub else f"listen: 127.0.0.1:{self.leaf_port}"
        # Whoever checks a mirror of large messages reads it in one go, and is not to be dropped as too slow.
        (directory / "server.conf").write_text(
            f"server_name: {domain}\nlisten: 127.0.0.1:{self.port}\nmax_payload: 8MB\nmax_pending: 512MB\n"
            f'jetstream {{store_dir: "{directory}/store", domain: {domain}}}\nleafnodes {{{remote}}}\n'
        )
        log = open(directory / "server.log", "w")
        self.process = subprocess.Popen(["nats-server", "-c", directory / "server.conf"], stdout=log, stderr=log)
        eventually("NATS starts", lambda: self.connected(), timeout=60)

    def connected(self) -> Client | None:
        try:
            return Client(self.port)
        except OSError:
            return None

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)


class Source:
    """The hub with every event of a log as a message."""

    def __init__(self, root: Path, corpus: Corpus):
        self.root, self.events = root, corpus.shape.events
        self.server = Server(root / "nats-hub", "hub")
        client = Client(self.server.port)
        client.request(
            f"$JS.API.STREAM.CREATE.{STREAM}",
            {"name": STREAM, "subjects": ["events"], "storage": "file", "num_replicas": 1},
        )
        self.digest = hashlib.sha256()
        client.subscribe("acks")
        for first in range(0, self.events, 500):
            lines = corpus.lines(first, 500).splitlines()
            for line in lines:
                self.digest.update(line)
            client.send(b"".join(b"PUB events acks %d\r\n%b\r\n" % (len(line), line) for line in lines))
            for _ in lines:
                client.next()
        client.close()

    def close(self) -> None:
        self.server.stop()


class CatchUp:
    """A leaf node whose mirror begins empty."""

    name = "NATS JetStream mirror"

    def __init__(self, source: Source, leaf_port: int | None = None):
        self.source, self.leaf_port = source, leaf_port or source.server.leaf_port

    def run(self, index: int) -> Sample:
        source = self.source
        follower = Server(source.root / f"nats-leaf-{index}", "leaf", hub=self.leaf_port)
        try:
            client = Client(follower.port)
            eventually("the leaf is connected", lambda: self._reaches_hub(client), timeout=60, every=0.1)
            meter = Meter(source.server.process.pid, follower.process.pid)
            mirror(client)
            eventually("NATS caught up", lambda: self._messages(client) == source.events, timeout=1800)
            sample = meter.stop(source.events)
            self._check(follower)
            client.close()
        finally:
            follower.stop()
            shutil.rmtree(follower.directory)
        return sample

    @staticmethod
    def _reaches_hub(client: Client) -> bool:
        try:
            return bool(client.request(f"$JS.hub.API.STREAM.INFO.{STREAM}"))
        except (RuntimeError, ValueError):
            return False

    @staticmethod
    def _messages(client: Client) -> int:
        return client.request("$JS.API.STREAM.INFO.MIRROR")["state"]["messages"]

    def _check(self, follower: Server) -> None:
        """Reads the whole mirror and compares its bytes."""
        client = Client(follower.port)
        client.subscribe("check")
        client.request(
            "$JS.API.CONSUMER.CREATE.MIRROR",
            {
                "stream_name": "MIRROR",
                "config": {
                    "deliver_subject": "check",
                    "deliver_policy": "all",
                    "ack_policy": "none",
                    "replay_policy": "instant",
                },
            },
        )
        digest = hashlib.sha256()
        for _ in range(self.source.events):
            digest.update(client.next()[2])
        client.close()
        if digest.digest() != self.source.digest.digest():
            raise SystemExit("NATS: the mirror is not the stream")


def mirror(client: Client) -> None:
    """Makes the mirror of the hub's stream on a leaf."""
    client.request(
        "$JS.API.STREAM.CREATE.MIRROR",
        {
            "name": "MIRROR",
            "storage": "file",
            "num_replicas": 1,
            "mirror": {"name": STREAM, "external": {"api": "$JS.hub.API", "deliver": ""}},
        },
    )
