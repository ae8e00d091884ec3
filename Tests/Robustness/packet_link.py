"""A network of packets that are lost, late, out of order and twice: namespaces, TUN devices, and a forwarder between them.

Each member of a `PacketNetwork` is a network namespace of its own with one TUN device in it, and the forwarder, a thread of
this process, is the only way from one to another: it reads every IP packet and decides what becomes of it. So what is
tested is the kernel's TCP over a bad line, without any queueing discipline of the kernel (`netem` is not everywhere).

    with PacketNetwork(["alpha", "beta"], seed=1) as network:
        network.loss = 0.3
        Node("alpha", directory, program, address=network.address("alpha"), namespace=network["alpha"])

Namespaces and devices are held by descriptors of this process alone, and are gone when it ends, however that is. It takes
root, and `/dev/net/tun`: `PacketNetwork.missing()` says what is not there.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import heapq
import os
import random
import select
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
MTU = 1500
# What may be under way at one time: a forwarder has bounded memory, and drops what a full queue has no room for.
PACKETS = 20_000

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


class Namespace:
    """A network namespace that is there for as long as this object or a process in it."""

    def __init__(self) -> None:
        with _own_namespace():
            _checked(_libc.unshare(CLONE_NEWNET), "unshare")
            self._descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            _run("ip", "link", "set", "lo", "up")

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """This thread is in the namespace; sockets that it makes there stay there."""
        with _own_namespace():
            _checked(_libc.setns(self._descriptor, CLONE_NEWNET), "setns")
            yield

    @property
    def wrapper(self) -> list[str]:
        """What a program is started by in it; it becomes that program, with the same process id."""
        return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self._descriptor}"]

    def connect(self, address: tuple[str, int], timeout: float) -> socket.socket:
        """A connection that begins in the namespace."""
        with self.inside():
            made = socket.socket()
        made.settimeout(timeout)
        made.connect(address)
        return made

    def close(self) -> None:
        os.close(self._descriptor)


@contextlib.contextmanager
def _own_namespace() -> Iterator[None]:
    """This thread is back where it was afterwards."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        _checked(_libc.setns(own, CLONE_NEWNET), "setns")
        os.close(own)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(errno.EIO, f"{' '.join(command)}: {done.stderr.strip()}")


@dataclass
class Packets:
    """What became of the packets of a network."""

    carried: int = 0
    lost: int = 0
    overtaken: int = 0
    doubled: int = 0
    blocked: int = 0


class PacketNetwork:
    """Namespaces with one address each, and what is between them. Attributes may be set at any time."""

    def __init__(self, names: Iterable[str], seed: int) -> None:
        self._random = random.Random(seed)
        self._members: dict[str, tuple[Namespace, int, bytes]] = {}
        #: The share of packets that are lost, each way.
        self.loss = 0.0
        #: Seconds that each packet takes, and up to how many more: those that differ overtake one another.
        self.delay = 0.0
        self.jitter = 0.0
        #: The share of packets that come twice.
        self.doubling = 0.0
        #: Members that no packet leaves and none reaches.
        self.blocked: set[str] = set()
        self.packets = Packets()
        self._over = threading.Event()
        try:
            for place, name in enumerate(names, start=1):
                self._add(name, f"198.18.77.{place}")
        except BaseException:
            self.close()
            raise
        self._thread = threading.Thread(target=self._forward, name="packets", daemon=True)
        self._thread.start()

    @staticmethod
    def missing() -> str | None:
        """What a network needs and is not here; None where it can be made."""
        if os.geteuid() != 0:
            return "not root: network namespaces and TUN devices are for root"
        for program in ("ip", "nsenter"):
            if shutil.which(program) is None:
                return f"no program '{program}' (Debian: iproute2, util-linux)"
        try:
            PacketNetwork(["probe"], seed=0).close()
        except OSError as error:
            return f"network namespaces or TUN devices cannot be made: {error}"
        return None

    def __enter__(self) -> PacketNetwork:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getitem__(self, name: str) -> Namespace:
        return self._members[name][0]

    def address(self, name: str) -> str:
        return socket.inet_ntoa(self._members[name][2])

    def close(self) -> None:
        self._over.set()
        if hasattr(self, "_thread"):
            self._thread.join(5)
        for namespace, device, _ in self._members.values():
            os.close(device)
            namespace.close()
        self._members = {}

    def heal(self) -> None:
        self.loss = self.delay = self.jitter = self.doubling = 0.0
        self.blocked = set()

    def _add(self, name: str, address: str) -> None:
        namespace = Namespace()
        with namespace.inside():
            device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"line", IFF_TUN | IFF_NO_PI))
            _run("ip", "address", "add", f"{address}/24", "dev", "line")
            _run("ip", "link", "set", "line", "mtu", str(MTU), "up")
        self._members[name] = (namespace, device, socket.inet_aton(address))

    # The forwarder

    def _forward(self) -> None:
        devices = {address: device for _, device, address in self._members.values()}
        names = {address: name for name, (_, _, address) in self._members.items()}
        poll = select.poll()
        for device in devices.values():
            poll.register(device, select.POLLIN)
        late: list[tuple[float, int, int, bytes]] = []
        number = 0
        newest: dict[int, int] = {}
        while not self._over.is_set():
            wait = 50.0 if not late else max(0.0, min(50.0, (late[0][0] - time.monotonic()) * 1000))
            for device, _ in poll.poll(wait):
                for packet in self._read(device):
                    source, destination = packet[12:16], packet[16:20]
                    to = devices.get(destination)
                    # Only IPv4; what the kernel says to everybody in IPv6 has no place here.
                    if to is None or packet[0] >> 4 != 4:
                        continue
                    if names.get(source) in self.blocked or names[destination] in self.blocked:
                        self.packets.blocked += 1
                        continue
                    for due in self._fates():
                        if len(late) < PACKETS:
                            number += 1
                            heapq.heappush(late, (due, number, to, packet))
            now = time.monotonic()
            while late and late[0][0] <= now:
                _, sent, to, packet = heapq.heappop(late)
                if sent < newest.get(to, 0):
                    self.packets.overtaken += 1
                newest[to] = max(sent, newest.get(to, 0))
                with contextlib.suppress(OSError):
                    os.write(to, packet)
                    self.packets.carried += 1

    def _fates(self) -> list[float]:
        """When a packet arrives, each time that it does."""
        if self._random.random() < self.loss:
            self.packets.lost += 1
            return []
        copies = 1
        if self._random.random() < self.doubling:
            self.packets.doubled += 1
            copies = 2
        now = time.monotonic()
        return [now + self.delay + self._random.random() * self.jitter for _ in range(copies)]

    @staticmethod
    def _read(device: int) -> Iterator[bytes]:
        for _ in range(64):
            try:
                packet = os.read(device, MTU + 100)
            except OSError:
                return
            if len(packet) >= 20:
                yield packet
