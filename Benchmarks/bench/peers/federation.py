"""`federation` itself, and its engine driven as a plain poll: what both are compared with stands beside them here."""

import hashlib, os, shutil, sqlite3, subprocess, time
from contextlib import closing
from pathlib import Path

from corpus import Corpus
from node import Node
from processes import eventually
from sample import Meter, Sample


def policy(corpus: Corpus) -> str:
    """Where nothing is signed, nobody looks; where it is, every signature counts."""
    return "off" if corpus.shape.kind == "unsigned" else "enforce"


class Source:
    """A node that has the whole log, and serves it."""

    def __init__(self, program: str, root: Path, corpus: Corpus):
        self.program, self.root, self.corpus, self.events = program, root, corpus, corpus.shape.events
        self.node = Node(program, root / "source", verify=policy(corpus))
        self.node.fill(corpus)
        self.node.start()
        self.node.wait_until_listening()
        settle(self.node)
        self.digest = self.node.digest()
        if self.digest[0] != self.events:
            raise SystemExit(f"the source has {self.digest[0]} of {self.events} events: {self.node.log_text()[-2000:]}")

    def close(self) -> None:
        self.node.stop()


def settle(node: Node, quiet: float = 0.5, timeout: float = 900) -> None:
    """Waits until a daemon has done what it does after a start: its processor is idle for half a second."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        before = node.usage().cpu
        time.sleep(quiet)
        if node.usage().cpu - before <= 0.02:
            return
    raise TimeoutError(f"{node.name} does not come to rest")


class CatchUp:
    """A daemon that begins empty; timed from its start as a process."""

    name = "federation"

    def __init__(self, source: Source, endpoint: str | None = None):
        self.source, self.endpoint = source, endpoint or source.node.url

    def run(self, index: int) -> Sample:
        source = self.source
        follower = Node(source.program, source.root / f"follower-{index}", verify=policy(source.corpus))
        follower.configure([("source", self.endpoint)])
        begun = time.monotonic()
        follower.start()
        try:
            meter = Meter(source.node.process.pid, follower.process.pid, from_birth=True)
            eventually("federation caught up", lambda: follower.head() >= source.events, timeout=3600)
            sample = meter.stop(source.events, time.monotonic() - begun)
            eventually("equal digests", lambda: follower.digest() == source.digest, timeout=30)
        finally:
            follower.stop()
            shutil.rmtree(follower.directory)
        return sample


class PagedPoll:
    """The same store and intake, one page asked for at a time; Benchmarks/PagedPoll."""

    def __init__(self, program: str, source: Source, page: int = 100, commit: int = 1, endpoint: str | None = None):
        self.program, self.source, self.page, self.commit = program, source, page, commit
        self.endpoint = endpoint or source.node.url
        each = "a commit an event" if commit == 1 else f"{commit:,} events a commit"
        self.name = f"paged poll, {page:,} a page, {each}"

    def run(self, index: int) -> Sample:
        source = self.source
        database = source.root / f"paged-{index}.db"
        process = subprocess.Popen(
            [self.program, self.endpoint, database, str(self.page), str(self.commit)], stdout=subprocess.PIPE, text=True
        )
        meter = Meter(source.node.process.pid, process.pid, from_birth=True)
        try:
            # Its own word, before it is waited for: its processor time can still be read.
            said = process.stdout.readline()
            sample = meter.stop(source.events)
            process.wait()
            same = digests(database) == digests(source.node.database)
        finally:
            process.kill()
            process.wait()
            for path in source.root.glob(f"paged-{index}.db*"):
                os.unlink(path)
        if said.strip() != f"{source.events} events" or not same:
            raise SystemExit(f"PagedPoll: {said!r}, not the source's log")
        return sample


def digests(database: Path) -> str:
    """A hash over the digests of all events in a database, in order of arrival."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as rows:
        found = hashlib.sha256()
        for (digest,) in rows.execute("SELECT digest FROM events ORDER BY seq"):
            found.update(digest)
    return found.hexdigest()
