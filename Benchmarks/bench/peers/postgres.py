"""PostgreSQL 15 logical replication between two clusters on loopback: the durable bar.

The table has the columns of our event table, and the same indexes. `fsync` is on, and everything is as Debian ships it
but `wal_level`. Three ways to catch up, each a contestant:

- `streamed`: the subscriber reads the backlog, transactions of 1,000 events, and flushes each commit as we do;
- `streamed, flushed behind`: the same with a subscription's own default, `synchronous_commit = off`, which tells the
  publisher what is flushed, and flushes when it comes to it;
- `initial copy`: the table is copied in one transaction, as a new subscription does by default.
"""

import hashlib, io, os, pwd, shutil, signal, sqlite3, subprocess, time
from contextlib import closing
from pathlib import Path

import psycopg2

from node import free_port
from processes import eventually
from sample import Meter, Sample

BIN = Path("/usr/lib/postgresql/15/bin")
PAGE = 1000
TABLE = """
    CREATE TABLE events(
        seq bigint PRIMARY KEY, id text NOT NULL UNIQUE, digest bytea NOT NULL, signed_hash bytea NOT NULL,
        origin text NOT NULL, origin_name text NOT NULL, number bigint, subject text NOT NULL, action text NOT NULL,
        family text NOT NULL, scope text, timestamp text NOT NULL, clock text NOT NULL, signature text, public_key text,
        verified integer NOT NULL, peer text NOT NULL, received_at bigint NOT NULL, data_seen integer NOT NULL,
        hold text, replacements integer NOT NULL, replaced_at bigint, stub bytea, data bytea,
        CHECK ((data IS NULL) <> (stub IS NULL)));
    CREATE INDEX events_by_subject ON events(subject, id);
    CREATE INDEX events_by_number ON events(origin, number) WHERE number IS NOT NULL;
    CREATE INDEX events_held ON events(id) WHERE hold IS NOT NULL;
    CREATE INDEX events_by_item ON events(substr(id, 1, 10), digest);
    CREATE INDEX events_unproved ON events(seq, verified) WHERE verified NOT IN (2, 3, 4);
"""
COLUMNS = (
    "seq, id, digest, signed_hash, origin, origin_name, number, subject, action, family, scope, timestamp, clock, "
    "signature, public_key, verified, peer, received_at, data_seen, hold, replacements, replaced_at, stub, data"
)


