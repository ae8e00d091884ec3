#!/usr/bin/env python3
"""What a node costs that has many events: opening it, adding to it, checking it, and bringing an old one up to date.

    store.py PROGRAM STOREBENCH [--events 1000000] [--old-events 200000]

PROGRAM is `federation`, STOREBENCH fills a database (Benchmarks/StoreBench); both release builds. A database of the
first schema, as 0.1.0 wrote it, is made by taking out of a filled one what later schemas added. Every figure is the
best of three, with the peak of the process's memory.
"""
import argparse, os, shutil, socket, sqlite3, subprocess, sys, tempfile, time

# What the steps after the first one made (Sources/FederationStore/Schema.swift).
FIRST_SCHEMA = """
    DROP TRIGGER arrival_lost; DROP VIEW arrivals; DROP TABLE arrival_blocks; DROP INDEX records_incomplete;
    DROP INDEX quarantine_by_time; ALTER TABLE events DROP COLUMN verified_by; ALTER TABLE events DROP COLUMN verified_at;
    DROP TABLE holes; DROP TRIGGER event_lost; DROP TABLE events_lost; DROP INDEX events_by_item; DROP TABLE item_blocks;
    DROP INDEX quarantine_by_digest; ALTER TABLE quarantine DROP COLUMN digest; DROP INDEX events_unproved;
    DROP TABLE attestations; ALTER TABLE origins DROP COLUMN sum; PRAGMA user_version = 1;
"""


def measured(*command, until=None):
    """Seconds to the end of a command, or until a line of its log holds some words; and its peak memory in MB."""
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if until and until in line:
            break
    spent = time.monotonic() - begun
    if until:
        process.terminate()
        process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in ((0,) if not until else (0, -15)):
        sys.exit("".join(lines))
    return spent, usage.ru_maxrss / 1024, "".join(lines)


def best(run, times=3):
    return min((run() for _ in range(times)), key=lambda result: result[0])


def show(what, result):
    print(f"{what:<58} {result[0] * 1000:>10,.0f} ms  {result[1]:>6,.1f} MB", flush=True)


def inserted(path, dropped, rows=20_000):
    """Microseconds a row, of rows that come after all others; what an index costs is the difference without it."""
    with sqlite3.connect(path, isolation_level=None) as database:
        for name in dropped:
            database.execute(f"DROP INDEX {name}")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        columns = [row[1] for row in database.execute("PRAGMA table_info(events)")]
        changed = {"seq": "NULL", "id": "'7' || substr(id, 2)", "digest": "randomblob(32)", "number": "number + 100000000"}
        values = ", ".join(changed.get(name, name) for name in columns)
        head = database.execute("SELECT max(seq) FROM events").fetchone()[0]
        begun = time.monotonic()
        for first in range(head - rows, head, 1000):
            database.execute("BEGIN IMMEDIATE")
            database.execute(f"INSERT INTO events SELECT {values} FROM events WHERE seq > ? AND seq <= ?",
                             (first, first + 1000))
            database.execute("COMMIT")
        spent = time.monotonic() - begun
    database.close()
    return spent / rows * 1e6


def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Node:
    def __init__(self, options, root, name, events):
        self.options, self.directory = options, f"{root}/{name}"
        subprocess.run([options.program, "init", self.directory, "--name", name, "--listen", f"127.0.0.1:{port()}"],
                       check=True, stdout=subprocess.DEVNULL)
        begun = time.monotonic()
        subprocess.run([options.storebench, "fill", self.database, str(events)], check=True)
        print(f"# {events:,} events in {time.monotonic() - begun:.0f} s, {os.path.getsize(self.database) / 1e6:,.0f} MB")

    @property
    def database(self):
        return f"{self.directory}/data/federation.db"

    def command(self, *words):
        return lambda: measured(self.options.program, *words, "--config", f"{self.directory}/federation.yaml")

    def start(self):
        return measured(self.options.program, "run", "--config", f"{self.directory}/federation.yaml", until=" running ")

    def migrated(self):
        """One migration: the database is put back to the first schema before it, which is not counted."""
        with sqlite3.connect(self.database) as database:
            database.executescript(FIRST_SCHEMA)
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        return self.command("status", "--brief")()

    def copied(self, root):
        """The node with its file put in another place would be a copy; for StoreBench alone that does not matter."""
        target = f"{root}/copy.db"
        shutil.copyfile(self.database, target)
        return target


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("storebench")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--old-events", type=int, default=200_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        empty = Node(options, root, "empty", 0)
        full = Node(options, root, "full", options.events)
        for node, words in ((empty, "no events"), (full, f"{options.events:,} events")):
            node.start()  # The first start after a fill writes what the fill left to do.
            show(f"start of the daemon, {words}", best(node.start))
            show(f"'status --brief', {words}", best(node.command("status", "--brief")))
        print("# an event added, durable, pages of 1,000:")
        for node in (empty, full):
            print("  " + measured(options.storebench, "append", node.copied(root), "20000")[2].strip(), flush=True)
        print("# the row alone, by plain SQL, durable, 1,000 a transaction:")
        ways = {"as it is": (), "without the index of items": ("events_by_item",),
                "without that of numbers": ("events_by_number",)}
        spent = {what: [] for what in ways}
        for _ in range(3):
            for what, drops in ways.items():
                spent[what].append(inserted(full.copied(root), drops))
        for what, times in spent.items():
            print(f"  {what}: {min(times):.1f} us", flush=True)
        show(f"'verify --self', {options.events:,} events", best(full.command("verify", "--self"), 1))
        show(f"from the first schema to this one, {options.events:,} events", best(full.migrated))
        old = Node(options, root, "old", options.old_events)
        old.start()
        show(f"from the first schema to this one, {options.old_events:,} events", best(old.migrated))
        show(f"'status --brief' after it, {options.old_events:,} events", best(old.command("status", "--brief")))


main()
