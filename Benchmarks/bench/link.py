"""Connections of what measures to what is measured.

Both share the processors, so a request is as few steps here as may be: what `http.client` does for one takes as long as
the daemon does for an event.
"""

import json, re, socket
from pathlib import Path

PATIENCE = 60
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Link:
    """One HTTP request after another over a connection that stays open."""

    def __init__(self, address: tuple[str, int] | Path, timeout: float = PATIENCE):
        if isinstance(address, Path):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.connect(str(address))
        else:
            # Of another address than the nodes' own, whose requests a node counts apart.
            self.socket = socket.create_connection(address, source_address=("127.0.0.2", 0))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(timeout)

    def get(self, target: str) -> tuple[bytes, bytes]:
        return self.ask(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())

    def post(self, target: str, body: bytes) -> tuple[bytes, bytes]:
        head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        return self.ask(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def ask(self, request: bytes) -> tuple[bytes, bytes]:
        """The head of the answer, which says that it went well, and the body."""
        self.socket.sendall(request)
        answer = self.receive()
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self.receive()
        head, body = answer[:end], answer[end + 4 :]
        length = int(LENGTH.search(head)[1])
        while len(body) < length:
            body += self.receive()
        if not head.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"{head.decode(errors='replace')}\n{body[:2000]!r}")
        return head, body

    def receive(self) -> bytes:
        part = self.socket.recv(1 << 20)
        if not part:
            raise SystemExit("the daemon has closed a connection")
        return part

    def close(self) -> None:
        self.socket.close()


class Control(Link):
    """The Unix socket of a daemon."""

    def __init__(self, directory: Path):
        super().__init__(directory / "data" / "control.sock")

    def put(self, text: str) -> str:
        """Writes a new record; returns the id of its event."""
        _, body = self.post("/control/v1/put", json.dumps({"file": "-", "text": text}).encode())
        return json.loads(body)["events"][0]


def field(head: bytes, name: bytes) -> str:
    """A field of an answer, by its name as the daemon writes it."""
    start = head.index(b"\r\n" + name + b": ") + len(name) + 4
    end = head.find(b"\r\n", start)
    return head[start : len(head) if end < 0 else end].decode()
