"""Faults of disks and of what a process may hold: full, read-only, failing, and too few descriptors."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from fault_case import Scene, Skipped, case
from ring import DATABASE, Failure, Node, Refused, Ring, eventually


@contextlib.contextmanager
def _disk(image: Path, megabytes: int, at: Path) -> Iterator[str]:
    """An ext4 file system of its own in a file, mounted over a directory; gives its loop device."""
    if os.geteuid() != 0:
        raise Skipped("not root: a disk of its own is for root")
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    # Without a share of the blocks for root, who runs the tests.
    _must("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", str(image))
    device = _must("losetup", "--find", "--show", str(image))
    try:
        at.mkdir(parents=True, exist_ok=True)
        _must("mount", "-o", "errors=remount-ro", device, str(at))
        try:
            (at / "lost+found").rmdir()
            yield device
        finally:
            subprocess.run(["umount", "-l", str(at)], check=False, capture_output=True)
    finally:
        subprocess.run(["losetup", "-d", device], check=False, capture_output=True)


def _must(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Skipped(f"no program '{command[0]}'") from None
    if done.returncode != 0:
        raise Skipped(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()


def _refused(node: Node, code: str) -> Refused:
    """A write must be refused, and in these words."""
    try:
        node.put("# Too much\n\n" + "x" * 20_000)
    except Refused as refusal:
        if refusal.code != code:
            raise Failure(f"a write is refused as {refusal.code}, not as {code}: {refusal}") from None
        return refusal
    raise Failure("a write was acknowledged")


def _ring(scene: Scene, megabytes: int) -> tuple[Ring, str]:
    """Three nodes, of which beta has its data on a disk of its own; that disk's device."""
    devices = []

    def make(name: str, directory: Path, program: Path) -> Node:
        node = Node(name, directory, program)
        if name == "beta":
            devices.append(scene.enter(_disk(scene.directory / "disk.img", megabytes, node.data)))
        return node

    ring = scene.ring("alpha", "beta", "gamma", make=make)
    return ring, devices[0]


@case
def a_full_disk(scene: Scene) -> str:
    """The disk of beta is filled to its last byte while all write. Its own writes are refused, it says store_full of its peers,
    it goes on being read, and nothing that it acknowledged is lost; the others go on. With room again it is in step within
    30 s, and everything in its database is sound."""
    ring, _ = _ring(scene, 160)
    beta = ring["beta"]
    filler = beta.data / "filler"
    with filler.open("wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * (1 << 20))
        with contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 512)
    free = os.statvfs(beta.data).f_bavail
    refusal = _refused(beta, "store")
    for name in ("alpha", "gamma"):
        scene.put(ring[name], 50, size=2000)
    ring.agree(30, nodes=[ring["alpha"], ring["gamma"]])
    eventually(lambda: f"beta says store_full, not {beta.reason('alpha')}", 30, lambda: beta.reason("alpha") == "store_full")
    if len(beta.event_ids()) != 15:
        raise Failure("a full node is not read as before")
    _refused(beta, "store")
    filler.unlink()
    freed = time.monotonic()
    seen = scene.converge(ring, 30)
    spent = time.monotonic() - freed
    scene.put(beta, 5)
    scene.converge(ring, 30)
    scene.sound(ring)
    return f"{free} blocks were free; refused as {refusal.facts.get('store')}; {seen} {spent:.1f} s after there was room"


@case
def a_disk_that_fills_under_writes(scene: Scene) -> str:
    """There is no reserve: the disk of beta fills up by what it takes in, in the middle of a commit. What it has acknowledged
    is there, nothing of what did not fit, and with room again it is in step within 60 s."""
    ring, _ = _ring(scene, 160)
    beta = ring["beta"]
    fillers = [beta.data / "filler", beta.data / "rest"]
    # The node looks at how much is free before a commit; what comes between is what another program does.
    with fillers[0].open("wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, os.statvfs(beta.data).f_bavail * os.statvfs(beta.data).f_bsize - (66 << 20))
    refusals = 0
    with fillers[1].open("wb", buffering=0) as file:
        for number in range(400):
            if number == 50:
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"\0" * (1 << 20))
            try:
                scene.put(beta, 1, size=8000)
                scene.put(ring["alpha"], 1, size=8000)
            except Refused as refusal:
                refusals += 1
                if refusal.code != "store":
                    raise
            if refusals > 20:
                break
    if not refusals:
        raise Failure("the disk was never full")
    for filler in fillers:
        filler.unlink()
    seen = scene.converge(ring, 60)
    scene.sound(ring)
    return f"{refusals} writes refused; {seen}"


