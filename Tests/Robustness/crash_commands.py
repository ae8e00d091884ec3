"""Commands that take several steps, killed between two of them: whether the next command goes through, and nothing is lost.

One node and its peer live through all of it: what a killed command left behind is what the next one finds.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from crash_ring import check_events, check_sound, log_of
from ring import DATABASE, Failure, Node, eventually

# By what command each point is passed, and how often in one run of it at least.
COMMAND_POINTS: dict[str, tuple[str, int]] = {
    "made-file": ("init", 1), "migration-step": ("init", 8), "setup-key-made": ("init", 1),
    "setup-database-made": ("init", 1), "secret-written": ("init", 1), "secret-flushed": ("init", 1),
    "secret-linked": ("init", 1), "draft-written": ("edit", 1), "draft-flushed": ("edit", 1), "draft-named": ("edit", 1),
    "next-key-made": ("rotate", 1), "successor-named": ("rotate", 1), "next-key-promoted": ("rotate", 1),
    "new-identity-key-made": ("renew", 1), "cursors-forgotten": ("recover_identity", 1),
    "own-events-fetched": ("recover_identity", 1), "after-copy": ("backup", 1), "wrote-kept-files": ("backup", 1),
    "after-furnish": ("backup", 1), "backup-hash-gone": ("backup", 1), "backup-named": ("backup", 1),
    "restore-copied": ("restore", 1), "after-unfurnish": ("restore", 1), "restore-settled": ("restore", 1),
    "compacted-records": ("compact", 1), "before-rewrite": ("compact", 1), "after-rewrite": ("compact", 1),
    "before-checkpoint": ("compact", 1), "after-checkpoint": ("compact", 1), "upgrade-batch": ("upgrade", 1),
    "recover-rebuilt": ("recover", 1), "recover-database-aside": ("recover", 1), "recover-all-aside": ("recover", 1),
}


class CommandCrash:
    """A node that commands are killed on, and a peer that has what it wrote."""

    def __init__(self, program: Path, seed: int) -> None:
        self.program, self.seed = program.resolve(), seed
        self.root = Path(tempfile.mkdtemp(prefix="federation-commands-"))
        self.node: Node | None = None
        self.peer: Node | None = None
        self.acknowledged: set[str] = set()
        self.made = 0

    def close(self) -> None:
        for node in (self.node, self.peer):
            if node is not None:
                node.destroy()
        shutil.rmtree(self.root, ignore_errors=True)

    def kill(self, point: str, times: int, chance: random.Random) -> str:
        """Has a command die at a point, and checks what it left. The name under which the kill counts."""
        what, passes = COMMAND_POINTS[point]
        scenario: Callable[[str, random.Random], None] = getattr(self, what)
        try:
            scenario(f"{point}:{1 + (times - 1) % passes}", chance)
        except BaseException:
            # The next one begins anew.
            for node in (self.node, self.peer):
                if node is not None:
                    node.destroy()
            self.node = self.peer = None
            raise
        return point

    # What is common to all

    def _pair(self) -> tuple[Node, Node]:
        """The node, stopped, with some records; and its peer, which runs and has them."""
        if self.node is None or self.peer is None:
            self.made += 1
            self.acknowledged = set()
            directory = self.root / str(self.made)
            node = Node("kappa", directory / "kappa", self.program).init("200ms")
            peer = Node("pi", directory / "pi", self.program).init("200ms")
            node.add_peer("pi", peer.endpoint)
            peer.add_peer("kappa", node.endpoint)
            node.configure()
            peer.configure()
            peer.start()
            self.node, self.peer = node, peer
            self._write(20)
        return self.node, self.peer

    def _write(self, count: int) -> None:
        """Some records and an edit of each, which the peer has then as well. The node stands still afterwards."""
        node, peer = self.node, self.peer
        assert node is not None and peer is not None
        node.start()
        for number in range(count):
            facts = node.control("put", file="-", text=f"# Note {len(self.acknowledged)}-{number}\n\n{'x' * 300}\n")
            self.acknowledged.update(facts["events"])
            self.acknowledged.update(node.put("# Edited\n\n" + "y" * 300 + "\n", id=facts["id"]))
        wanted = node.digest()
        eventually(lambda: f"pi has what kappa wrote: {node.digest()}, {peer.digest()}", 60,
                   lambda: peer.digest().count >= wanted.count, 0.05)
        node.stop()

    def _killed(self, node: Node, point: str, *arguments: str) -> None:
        """Runs a command that must die at the point."""
        done = subprocess.run(
            [str(self.program), *arguments, "--config", str(node.config)], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=120, env={**os.environ, "FEDERATION_FAIL_POINT": point})
        if done.returncode != -signal.SIGKILL:
            raise Failure(f"{arguments[0]} did not die at {point}: {done.returncode} {done.stdout[-300:]} {done.stderr[-300:]}")

    def _goes_on(self, node: Node, *arguments: str, text: str | None = None) -> str:
        """Runs a command that must go through."""
        done = node.run(*arguments, "--config", str(node.config), stdin=text, within=120)
        if done.returncode != 0:
            raise Failure(f"{arguments} after a kill: {done.returncode} {done.stdout[-500:]} {done.stderr[-500:]}")
        return done.stdout

    def _check(self, node: Node) -> None:
        """Sound, with everything that was acknowledged; and it writes again."""
        with log_of(node.data) as database:
            check_sound(database, node.name)
            check_events(database, node.name, self.acknowledged)
        facts = node.command("verify", "--self")
        if not facts.get("ok", False):
            raise Failure(f"verify --self of {node.name}: {facts}")
        self._goes_on(node, "put", "-", text="# After a kill\n")

    # The commands

    def init(self, point: str, chance: random.Random) -> None:
        directory = self.root / f"init-{chance.randrange(1 << 40):x}"
        node = Node("iota", directory, self.program)
        arguments = ["init", str(directory), "--name", "iota", "--listen", f"127.0.0.1:{node.port}"]
        done = subprocess.run(
            [str(self.program), *arguments], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
            env={**os.environ, "FEDERATION_FAIL_POINT": point})
        if done.returncode != -signal.SIGKILL:
            raise Failure(f"init did not die at {point}: {done.returncode} {done.stderr}")
        if node.config.exists():
            raise Failure(f"init that died at {point} has left a configuration")
        again = node.run(*arguments)
        if again.returncode != 0:
            # It overwrites nothing, not even the half of a node, and says what is in the way.
            if "exists already" not in again.stderr:
                raise Failure(f"init after a kill at {point}: {again.returncode} {again.stderr}")
            shutil.rmtree(directory)
            again = node.run(*arguments)
        if again.returncode != 0:
            raise Failure(f"init in an empty directory: {again.stderr}")
        self._goes_on(node, "put", "-", text="# First\n")
        shutil.rmtree(directory)

    def edit(self, point: str, chance: random.Random) -> None:
        node, _ = self._pair()
        before = node.config.read_bytes()
        self._killed(node, point, "pause-peer", "pi")
        if node.config.read_bytes() != before and b"paused" not in node.config.read_bytes():
            raise Failure(f"half of a configuration: {node.config.read_bytes()!r}")
        self._goes_on(node, "check")
        self._goes_on(node, "pause-peer", "pi")
        self._goes_on(node, "resume-peer", "pi")
        node.configure()
        self._check(node)

    def rotate(self, point: str, chance: random.Random) -> None:
        node, _ = self._pair()
        self._killed(node, point, "keygen", "--force")
        self._goes_on(node, "key", "fingerprint")
        self._check(node)
        self._write(1)

    def renew(self, point: str, chance: random.Random) -> None:
        node, peer = self._pair()
        before = node.command("identity", "show")["id"]
        self._killed(node, point, "identity", "new", "--yes")
        if node.command("identity", "show")["id"] != before:
            raise Failure("an identity that was never committed")
        self._check(node)
        self._goes_on(node, "identity", "new", "--yes")
        self._goes_on(peer, "reset-peer", "kappa", "--yes")
        self._write(1)
        self._check(node)

    def recover_identity(self, point: str, chance: random.Random) -> None:
        node, _ = self._pair()
        database = node.data / DATABASE
        # Folded in: the database of last week is one file.
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        old = database.read_bytes()
        known = set(self.acknowledged)
        self._write(3)
        database.write_bytes(old)
        for end in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                (node.data / (DATABASE + end)).unlink()
        self.acknowledged, later = known, self.acknowledged
        self._killed(node, point, "identity", "recover")
        with log_of(node.data) as left:
            check_sound(left, node.name)
            check_events(left, node.name, known)
        self._goes_on(node, "identity", "recover")
        self.acknowledged = later
        self._check(node)
        self._write(1)

    def backup(self, point: str, chance: random.Random) -> None:
        node, _ = self._pair()
        target = self.root / "backup.db"
        had = target.exists()
        self._killed(node, point, "backup", str(target), "--force", "--with-key")
        if had and not target.exists():
            raise Failure("the backup that there was is gone")
        if target.exists():
            self._goes_on(node, "backup", "--verify", str(target))
        self._goes_on(node, "backup", str(target), "--force", "--with-key")
        self._goes_on(node, "backup", "--verify", str(target))
        left = [path.name for path in self.root.iterdir() if path.name.endswith(".new")]
        if left:
            raise Failure(f"drafts are left: {left}")
        self._check(node)

    def restore(self, point: str, chance: random.Random) -> None:
        node, _ = self._pair()
        source = self.root / f"restore-{chance.randrange(1 << 40):x}.db"
        self._goes_on(node, "backup", str(source), "--with-key")
        target = Node("rho", self.root / f"rho-{chance.randrange(1 << 40):x}", self.program)
        target.directory.mkdir()
        self._killed(target, point, "restore", str(source))
        if (target.data / DATABASE).exists():
            raise Failure(f"restore that died at {point} has left a database")
        self._goes_on(target, "restore", str(source))
        self._check(target)
        shutil.rmtree(target.directory)
        source.unlink()

    def compact(self, point: str, chance: random.Random) -> None:
        node, _ = self._pair()
        self._write(2)
        self._killed(node, point, "compact", "--keep-days", "0", "--vacuum")
        self._check(node)
        self._goes_on(node, "compact", "--keep-days", "0", "--vacuum")
        self._check(node)

    def upgrade(self, point: str, chance: random.Random) -> None:
        node, _ = self._pair()
        # As after an upgrade: records of an older function.
        with contextlib.closing(sqlite3.connect(node.data / DATABASE)) as connection, connection:
            connection.execute("UPDATE meta SET value = '0' WHERE key = 'record_version'")
        self._killed(node, point, "put", "-")
        # What is left to do is done by the next command that may write.
        self._goes_on(node, "put", "-", text="# After an upgrade\n")
        self._check(node)

    def recover(self, point: str, chance: random.Random) -> None:
        node, _ = self._pair()
        database = node.data / DATABASE
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        # Any page but the first: what a page is, its first byte says, and each kind of a b-tree has its turn.
        pages = database.read_bytes()
        used = [page for page in range(1, len(pages) // 4096) if pages[page * 4096] in (0x02, 0x05, 0x0A, 0x0D)]
        with database.open("r+b") as file:
            file.seek(chance.choice(used) * 4096)
            file.write(chance.randbytes(4096))
        damaged = database.read_bytes()
        self._killed(node, point, "recover")
        if database.exists():
            if database.read_bytes() != damaged:
                raise Failure(f"recover that died at {point} has written to the damaged database")
        elif node.run("run", "--config", str(node.config), within=60).returncode != 3:
            raise Failure(f"a node runs after a recovery that died at {point}")
        self._goes_on(node, "recover")
        if damaged not in [kept.read_bytes() for kept in node.data.glob(f"damaged-*/{DATABASE}")]:
            raise Failure("the damaged database was not kept")
        self._check(node)
        self._write(1)