def version() -> str:
    return subprocess.run([BIN / "postgres", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def as_postgres() -> list[str]:
    """PostgreSQL refuses to be run by root."""
    return [] if os.geteuid() else ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


class Cluster:
    """One PostgreSQL cluster in a directory."""

    def __init__(self, directory: Path, template: Path | None = None):
        self.directory, self.port = directory, free_port()
        self.process: subprocess.Popen | None = None
        if template:
            subprocess.run(["cp", "-a", template, directory], check=True)
            return
        directory.mkdir()
        if not os.geteuid():
            account = pwd.getpwnam("postgres")
            os.chown(directory, account.pw_uid, account.pw_gid)
        subprocess.run(
            [
                *as_postgres(),
                BIN / "initdb",
                "-D",
                directory,
                "-U",
                "postgres",
                "--auth=trust",
                "-E",
                "UTF8",
                "--locale=C",
            ],
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def start(self) -> None:
        settings = [
            "wal_level=logical",
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            "max_replication_slots=40",
            "max_wal_senders=40",
            f"unix_socket_directories={self.directory}",
        ]
        words = [word for setting in settings for word in ("-c", setting)]
        log = open(self.directory / "server.log", "w")
        self.process = subprocess.Popen(
            [*as_postgres(), str(BIN / "postgres"), "-D", str(self.directory), *words], stdout=log, stderr=log
        )
        eventually("PostgreSQL starts", self._answers, timeout=60)

    def _answers(self) -> bool:
        try:
            self.connect().close()
            return True
        except psycopg2.OperationalError:
            return False

    def connect(self):
        link = psycopg2.connect(host=str(self.directory), port=self.port, user="postgres", dbname="postgres")
        link.autocommit = True
        return link

    def run(self, *statements: str) -> None:
        with closing(self.connect()) as link, link.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGINT)  # A fast shutdown.
            self.process.wait(timeout=120)
            self.process = None


class Source:
    """The publishing cluster with the rows of our source's event table, and the backlog kept for each run to come."""

    def __init__(self, root: Path, database: Path, runs: int):
        self.root = root
        root.chmod(0o755)
        self.cluster = Cluster(root / "pg-source")
        self.template = root / "pg-template"
        subprocess.run(["cp", "-a", self.cluster.directory, self.template], check=True)
        self.cluster.start()
        slots = [f"SELECT pg_create_logical_replication_slot('slot_{number}', 'pgoutput')" for number in range(runs)]
        self.cluster.run(TABLE, "CREATE PUBLICATION everything FOR TABLE events", *slots)
        self.digest = hashlib.md5()
        self.events = self._load(database)
        self.cluster.run("CHECKPOINT")
        self.free_slots = list(range(runs))

    def _load(self, database: Path) -> int:
        """Commits the log's rows, so many a transaction as our pages have events."""
        rows = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        count = 0
        with closing(self.cluster.connect()) as link, link.cursor() as cursor:
            found = rows.execute(f"SELECT {COLUMNS} FROM events ORDER BY seq")
            while page := found.fetchmany(PAGE):
                for row in page:
                    self.digest.update(row[2].hex().encode())
                cursor.copy_expert(f"COPY events({COLUMNS}) FROM STDIN", _copy_text(page))
                count += len(page)
        rows.close()
        return count

    def close(self) -> None:
        self.cluster.stop()


def _copy_text(page: list[tuple]):
    return io.StringIO("".join("\t".join(map(_field, row)) + "\n" for row in page))


def _field(value) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


class CatchUp:
    """A subscriber that begins empty."""

    def __init__(self, source: Source, way: str, endpoint_port: int | None = None):
        self.source, self.way = source, way
        self.name = f"PostgreSQL, {way}"
        self.port = endpoint_port or source.cluster.port

    def run(self, index: int) -> Sample:
        source = self.source
        slot = f"slot_{source.free_slots.pop()}"
        follower = Cluster(source.root / f"pg-follower-{index}", template=source.template)
        follower.start()
        try:
            follower.run(TABLE)
            copied = self.way == "initial copy"
            options = (
                ["copy_data = true"]
                if copied
                else ["copy_data = false", "create_slot = false", f"slot_name = '{slot}'"]
            )
            flushed = "off" if self.way == "streamed, flushed behind" else "on"
            meter = Meter(source.cluster.process.pid, follower.process.pid)
            follower.run(
                f"CREATE SUBSCRIPTION follower CONNECTION 'host=127.0.0.1 port={self.port} user=postgres "
                f"dbname=postgres' PUBLICATION everything WITH ({', '.join(options)}, "
                f"synchronous_commit = {flushed})"
            )
            spent = self._caught_up(follower, meter.begun)
            sample = meter.stop(source.events, spent)
            self._check(follower)
            detach = ["ALTER SUBSCRIPTION follower DISABLE"]
            if not copied:
                detach.append("ALTER SUBSCRIPTION follower SET (slot_name = NONE)")
            eventually(
                "the subscription ends",
                lambda: self._done(follower, *detach, "DROP SUBSCRIPTION follower"),
                timeout=30,
                every=0.5,
            )
        finally:
            follower.stop()
            shutil.rmtree(follower.directory)
        drop = f"SELECT pg_drop_replication_slot('{slot}')"
        # Over a slow line the publisher learns later that nobody reads any more.
        eventually("the slot is free", lambda: self._done(source.cluster, drop), timeout=60, every=0.2)
        return sample

    def _caught_up(self, follower: Cluster, begun: float) -> float:
        """Seconds until the last event of the log is committed there."""
        with closing(follower.connect()) as link, link.cursor() as cursor:

            def is_there() -> bool:
                cursor.execute("SELECT max(seq) FROM events")
                return cursor.fetchone()[0] == self.source.events

            eventually("PostgreSQL caught up", is_there, timeout=1800)
            return time.monotonic() - begun

    def _check(self, follower: Cluster) -> None:
        with closing(follower.connect()) as link, link.cursor() as cursor:
            cursor.execute("SELECT count(*), md5(string_agg(encode(digest, 'hex'), '' ORDER BY seq)) FROM events")
            found = cursor.fetchone()
        if found != (self.source.events, self.source.digest.hexdigest()):
            raise SystemExit(f"PostgreSQL: the follower has {found}")

    @staticmethod
    def _done(cluster: Cluster, *statements: str) -> bool:
        """Whether statements went through; `False` while something still holds the slot."""
        try:
            cluster.run(*statements)
            return True
        except psycopg2.Error:
            return False