@case
def a_disk_that_fails(scene: Scene) -> str:
    """The file system of beta finds an error and is read-only from then on, under a daemon that runs. Nothing is acknowledged there, the node lives and the others go on; started again on a disk that works it has all that it
    acknowledged, and is in step within 30 s."""
    ring, device = _ring(scene, 160)
    beta = ring["beta"]
    scene.put(beta, 10)
    ring.agree(30, events=scene.acknowledged)
    # What the kernel does when it finds such an error by itself.
    error = Path(f"/sys/fs/ext4/{Path(device).name}/trigger_fs_error")
    if not error.exists():
        raise Skipped(f"no {error}")
    error.write_text("a test\n")
    for name in ("alpha", "gamma"):
        scene.put(ring[name], 20)
    acknowledged = 0
    refusal = None
    for _ in range(200):
        try:
            beta.put("# A note for a disk that fails\n\n" + "x" * 20_000)
            acknowledged += 1
        except Refused as refused:
            refusal = refused
            break
    if refusal is None or refusal.code != "store":
        raise Failure(f"writes were acknowledged ({acknowledged}) or refused as {refusal}")
    ring.agree(30, nodes=[ring["alpha"], ring["gamma"]])
    if not beta.is_running:
        raise Failure(f"beta has ended; {beta.tail()}")
    reason = beta.reason("alpha")
    beta.kill()
    subprocess.run(["umount", "-l", str(beta.data)], check=True)
    # It says by its status that it has mended something.
    subprocess.run(["e2fsck", "-fy", device], check=False, capture_output=True)
    _must("mount", device, str(beta.data))
    beta.start()
    seen = scene.converge(ring, 30)
    scene.sound(ring)
    return f"refused as {refusal.facts}; beta said {reason}; {seen}"


@case
def a_disk_that_is_read_only(scene: Scene) -> str:
    """The data directory of beta is on a file system that is mounted read-only. `run` refuses to start and says why, `check`
    and `status` do not hang, nothing is changed; mounted as before it starts and is in step within 30 s."""
    ring, _ = _ring(scene, 96)
    beta = ring["beta"]
    beta.stop()
    before = (beta.data / DATABASE).read_bytes()
    _must("mount", "-o", "remount,ro", str(beta.data))
    done = beta.run("run", "--config", str(beta.config), within=30)
    if done.returncode == 0 or "error" not in done.stderr:
        raise Failure(f"run ended with {done.returncode}: {done.stderr}")
    status = beta.exit_status("status", within=30)
    checked = beta.exit_status("check", within=30)
    put = beta.run("put", "-", "--config", str(beta.config), stdin="# A note\n", within=30)
    if put.returncode == 0:
        raise Failure("a write was acknowledged")
    if (beta.data / DATABASE).read_bytes() != before:
        raise Failure("the database has changed")
    _must("mount", "-o", "remount,rw", str(beta.data))
    beta.start()
    scene.put(beta, 5)
    seen = scene.converge(ring, 30)
    said = next(line for line in done.stderr.splitlines() if "error" in line)
    return f"run: {done.returncode}, '{said}'; status {status}, check {checked}, put {put.returncode}; {seen}"


@case
def few_descriptors(scene: Scene) -> str:
    """Beta may hold 48 descriptors, and somebody opens 100 connections to it. It lives, its own writes are acknowledged or
    refused and nothing else, and once they are gone it is in step within 60 s."""
    ring = scene.ring("alpha", "beta", "gamma", start=False)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))

    for node in ring:
        node.start(prepare=limit if node.name == "beta" else None)
    scene.settle(ring)
    beta = ring["beta"]
    refused = 0
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            with contextlib.suppress(OSError):
                idle = stack.enter_context(socket.create_connection((beta.address, beta.port), 2))
                idle.sendall(b"GET / HTTP/1.1\r\nHost:")
        for node in (ring["alpha"], ring["gamma"]):
            scene.put(node, 20)
        for _ in range(20):
            try:
                scene.put(beta)
            except (Refused, OSError):
                refused += 1
        if not beta.is_running:
            raise Failure(f"beta has ended; {beta.tail()}")
        held = len(os.listdir(f"/proc/{beta.pid}/fd"))
    over = time.monotonic()
    scene.put(beta, 5)
    seen = scene.converge(ring, 60)
    spent = time.monotonic() - over
    scene.sound(ring)
    return f"{held} of 48 held meanwhile, {refused} of 20 own writes not taken; {seen} {spent:.1f} s after it was over"


@case
def too_few_descriptors_to_start(scene: Scene) -> str:
    """With very few descriptors a node cannot work. It says so and ends, or works all the same; it does not die of a signal."""
    ring = scene.ring("alpha", "beta")
    beta = ring["beta"]
    beta.stop()
    seen = []
    died = []
    for count in (6, 8, 10, 12, 14, 16, 20, 24, 32):
        beta.spawn(prepare=lambda count=count: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count)))  # type: ignore[misc]
        if beta.process is None:
            raise Failure("not started")
        with contextlib.suppress(subprocess.TimeoutExpired):
            beta.process.wait(5)
        if beta.is_running:
            scene.put(ring["alpha"])
            time.sleep(2)
            if beta.is_running:
                beta.end(15, 30)
                seen.append(f"{count}: runs")
            else:
                died.append(f"with {count} beta ran, and ended with {beta.process.returncode}")
        elif beta.process.returncode < 0:
            died.append(f"with {count} beta died of signal {-beta.process.returncode}")
        else:
            seen.append(f"{count}: status {beta.process.returncode}")
    if died:
        raise Failure(f"{died}; {seen}; {beta.tail(60)}")
    beta.start()
    return f"{', '.join(seen)}; {scene.converge(ring, 30)}"
