"""Faults of disks and of what a process may hold: full, read-only, failing, and too few descriptors."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
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
    _must("mkfs.ext4", "-q", "-m", "0", str(image))
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


def _ring(scene: Scene, megabytes: int, below: Path | None = None) -> tuple[Ring, str]:
    """Three nodes, of which beta has its data on a disk of its own, in a file `below`; that disk's device."""
    devices = []

    def make(name: str, directory: Path, program: Path) -> Node:
        node = Node(name, directory, program)
        if name == "beta":
            devices.append(scene.enter(_disk((below or scene.directory) / "disk.img", megabytes, node.data)))
        return node

    ring = scene.ring("alpha", "beta", "gamma", make=make)
    return ring, devices[0]


@case
def a_full_disk(scene: Scene) -> str:
    """The disk of beta is filled to its last byte while all write. Its own writes are refused, it says store_full of
    its peers, it goes on being read, and nothing that it acknowledged is lost; the others go on. With room again it
    is in step within 30 s, and everything in its database is sound."""
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
def a_disk_that_is_nearly_full(scene: Scene) -> str:
    """All write until less than 64 MiB are left on the disk of beta. From then on its writes are refused, before anything
    has failed; the others go on, and with room again it is in step within 30 s."""
    ring, _ = _ring(scene, 160)
    beta = ring["beta"]
    filler = beta.data / "filler"
    room = os.statvfs(beta.data)
    with filler.open("wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_bsize - (66 << 20))
    taken = _fill(scene, ring, beta, 8000)
    left = os.statvfs(beta.data)
    filler.unlink()
    seen = scene.converge(ring, 30)
    scene.sound(ring)
    return f"{taken} writes taken, refused with {left.f_bavail * left.f_bsize >> 20} MiB left; {seen}"


@case
def a_disk_with_less_room_than_it_says(scene: Scene) -> str:
    """The disk of beta lies on one that is full before it is itself, as thin volumes do: what was written fails when it is
    flushed. A commit that cannot be flushed is not acknowledged. Killed, and mounted anew with room below it, beta has
    everything that it acknowledged, and is in step within 30 s."""
    if os.geteuid() != 0:
        raise Skipped("not root: a disk of its own is for root")
    thin = scene.directory / "thin"
    thin.mkdir()
    _must("mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", str(thin))
    scene.on_exit(lambda: subprocess.run(["umount", "-l", str(thin)], check=False, capture_output=True))
    ring, device = _ring(scene, 400, thin)
    beta = ring["beta"]
    taken = _fill(scene, ring, beta, 60_000)
    if not beta.is_running:
        raise Failure(f"beta has ended; {beta.tail()}")
    beta.kill()
    subprocess.run(["umount", str(beta.data)], check=True)
    _must("mount", "-o", "remount,size=600m", str(thin))
    # It says by its status that it has mended something.
    subprocess.run(["e2fsck", "-fy", device], check=False, capture_output=True)
    _must("mount", device, str(beta.data))
    beta.start()
    # Before its peers can give any of it back; they have what came to them in time.
    beta.hold_to(scene.written_by(beta))
    # Pages of 8 MiB, of texts of 60 kB.
    seen = scene.converge(ring, 30, memory_kb=256 << 10)
    scene.sound(ring)
    return f"{taken} writes taken before one failed; {seen}"


def _fill(scene: Scene, ring: Ring, beta: Node, size: int) -> int:
    """Writes on beta, and on alpha, until beta has refused twenty; how many it has taken."""
    taken = refused = 0
    while refused < 20 and taken < 2000:
        try:
            scene.put(beta, 1, size)
            taken += 1
        except Refused as refusal:
            refused += 1
            if refusal.code != "store":
                raise
        scene.put(ring["alpha"], 1, 400)
    if not refused:
        raise Failure("the disk was never full")
    return taken


@case
def a_disk_that_fails(scene: Scene) -> str:
    """The file system of beta finds an error and is read-only from then on, under a daemon that runs. Nothing is
    acknowledged there, the node lives and the others go on; started again on a disk that works it has all that it
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
    """The data directory of beta is on a file system that is mounted read-only. `run` refuses to start and says why,
    `check` and `status` do not hang, nothing is changed; mounted as before it starts and is in step within 30 s."""
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


def _at_most(count: int) -> Callable[[], None]:
    """What a child does before it becomes the program: neither limit may be raised again."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


@case
def few_descriptors(scene: Scene) -> str:
    """Beta may hold 128 descriptors, the fewest with which it starts, and 300 connections are opened to it from ten
    addresses. It lives, its own writes are acknowledged, and the ring is in step within 60 s once they are gone."""
    ring = scene.ring("alpha", "beta", "gamma", start=False)
    for node in ring:
        node.start(prepare=_at_most(128) if node.name == "beta" else None)
    scene.settle(ring)
    beta = ring["beta"]
    highest = 0
    with contextlib.ExitStack() as stack:
        for number in range(300):
            with contextlib.suppress(OSError):
                idle = stack.enter_context(
                    socket.create_connection((beta.address, beta.port), 2, (f"127.0.1.{number % 10 + 1}", 0)))
                idle.sendall(b"GET / HTTP/1.1\r\nHost:")
            highest = max(highest, len(os.listdir(f"/proc/{beta.pid}/fd")))
        for node in (ring["alpha"], ring["gamma"]):
            scene.put(node, 20)
        scene.put(beta, 20)
        # Long enough for the library of queues to count its threads, for which it opens files.
        time.sleep(10)
        if not beta.is_running:
            raise Failure(f"beta has ended; {beta.tail()}")
        highest = max(highest, len(os.listdir(f"/proc/{beta.pid}/fd")))
    over = time.monotonic()
    scene.put(beta, 5)
    seen = scene.converge(ring, 60)
    spent = time.monotonic() - over
    scene.sound(ring)
    if highest >= 128:
        raise Failure(f"beta held all of its descriptors: {highest}")
    return f"at most {highest} of 128 held; {seen} {spent:.1f} s after it was over"


@case
def too_few_descriptors_to_start(scene: Scene) -> str:
    """With fewer than 128 descriptors a node says so (`few_descriptors`, status 1) and ends, however few they are: none
    dies of a signal. A soft limit that is lower than the hard one is raised."""
    ring = scene.ring("alpha", "beta")
    beta = ring["beta"]
    beta.stop()
    for count in (4, 5, 6, 7, 8, 12, 16, 24, 32, 64, 127):
        beta.spawn(prepare=_at_most(count))
        assert beta.process is not None
        try:
            status = beta.process.wait(20)
        except subprocess.TimeoutExpired:
            raise Failure(f"with {count} beta did not end; {beta.tail()}") from None
        if status != 1 or f"may hold {count} files" not in beta.tail(3):
            raise Failure(f"with {count} beta ended with {status}; {beta.tail(20)}")
    beta.start(prepare=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 4096)))
    limits = Path(f"/proc/{beta.pid}/limits").read_text()
    raised = next(line.split()[3] for line in limits.splitlines() if line.startswith("Max open files"))
    if raised != "4096":
        raise Failure(f"a soft limit of 64 below 4096 became {raised}")
    return f"4 to 127: status 1; 64 of 4096 became {raised}; {scene.converge(ring, 30)}"
