"""The ring that `crashes.py` kills nodes of: who writes, what is kept of it, and what must hold after each kill.

alpha, beta and gamma are peers of one another; gamma cannot be reached by alpha, so it pushes to it. alpha also polls a
Noema peer that gives what must be put aside, other variants of what it gave before, and numbers with holes; and a program
outside (a replayer) is given every event of beta.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ring import DATABASE, Control, Failure, Node, Refused, Ring

REPLAYER = """
import json, sys
print(json.dumps({"type": "hello", "protocol": 1, "name": "counts", "version": "1"}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "event":
        print(json.dumps({"type": "ok", "seq": message["seq"]}), flush=True)
"""


@contextlib.contextmanager
def log_of(data: Path) -> Iterator[sqlite3.Connection]:
    """The database of a node that is dead, on a copy: what SQLite mends at the first look is mended there alone."""
    with tempfile.TemporaryDirectory(prefix="federation-dead-") as scratch:
        for end in ("", "-wal"):
            source = data / (DATABASE + end)
            if source.exists():
                shutil.copyfile(source, Path(scratch) / source.name)
        with contextlib.closing(sqlite3.connect(Path(scratch) / DATABASE)) as database:
            yield database


def check_sound(database: sqlite3.Connection, name: str) -> None:
    """Fails unless SQLite finds nothing wrong with pages, rows and indexes."""
    found = [row[0] for row in database.execute("PRAGMA integrity_check")]
    if found != ["ok"]:
        raise Failure(f"{name}: integrity_check: {found[:5]}")


def check_events(database: sqlite3.Connection, name: str, acknowledged: set[str], own: str | None = None) -> set[str]:
    """Fails where an acknowledged event is missing, one is there twice, or an own number is missing or given twice."""
    rows = database.execute("SELECT id, digest, origin, number FROM events").fetchall()
    ids = {row[0] for row in rows}
    if len(ids) != len(rows) or len({row[1] for row in rows}) != len(rows):
        raise Failure(f"{name}: an event is there twice")
    if missing := acknowledged - ids:
        raise Failure(f"{name} has lost {len(missing)} acknowledged events: {sorted(missing)[:5]}")
    if own is not None:
        numbers = sorted(row[3] for row in rows if row[2] == own)
        if numbers != list(range(1, len(numbers) + 1)):
            raise Failure(f"{name}: its own numbers are not 1 to {len(numbers)}: {numbers[:3]}…{numbers[-3:]}")
    return ids


class Writer(threading.Thread):
    """Puts and edits records of one node without an end. An answer that was lost is asked for again by the same word."""

    def __init__(self, node: Node, seed: str, pause: float) -> None:
        super().__init__(daemon=True, name=f"writer of {node.name}")
        self.node = node
        self.control = Control(node)
        self.random = random.Random(seed)
        self.pause = pause
        self.acknowledged: set[str] = set()
        self.titles: set[str] = set()
        self.lock = threading.Lock()
        self.asked_again = 0
        self._records: list[str] = []
        self._goes = threading.Event()
        self._rests = threading.Event()
        self._ends = False
        self._number = 0
        self._lost: tuple[str, dict[str, Any]] | None = None

    def go(self) -> None:
        self._rests.clear()
        self._goes.set()

    def rest(self) -> None:
        """Returns once nothing is under way; an answer that was lost is still to be asked for again."""
        self._goes.clear()
        if not self._rests.wait(90):
            raise Failure(f"{self.name} hangs")

    def end(self) -> None:
        self._ends = True
        self._goes.set()

    @property
    def owes(self) -> bool:
        return self._lost is not None

    def run(self) -> None:
        while not self._ends:
            if not self._goes.is_set():
                self._rests.set()
                self._goes.wait()
                continue
            self.write()
            time.sleep(self.pause)

    def write(self) -> None:
        """One write, or what was asked before and not answered."""
        if self._lost is None:
            self._number += 1
            self._lost = self._next()
        else:
            self.asked_again += 1
        command, arguments = self._lost
        try:
            facts = self.control.call(command, 30, **arguments)
        except (OSError, http.client.HTTPException, ValueError):
            time.sleep(0.05)
            return
        except Refused as error:
            if error.code in ("stopping", "busy", "timeout", "gone"):
                # Not the node's answer to this: it may be done or not.
                time.sleep(0.05)
                return
            if error.code not in ("heads_changed", "diverged", "trashed", "unknown_record"):
                raise
            self._lost = None
            return
        self._lost = None
        events = facts.get("events") or [event for record in facts.get("records", []) for event in record.get("events", [])]
        with self.lock:
            self.acknowledged.update(events)
            if command == "put" and facts["created"]:
                self._records.append(facts["id"])
                self.titles.add(f"{self.node.name} writes {arguments['request']}")

    def _next(self) -> tuple[str, dict[str, Any]]:
        request = f"{self.node.name}-{self._number}-{self.random.randrange(1 << 32):x}"
        body = "x" * self.random.randrange(20, 1500)
        choice = self.random.random()
        if self._records and choice < 0.3:
            record = self.random.choice(self._records[-20:])
            return "put", {"file": "-", "text": f"# edited\n\n{body}\n", "id": record, "request": request}
        if self._records and choice < 0.4:
            return "archive", {"ids": [self.random.choice(self._records[-20:])], "request": request}
        return "put", {"file": "-", "text": f"# {self.node.name} writes {request}\n\n{body}\n", "request": request}


class FakeNoema(ThreadingHTTPServer):
    """A Noema node that gives some events more a second: some with a hole before them, some to be refused for ever, and of
    some the same id once more with another text."""

    daemon_threads = True
    IDENTITY = "01KNJX4991ASW6NNKS9BQHNCGB"

    def __init__(self) -> None:
        self.began = time.monotonic()
        super().__init__(("127.0.0.1", 0), _FakeNoemaRequest)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: Any) -> None:
        """Whoever asked was killed."""

    def page(self) -> list[dict[str, Any]]:
        now = int((time.monotonic() - self.began) * 3)
        events = []
        for number in range(max(1, now - 60), now + 1):
            # Of half of them another variant is given later; which of the two stays, their digests say.
            events.append(self._event(number, "later" if number % 2 == 0 and now - number > 5 else "first"))
            if number % 4 == 0:
                bad = self._event(number, "bad")
                bad["data"].update(title=f"Bad {number}", content_hash="of another text")
                events.append({**bad, "id": self._id(number, 7), "trace_id": f"20260406-bad-{number}"})
        return events

    def _id(self, number: int, kind: int = 1) -> str:
        return f"01KNJX4992{number:015d}{kind}"

    def _event(self, number: int, body: str) -> dict[str, Any]:
        return {
            "id": self._id(number), "action": "create", "trace_id": f"20260406-fake-{number}", "cortex_id": self.IDENTITY,
            "origin": "fake", "timestamp": "2026-04-06T12:00:00Z",
            "data": {"title": f"Fake {number}", "type": "note", "origin": "fake", "body": body},
            # Every fifth number is left out.
            "vclock": {self.IDENTITY: number + number // 5},
        }


class _FakeNoemaRequest(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(404, b"")

    def do_DELETE(self) -> None:
        self._answer(200, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/mcp":
            return self._answer(404, b"")
        call = json.loads(body)
        if "id" not in call:
            return self._answer(202, b"")
        fake: FakeNoema = self.server  # type: ignore[assignment]
        if call["method"] == "initialize":
            result: Any = {
                "protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                "serverInfo": {"name": "noema", "version": "v0.18.0"}}
        elif call["params"]["name"] == "cortex_identity":
            text = {"id": fake.IDENTITY, "mode": "sync", "name": "fake", "version": 2}
            result = {"content": [{"type": "text", "text": json.dumps(text)}]}
        else:
            since = call["params"].get("arguments", {}).get("since", "")
            page = [event for event in fake.page() if event["id"] > since]
            result = {"content": [{"type": "text", "text": json.dumps(page, separators=(",", ":"))}]}
        self._answer(200, json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result}).encode())

    def _answer(self, status: int, body: bytes) -> None:
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Mcp-Session-Id", "mcp-session-6f1c1a52-2f0b-4c0e-9a6c-0f4f0d3f7a11")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


class CrashRing:
    """Three nodes, their writers, and the Noema peer of one of them."""

    def __init__(self, program: Path, seed: str, pause: float) -> None:
        def links(node: Node, peer: Node) -> str | None:
            return None if (node.name, peer.name) == ("alpha", "gamma") else peer.endpoint

        self.fake = FakeNoema()
        self.ring = Ring(program, ["alpha", "beta", "gamma"], interval="200ms", links=links)
        try:
            alpha, beta, gamma = self.ring.nodes
            self.identities = {node.name: node.command("identity", "show")["id"] for node in self.ring}
            # It comes to alpha, which has no way to it.
            alpha.peers["gamma"] = [f"id: {self.identities['gamma']}"]
            alpha.add_peer("fake", self.fake.endpoint, "wire: noema")
            (beta.directory / "replayer.py").write_text(REPLAYER)
            alpha.configure()
            beta.configure(replayers=f"[{{name: counts, replayer: exec, command: ['{sys.executable}', replayer.py], directory: .}}]")
            self.writers = {node.name: Writer(node, f"{seed} {node.name}", pause) for node in self.ring}
            for node in self.ring:
                node.start()
            for writer in self.writers.values():
                writer.start()
                writer.go()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for writer in getattr(self, "writers", {}).values():
            writer.end()
        self.fake.shutdown()
        self.fake.server_close()
        self.ring.close()

    @property
    def events(self) -> int:
        return sum(len(writer.acknowledged) for writer in self.writers.values())

    def acknowledged(self, *names: str) -> set[str]:
        found: set[str] = set()
        for name in names or self.writers:
            with self.writers[name].lock:
                found |= self.writers[name].acknowledged
        return found

    def check_dead(self, node: Node) -> None:
        """What a node that was killed left behind: sound, and with every event that it acknowledged."""
        acknowledged = self.acknowledged(node.name)
        with log_of(node.data) as database:
            check_sound(database, node.name)
            check_events(database, node.name, acknowledged, self.identities[node.name])

    def check_ring(self, within: float = 90) -> None:
        """Every node holds every acknowledged event once, and the digests of all logs are one. Writers rest afterwards."""
        deadline = time.monotonic() + within
        while True:
            for writer in self.writers.values():
                if not writer.is_alive():
                    raise Failure(f"{writer.name} has ended: it was answered what nobody expects")
                writer.rest()
            # Whoever was not answered asks until it is.
            owing = [writer.name for writer in self.writers.values() if writer.owes]
            if not owing:
                break
            if time.monotonic() > deadline:
                raise Failure(f"no answer within {within:g} s: {owing}; " + "\n".join(node.tail() for node in self.ring))
            self.go()
            time.sleep(0.1)
        try:
            self.ring.agree(within, pause=0.05)
        except Failure as failure:
            raise Failure(f"{failure}\n" + "\n".join(node.tail(6) for node in self.ring)) from None
        acknowledged = self.acknowledged()
        for node in self.ring:
            with contextlib.closing(sqlite3.connect(f"file:{node.data / DATABASE}?mode=ro", uri=True, timeout=10)) as database:
                check_events(database, node.name, acknowledged, self.identities[node.name])

    def check_deep(self) -> None:
        """`verify --self` finds nothing, and each title that was written is the title of one record."""
        for node in self.ring:
            node.integrity()
        titles: dict[str, int] = {}
        written: set[str] = set()
        for writer in self.writers.values():
            with writer.lock:
                written |= writer.titles
        with contextlib.closing(sqlite3.connect(f"file:{self.ring['alpha'].data / DATABASE}?mode=ro", uri=True)) as database:
            for (data,) in database.execute("SELECT data FROM events WHERE action = 'create' AND data IS NOT NULL"):
                title = json.loads(data)["title"]
                titles[title] = titles.get(title, 0) + 1
        if twice := [title for title, times in titles.items() if times > 1]:
            raise Failure(f"written twice: {twice[:5]}")
        if lost := written - titles.keys():
            raise Failure(f"acknowledged and not there: {sorted(lost)[:5]}")

    def go(self) -> None:
        for writer in self.writers.values():
            writer.go()
