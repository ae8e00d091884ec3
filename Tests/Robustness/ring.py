"""Real nodes for the harnesses beside this file: directories, configurations, daemons, and what is asked of them.

A `Node` is a directory with a configuration and perhaps a daemon; a `Ring` is some of them that name each other as peers,
and takes everything down with it, also at Ctrl-C and SIGTERM:

    with Ring(program, ["alpha", "beta", "gamma"]) as ring:
        ring.start()
        events = ring["alpha"].put("# A note")           # ids of events that are on disk
        agreed = ring.agree(within=30, events=events)    # every node has them, and all logs are one set

Events are put and facts are read through the daemon's control socket and its `digest` route, which cost no process.
Only what Python brings is used.
"""

from __future__ import annotations

import collections
import contextlib
import http.client
import itertools
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Self, TypeVar

Facts = dict[str, Any]
Value = TypeVar("Value")

# The file of the log, in the data directory.
DATABASE = "federation.db"


class Failure(Exception):
    """Something that must hold does not; its words are for people, and say what was seen."""


class Refused(Failure):
    """The program said no: `code` and the facts of its error object."""

    def __init__(self, what: str, error: Facts | str) -> None:
        super().__init__(f"{what}: {error}")
        # The server itself, where it is stopping or busy, has no more to say than a word.
        self.facts: Facts = {"code": error} if isinstance(error, str) else error
        self.code: str = self.facts.get("code", "")


@dataclass(frozen=True)
class Digest:
    """What a log is as a set: equal digests are equal logs."""

    count: int
    digest: str

    def __str__(self) -> str:
        return f"{self.count} events {self.digest[:12]}"


_ports = itertools.count(random.SystemRandom().randrange(11_000))


def free_port() -> int:
    """A port below the range that the system gives out by itself, so that a stopped node finds its own one free."""
    while True:
        port = 20_000 + next(_ports) % 12_000
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port


def eventually(what: str | Callable[[], str], within: float, probe: Callable[[], Value | None], pause: float = 0.1) -> Value:
    """What `probe` gives as soon as it is neither None nor False; a `Failure` that says `what` after so many seconds."""
    deadline = time.monotonic() + within
    while True:
        value = probe()
        if value is not None and value is not False:
            return value
        if time.monotonic() >= deadline:
            raise Failure(f"not within {within:g} s: {what() if callable(what) else what}")
        time.sleep(pause)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        # A path longer than an address has room for is reached through its directory.
        directory = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY)
        try:
            self.sock.connect(f"/proc/self/fd/{directory}/{self._path.name}")
        finally:
            os.close(directory)


