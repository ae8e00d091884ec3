"""Redis 7.0 streams: a replica of an instance that holds the log as one stream.

Both append every command to their files and flush it before they answer (`appendfsync always`). A replica that begins
empty is sent a snapshot of the memory, not the history; what comes later is sent as it is written. Either end holds all
of it in memory.
"""

import hashlib, shutil, subprocess
from pathlib import Path

import redis

from corpus import Corpus
from node import free_port
from processes import eventually
from sample import Meter, Sample

STREAM = "events"


def version() -> str:
    return subprocess.run(["redis-server", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


class Server:
    """One redis-server in a directory."""

    def __init__(self, directory: Path):
        directory.mkdir()
        self.directory, self.port = directory, free_port()
        log = open(directory / "server.log", "w")
        self.process = subprocess.Popen(
            [
                "redis-server",
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--dir",
                directory,
                "--save",
                "",
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
                "--repl-diskless-sync-delay",
                "0",
                "--daemonize",
                "no",
            ],
            stdout=log,
            stderr=log,
        )
        self.client = redis.Redis(port=self.port)
        eventually("Redis starts", self._answers, timeout=60)

    def _answers(self) -> bool:
        try:
            return self.client.ping()
        except redis.exceptions.ConnectionError:
            return False

    def stop(self) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait(timeout=120)


class Source:
    """An instance with every event of a log in one stream."""

    def __init__(self, root: Path, corpus: Corpus):
        self.root, self.events = root, corpus.shape.events
        self.server = Server(root / "redis-source")
        for first in range(0, self.events, 1000):
            batch = self.server.client.pipeline(transaction=False)
            for line in corpus.lines(first, 1000).splitlines():
                batch.xadd(STREAM, {"e": line})
            batch.execute()
        self.digest = digest(self.server)

    def close(self) -> None:
        self.server.stop()


def digest(server: Server) -> tuple[int, bytes]:
    """How many events a server has, and a hash of them with their places."""
    found, count, last = hashlib.sha256(), 0, "-"
    while page := server.client.xrange(STREAM, min=last, count=1000):
        for place, fields in page:
            found.update(place + fields[b"e"])
        count += len(page)
        last = "(" + page[-1][0].decode()
    return count, found.digest()


class CatchUp:
    """A replica that begins empty."""

    name = "Redis stream, replica"

    def __init__(self, source: Source, port: int | None = None):
        self.source, self.port = source, port or source.server.port

    def run(self, index: int) -> Sample:
        source = self.source
        follower = Server(source.root / f"redis-follower-{index}")
        try:
            meter = Meter(source.server.process.pid, follower.process.pid)
            follower.client.replicaof("127.0.0.1", self.port)
            eventually("Redis caught up", lambda: self._is_level(follower), timeout=1800)
            sample = meter.stop(source.events)
            if digest(follower) != source.digest:
                raise SystemExit("Redis: the replica is not the source")
        finally:
            follower.stop()
            shutil.rmtree(follower.directory)
        return sample

    def _is_level(self, follower: Server) -> bool:
        """The link is up, the snapshot is loaded, and the file that a restart would read is written."""
        try:
            facts = follower.client.info()
        except (redis.exceptions.BusyLoadingError, redis.exceptions.ResponseError):
            return False
        return (
            facts["master_link_status"] == "up"
            and not facts["master_sync_in_progress"]
            and not facts["aof_rewrite_in_progress"]
            and not facts["aof_rewrite_scheduled"]
            and follower.client.xlen(STREAM) == self.source.events
        )
