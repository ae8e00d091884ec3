#!/usr/bin/env python3
"""A replayer that keeps a table of what every record says, and a journal of every event, in SQLite.

Each event's effect and what names it are written in one transaction, so that an event which is given again, because this
program or the node was killed before the answer was on disk, has no second effect: exactly once. It is named by its id and
digest, which stay the same where the node's own database was brought back from a backup and `seq` is another.

    replayers:
      - name: table
        replayer: exec
        command: [python3, replayer.py, table.db]

docs/replayers.md describes the protocol. Python 3.9 and its standard library are all that is needed.
"""
import json
import sqlite3
import sys

SCHEMA = """
    CREATE TABLE IF NOT EXISTS given(id TEXT, digest TEXT, has_data INTEGER, seq INTEGER, PRIMARY KEY(id, digest, has_data)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS records(subject TEXT PRIMARY KEY, title TEXT, state TEXT);
    CREATE TABLE IF NOT EXISTS totals(action TEXT PRIMARY KEY, events INTEGER);
"""
STATES = {"archive": "archived", "unarchive": "active", "trash": "trashed", "recover": "active"}


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    # Answers that wait in a buffer are answers that were not given.
    sys.stdout.flush()


def apply(db, event):
    """The effect of one event: whatever this program is for."""
    action, subject = event["action"], event["subject"]
    if action in ("create", "update") and isinstance(event.get("data"), dict):
        # A text may hold half of a surrogate pair, which no database takes.
        title = str(event["data"].get("title", "")).encode("utf-8", "replace").decode("utf-8")
        db.execute(
            "INSERT INTO records VALUES (?, ?, 'active') ON CONFLICT(subject) DO UPDATE SET title = excluded.title",
            (subject, title))
    elif action in STATES:
        db.execute("UPDATE records SET state = ? WHERE subject = ?", (STATES[action], subject))
    elif action in ("purge", "purge_long_term", "purge_hard"):
        db.execute("DELETE FROM records WHERE subject = ?", (subject,))
    db.execute(
        "INSERT INTO totals VALUES (?, 1) ON CONFLICT(action) DO UPDATE SET events = events + 1", (action,))


def take(db, event):
    with db:  # one transaction
        # Once more when data arrives that was missing.
        name = (event["id"], event["digest"], "data" in event)
        if db.execute("SELECT 1 FROM given WHERE id = ? AND digest = ? AND has_data = ?", name).fetchone() is None:
            apply(db, event)
            db.execute("INSERT INTO given VALUES (?, ?, ?, ?)", (*name, event["seq"]))
        else:
            db.execute("UPDATE given SET seq = ? WHERE id = ? AND digest = ? AND has_data = ?", (event["seq"], *name))
    # Only now: the transaction is on disk.
    say({"type": "ok", "seq": event["seq"], "id": event["id"]})


def main():
    db = sqlite3.connect(sys.argv[1] if len(sys.argv) > 1 else "table.db")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(SCHEMA)
    # Without the last place the node would not notice that this database is an older copy of itself.
    last = db.execute("SELECT seq, id FROM given ORDER BY seq DESC LIMIT 1").fetchone()
    say({
        "type": "hello", "protocol": 1, "name": "table", "version": "1",
        "after": {"seq": last[0], "id": last[1]} if last else None,
    })
    for line in sys.stdin.buffer:  # bytes: the protocol is UTF-8, whatever the locale is
        if not line.endswith(b"\n"):
            break  # The node was killed in the middle of a line.
        message = json.loads(line)
        if message["type"] == "event":
            try:
                take(db, message)
            except sqlite3.OperationalError as error:  # the disk is full, say: worth another try
                say({
                    "type": "fail", "seq": message["seq"], "id": message["id"], "code": "unavailable",
                    "reason": str(error)})
            except Exception as error:  # an event that this program cannot deal with ends nothing
                say({
                    "type": "fail", "seq": message["seq"], "id": message["id"], "code": "invalid",
                    "reason": type(error).__name__})
        elif message["type"] == "hello" and message["protocol"] != 1:
            sys.exit("this program speaks version 1 of the protocol")
    # The end of standard input is the sign to stop.


if __name__ == "__main__":
    main()