class Control:
    """One connection to the control socket of a daemon, made when it is needed; for one thread at a time."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._connection: _UnixConnection | None = None

    def call(self, name: str, timeout: float = 60, **arguments: Any) -> Facts:
        """Has the running daemon do a command.

        OSError or HTTPException where it is not there, goes away or is silent for so long; `Refused` where it says no.
        """
        if self._connection is None or self._connection.timeout != timeout:
            self.close()
            self._connection = _UnixConnection(self._node.data / "control.sock", timeout)
        try:
            self._connection.request(
                "POST", f"/control/v1/{name}", json.dumps(arguments), {"Content-Type": "application/json"})
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        facts: Facts = json.loads(body)
        if answer.status != 200:
            raise Refused(f"{name} on {self._node.name}", facts.get("error", facts))
        return facts

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Node:
    """One node in a directory of its own."""

    def __init__(
        self, name: str, directory: Path, program: Path, port: int | None = None, address: str = "127.0.0.1",
        wrapper: Sequence[str] = (),
        connect: Callable[[tuple[str, int], float], socket.socket] = socket.create_connection,
    ) -> None:
        """A node that may not be there yet.

        `wrapper` is what its daemon is started by, and becomes it (`["nsenter", …]`); `connect` reaches its address.
        """
        self.name = name
        self.directory = directory
        self.program = program
        self.address = address
        self.port = port or free_port()
        self.wrapper = list(wrapper)
        self._connect = connect
        self.process: subprocess.Popen[bytes] | None = None
        self.settings: dict[str, str] = {}
        self.peers: dict[str, list[str]] = {}
        self._control = Control(self)

    @property
    def config(self) -> Path:
        return self.directory / "federation.yaml"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def log_path(self) -> Path:
        return self.directory / "log"

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    @property
    def endpoint(self) -> str:
        """Where it says that it listens; a link to it has another one."""
        return f"http://{self.address}:{self.port}"

    # Making it

    def init(self, interval: str = "1s") -> Node:
        """Makes the directory, the identity and the database."""
        self.settings["interval"] = interval
        self._run("init", str(self.directory), "--name", self.name)
        self.configure()
        return self

    def configure(self, **settings: str) -> None:
        """Writes the configuration anew from `settings` and `peers`, which a daemon takes in by itself.

        A value is YAML; an empty one leaves its key out, also `listen`.
        """
        self.settings.update(settings)
        lines = {"name": self.name, "data": "data", "listen": f"{self.address}:{self.port}", **self.settings}
        text = "".join(f"{key}: {value}\n" for key, value in lines.items() if value)
        text += "peers:\n" if self.peers else "peers: []\n"
        for peer, entry in self.peers.items():
            text += f"  - name: {peer}\n" + "".join(f"    {line}\n" for line in entry)
        new = self.config.with_suffix(".new")
        new.write_text(text)
        new.replace(self.config)

    def add_peer(self, name: str, endpoint: str, *lines: str) -> None:
        """Names a peer; `lines` are further keys of its entry. `configure` writes it."""
        self.peers[name] = [f"endpoint: {endpoint}", *lines]

    # The daemon

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """Of the daemon; with a wrapper that does not replace itself, of the wrapper."""
        if self.process is None:
            raise Failure(f"{self.name} does not run")
        return self.process.pid

    def spawn(
        self, *options: str, environment: Mapping[str, str] | None = None, prepare: Callable[[], None] | None = None,
    ) -> None:
        """Starts the daemon and waits for nothing. `prepare` runs in the child before the program does."""
        if self.is_running:
            raise Failure(f"{self.name} runs already")
        self._control.close()
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, str(self.program), "run", "--config", str(self.config), *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=prepare,
                env={**os.environ, **(environment or {})})

    def start(
        self, *options: str, within: float = 60, environment: Mapping[str, str] | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        """Starts the daemon and waits until it says that it runs."""
        before = self.log.count(" running ")
        self.spawn(*options, environment=environment, prepare=prepare)

        def runs() -> bool:
            if not self.is_running:
                raise Failure(f"{self.name} ended with {self.process and self.process.returncode}; {self.tail()}")
            return self.log.count(" running ") > before

        eventually(lambda: f"{self.name} runs; {self.tail()}", within, runs, pause=0.02)

    def signal(self, number: int) -> None:
        """Sends a signal to the daemon, if it runs."""
        if self.is_running:
            os.kill(self.pid, number)

    def stop(self, within: float = 60) -> None:
        """SIGTERM, and it must end with 0 in time."""
        status = self.end(signal.SIGTERM, within)
        if status != 0:
            raise Failure(f"{self.name} ended with {status} after SIGTERM; {self.tail()}")

    def kill(self) -> None:
        """SIGKILL: what is on disk now is all that is left."""
        self.end(signal.SIGKILL, 30)

    def end(self, number: int, within: float) -> int:
        """Sends a signal and waits for the end; the exit status, negative for a signal."""
        self._control.close()
        if self.process is None:
            raise Failure(f"{self.name} does not run")
        self.signal(number)
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} has not ended {within:g} s after signal {number}; {self.tail()}") from None

    def destroy(self) -> None:
        """Ends the daemon whatever its state, without a word."""
        self._control.close()
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def tail(self, lines: int = 12) -> str:
        return f"log of {self.name}:\n" + "\n".join(self.log.splitlines()[-lines:])

    # Commands, each a process

    def _run(self, *arguments: str, stdin: str | None = None, within: float = 300) -> subprocess.CompletedProcess[str]:
        done = self.run(*arguments, stdin=stdin, within=within)
        if done.returncode != 0:
            raise Failure(f"{' '.join(arguments)} on {self.name}: status {done.returncode}: {done.stderr.strip()}")
        return done

    def run(self, *arguments: str, stdin: str | None = None, within: float = 300) -> subprocess.CompletedProcess[str]:
        """Runs the program with these arguments, whatever its exit status."""
        return subprocess.run(
            [str(self.program), *arguments], input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True, text=True, errors="replace", timeout=within, check=False)

    def command(self, *arguments: str, within: float = 300) -> Facts:
        """The facts of a command that succeeds, `--json`, on this node; `Refused` where it does not."""
        done = self.run(*arguments, "--json", "--config", str(self.config), within=within)
        try:
            facts: Facts = json.loads(done.stdout)
        except ValueError:
            raise Failure(
                f"{' '.join(arguments)} on {self.name}: status {done.returncode}: {done.stdout!r} {done.stderr}") from None
        if "error" in facts:
            raise Refused(f"{' '.join(arguments)} on {self.name}", facts["error"])
        return facts

    def exit_status(self, *arguments: str, within: float = 300) -> int:
        """How a command on this node ends."""
        return self.run(*arguments, "--config", str(self.config), within=within).returncode

    # The control socket: no process a command

    def control(self, name: str, timeout: float = 60, **arguments: Any) -> Facts:
        """Has the running daemon do a command, over a connection that is kept (`Control.call`)."""
        return self._control.call(name, timeout, **arguments)

    def put(self, text: str, **arguments: Any) -> list[str]:
        """Writes one record and gives the ids of its events, which are on disk then.

        `id` and `base` make it an update. With `request`, a word of its own for each write, it can be asked again after an
        answer that was lost, and is written once.
        """
        return list(self.control("put", file="-", text=text, **arguments)["events"])

    def put_many(self, count: int, label: str = "note", size: int = 400) -> list[str]:
        """Writes so many records; the ids of their events."""
        events: list[str] = []
        for number in range(count):
            events += self.put(f"# {label} {number} of {self.name}\n\n" + "x" * size + "\n")
        return events

    def import_notes(self, count: int, size: int = 400, label: str = "note") -> None:
        """Writes so many records in large transactions, from a tree of files: the quickest way to thousands."""
        with tempfile.TemporaryDirectory(dir=self.directory) as tree:
            for number in range(count):
                folder = Path(tree) / str(number // 1000)
                folder.mkdir(exist_ok=True)
                (folder / f"{label}-{number}.md").write_text(f"# {label} {number} of {self.name}\n\n" + "x" * size + "\n")
            self.command("import", tree, "--markdown", "--tree", f"{label}-{count}")

    def status(self) -> Facts:
        """`status --json`: of the daemon where one runs, else of the database."""
        return self.control("status") if self.is_running else self.command("status")

    def peer_status(self, name: str) -> Facts:
        """The entry of one peer in `status`."""
        for peer in self.status()["peers"]:
            if peer["name"] == name:
                return dict(peer)
        raise Failure(f"{self.name} has no peer {name}")

    def reason(self, peer: str) -> str | None:
        """Why the peer is not in step, as `status` shows it; None where nothing is wrong now."""
        facts = self.peer_status(peer)
        if facts["consecutive_failures"] == 0:
            return None
        return str((facts.get("last_error") or {}).get("reason"))

    def digest(self, before: int = 1 << 47) -> Digest:
        """What the log of the running daemon is as a set; of the events that were minted before that many milliseconds."""
        link = http.client.HTTPConnection(self.address, self.port, timeout=30)
        try:
            link.sock = self._connect((self.address, self.port), 30)
            link.request("GET", f"/federation/v1/digest?before={before}")
            answer = link.getresponse()
            facts = json.loads(answer.read())
        finally:
            link.close()
        if answer.status != 200:
            raise Refused(f"digest of {self.name}", facts.get("error", facts))
        return Digest(facts["count"], facts["digest"])

    def events(self) -> Iterator[Facts]:
        """Every event of the log in order of arrival, without the data of each."""
        after = 0
        while True:
            page = self.control("events", since=str(after), limit=1000) if self.is_running else self.command(
                "events", "--since", str(after), "--limit", "1000")
            for event in page["events"]:
                event.pop("data", None)
                yield event
            if not page["more"]:
                return
            after = page["last_seq"]

    def event_ids(self) -> list[str]:
        """The id of every event of the log, each as often as it is there."""
        return [event["id"] for event in self.events()]

    def records(self) -> Iterator[Facts]:
        """Every record in order of id, as it is shown: equal ones are equal states."""
        after: Facts = {}
        while True:
            page = self.control("records", state="all", limit=1000, **after)
            yield from page["records"]
            if not page["more"]:
                return
            after = {"after": page["records"][-1]["id"]}

    def hold_to(self, acknowledged: Iterable[str]) -> None:
        """Fails where an event that was acknowledged is not in the log, or any is there twice."""
        ids = self.event_ids()
        there = set(ids)
        if len(ids) != len(there):
            twice = [event for event, times in collections.Counter(ids).items() if times > 1]
            raise Failure(f"{self.name} has events twice: {twice[:5]}")
        if missing := set(acknowledged) - there:
            raise Failure(f"{self.name} has lost {len(missing)} acknowledged events: {sorted(missing)[:5]}")

    def integrity(self) -> None:
        """Fails unless SQLite finds the database sound, and `verify --self` everything that follows from it."""
        with contextlib.closing(sqlite3.connect(f"file:{self.data / DATABASE}?mode=ro", uri=True)) as database:
            found = [row[0] for row in database.execute("PRAGMA integrity_check")]
        if found != ["ok"]:
            raise Failure(f"{self.name}: integrity_check: {found[:5]}")
        done = self.run("verify", "--self", "--json", "--config", str(self.config), within=1800)
        if done.returncode != 0:
            raise Failure(f"{self.name}: verify --self: status {done.returncode}: {done.stdout[:2000]}{done.stderr[:500]}")


class Ring:
    """Some nodes of one machine, each a peer of every other, or as `links` says."""

    def __init__(
        self, program: str | Path, names: Iterable[str], *, interval: str = "1s", directory: str | Path | None = None,
        keep: bool = False, links: Callable[[Node, Node], str | None] = lambda node, peer: peer.endpoint,
        make: Callable[[str, Path, Path], Node] = Node, **settings: str,
    ) -> None:
        """Makes the nodes. `links(node, peer)` is the endpoint by which a node reaches a peer; None for no entry.

        Without a directory they live in a temporary one, which goes unless `keep`. `make` makes a node of its name,
        its directory and the program.
        """
        self.program = Path(program).resolve()
        if not os.access(self.program, os.X_OK):
            raise Failure(f"no program at {self.program}")
        self._keep = keep or directory is not None
        self.directory = Path(directory) if directory else Path(tempfile.mkdtemp(prefix="federation-ring-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.nodes: list[Node] = []
        self._handlers: dict[int, Any] = {}
        try:
            for name in names:
                self.nodes.append(make(name, self.directory / name, self.program).init(interval))
            for node in self.nodes:
                for peer in self.nodes:
                    if peer is not node and (endpoint := links(node, peer)):
                        node.add_peer(peer.name, endpoint)
                node.configure(**settings)
        except BaseException:
            self.close()
            raise

    def __getitem__(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __enter__(self) -> Self:
        def end(number: int, frame: FrameType | None) -> None:
            sys.exit(128 + number)

        for number in (signal.SIGTERM, signal.SIGHUP):
            with contextlib.suppress(ValueError):  # Only the main thread has handlers.
                self._handlers[number] = signal.signal(number, end)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self.close()

    def add_copy(self, node: Node, name: str) -> Node:
        """A directory that was copied with everything in it, under another name and with a port of its own."""
        shutil.copytree(node.directory, self.directory / name, ignore=shutil.ignore_patterns("*.sock"))
        copy = Node(name, self.directory / name, self.program)
        copy.settings, copy.peers = dict(node.settings), {**node.peers, node.name: [f"endpoint: {node.endpoint}"]}
        copy.configure()
        self.nodes.append(copy)
        return copy

    def start(self, **arguments: Any) -> None:
        for node in self.nodes:
            node.start(**arguments)

    def stop(self) -> None:
        """Stops each daemon that runs; each must end well."""
        for node in self.nodes:
            if node.is_running:
                node.stop()

    def close(self) -> None:
        """Ends everything, and removes what was made in a temporary directory."""
        for node in self.nodes:
            node.destroy()
        if not self._keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    def agree(
        self, within: float = 60, *, nodes: Sequence[Node] | None = None, events: Iterable[str] = (),
        at_least: int = 0, before: int = 1 << 47, pause: float = 0.1,
    ) -> Digest:
        """Waits until the running nodes have one and the same log, and gives what that is.

        It must have `at_least` so many events, and hold each of `events`; an event that is there twice is a failure at once.
        Where events are written meanwhile, `before` leaves out those that were minted later (milliseconds since 1970).
        """
        asked = list(nodes) if nodes is not None else [node for node in self.nodes if node.is_running]
        seen: dict[str, str] = {}

        def equal() -> Digest | None:
            digests = set()
            for node in asked:
                if not node.is_running:
                    raise Failure(f"{node.name} has ended with {node.process and node.process.returncode}; {node.tail()}")
                try:
                    digest = node.digest(before)
                except (OSError, http.client.HTTPException, Refused) as error:
                    seen[node.name] = repr(error)
                    return None
                seen[node.name] = str(digest)
                digests.add(digest)
            first = next(iter(digests))
            return first if len(digests) == 1 and first.count >= at_least else None

        agreed = eventually(lambda: f"{len(asked)} nodes agree; last seen: {seen}", within, equal, pause)
        if wanted := set(events):
            for node in asked:
                node.hold_to(wanted)
        return agreed
