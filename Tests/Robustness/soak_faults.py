"""The faults of a soak: each does something to a ring that works, lasts a while, and takes it back.

After each the ring has to agree again by itself; `soak.py` sees to that. Nodes that are `steady` are never ended, so that
what they hold can be followed for hours; everything else may happen to them.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

from fake_clock import FakeClock
from ring import Failure, Node, Ring
from stream_link import Links, StreamLink


class SoakFaults:
    """What can be done to a ring, and to whom."""

    def __init__(
        self, ring: Ring, links: dict[tuple[str, str], StreamLink], owner: Links, seed: int, lasting: float,
        steady: list[str], clocks: dict[str, FakeClock], scratch: Path,
    ) -> None:
        """`links` are those by which a node reaches a peer; `clocks` those of nodes that have one of their own."""
        self._ring = ring
        self._links = links
        self._owner = owner
        self._random = random.Random(seed)
        self._lasting = lasting
        self._steady = steady
        self._clocks = clocks
        self._scratch = scratch
        self._bag: list[str] = []
        self._kinds: dict[str, Callable[[], str]] = {
            "kill": self._kill, "restart": self._restart, "freeze": self._freeze, "partition": self._partition,
            "one-way partition": self._one_way, "split": self._split, "refuse": self._refuse, "delay": self._delay,
            "throttle": self._throttle, "reset": self._reset, "half-open": self._half_open, "reload": self._reload,
            "backup": self._backup, "compact": self._compact, "pause peer": self._pause_peer, "mode": self._mode,
            "read again": self._read_again, "quota": self._quota, "idle connections": self._idle_connections,
            "verify": self._verify,
        }
        if clocks:
            self._kinds["clock"] = self._clock
            self._kinds["clock steps"] = self._clock_steps

    @property
    def kinds(self) -> list[str]:
        return list(self._kinds)

    def next(self) -> tuple[str, Callable[[], str]]:
        """Each kind once in a drawn order, and again; the call does it and says what it has done."""
        if not self._bag:
            self._bag = list(self._kinds)
            self._random.shuffle(self._bag)
        kind = self._bag.pop()
        return kind, self._kinds[kind]

    def start(self, node: Node) -> None:
        clock = self._clocks.get(node.name)
        node.start(environment=clock.environment if clock else None)

    # Who

    def _any(self) -> Node:
        return self._random.choice(self._ring.nodes)

    def _mortal(self) -> Node:
        return self._random.choice([node for node in self._ring if node.name not in self._steady])

    def _links_of(self, *names: str) -> list[StreamLink]:
        return [link for ends, link in self._links.items() if any(name in ends for name in names)]

    def _wait(self, share: float = 1) -> None:
        time.sleep(self._lasting * share)

    # Processes

    def _kill(self) -> str:
        node = self._mortal()
        node.kill()
        down = self._random.random()
        self._wait(down)
        self.start(node)
        return f"{node.name} killed, down for {down * self._lasting:.0f} s"

    def _restart(self) -> str:
        node = self._mortal()
        node.stop()
        self.start(node)
        return f"{node.name} stopped and started"

    def _freeze(self) -> str:
        node = self._any()
        node.signal(signal.SIGSTOP)
        try:
            self._wait()
        finally:
            node.signal(signal.SIGCONT)
        return f"{node.name} frozen for {self._lasting:.0f} s"

    # Streams

    def _with_links(self, links: list[StreamLink], share: float = 1) -> None:
        try:
            self._wait(share)
        finally:
            for link in links:
                link.heal()

    def _partition(self) -> str:
        node = self._any()
        links = self._links_of(node.name)
        for link in links:
            link.stall()
        self._with_links(links)
        return f"{node.name} alone"

    def _split(self) -> str:
        names = [node.name for node in self._ring]
        self._random.shuffle(names)
        side = set(names[: len(names) // 2])
        links = [link for (a, b), link in self._links.items() if (a in side) != (b in side)]
        for link in links:
            link.stall()
        self._with_links(links)
        return f"{' and '.join(sorted(side))} apart from the others"

    def _one_way(self) -> str:
        node = self._any()
        links = self._links_of(node.name)
        for (near, _), link in self._links.items():
            if link in links:
                # What the node sends is lost, what is sent to it arrives.
                link.stall(up=near == node.name, down=near != node.name)
        self._with_links(links)
        return f"nothing that {node.name} sends arrives"

    def _refuse(self) -> str:
        node = self._any()
        links = self._links_of(node.name)
        for link in links:
            link.refuse()
        self._with_links(links)
        return f"every connection from and to {node.name} reset as it is made"

    def _delay(self) -> str:
        links = list(self._links.values())
        for link in links:
            link.delay = 0.5
        self._with_links(links)
        return "every link 500 ms each way"

    def _throttle(self) -> str:
        node = self._any()
        links = self._links_of(node.name)
        for link in links:
            link.rate = 4_000
        self._with_links(links)
        return f"links of {node.name} 4 kB/s"

    def _reset(self) -> str:
        links = list(self._links.values())
        count = 0
        for link in links:
            link.reset_after = 20_000
        for _ in range(10):
            self._wait(0.1)
            count += self._random.choice(links).reset()
        for link in links:
            link.heal()
        return f"{count} connections reset, and each after about 20 kB"

    def _half_open(self) -> str:
        node = self._any()
        count = sum(link.leave_half_open() for link in self._links_of(node.name))
        self._wait()
        return f"{count} connections of {node.name} half open"

    def _idle_connections(self) -> str:
        node = self._any()
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                stack.enter_context(socket.create_connection((node.address, node.port), 10)).sendall(b"GET / HTTP/1.1\r\n")
            self._wait(0.5)
        return f"100 requests to {node.name} that do not go on"

    # Clocks

    def _clock(self) -> str:
        name, clock = self._random.choice(list(self._clocks.items()))
        offset = self._random.choice([-3600, 3600])
        clock.set(offset)
        try:
            self._wait()
        finally:
            clock.set(0)
            time.sleep(1.5)
        return f"clock of {name} {offset:+d} s, and back"

    def _clock_steps(self) -> str:
        name, clock = self._random.choice(list(self._clocks.items()))
        try:
            for _ in range(6):
                clock.set(self._random.randrange(-600, 600))
                self._wait(1 / 6)
        finally:
            clock.set(0)
            time.sleep(1.5)
        return f"clock of {name} set six times, by up to ten minutes"

    # What people do

    def _reload(self) -> str:
        node = self._any()
        level = self._random.choice(["debug", "info"])
        self._edit(node, {"log": f"{{level: {level}}}"})
        self._wait(0.3)
        self._edit(node, {"log": None})
        return f"{node.name} logs at {level} for a while"

    def _backup(self) -> str:
        node = self._any()
        file = self._scratch / f"{node.name}.backup"
        facts = node.command("backup", str(file), "--force", within=600)
        checked = node.command("backup", str(file), "--verify", within=600)
        file.unlink()
        if not checked["ok"]:
            raise Failure(f"the backup of {node.name} is not as it was made: {checked}")
        return f"{node.name} backed up and the backup checked: {facts['log_events']} events"

    def _compact(self) -> str:
        node = self._any()
        vacuum = ["--vacuum"] if self._random.random() < 0.5 else []
        facts = node.command("compact", "--keep-days", "0", *vacuum, within=600)
        return f"{node.name} compacted: {facts['stubs']} stubs"

    def _pause_peer(self) -> str:
        node = self._any()
        peer = self._random.choice(list(node.peers))
        node.command("pause-peer", peer)
        self._wait(0.5)
        node.command("resume-peer", peer)
        return f"{node.name} paused {peer}"

    def _mode(self) -> str:
        node = self._any()
        mode = self._random.choice(["publish", "subscribe"])
        node.command("set-mode", mode)
        self._wait(0.5)
        node.command("set-mode", "sync")
        return f"{node.name} in mode {mode}"

    def _read_again(self) -> str:
        node = self._any()
        peer = self._random.choice(list(node.peers))
        node.command("reset-peer", peer, "--yes")
        return f"{node.name} forgets where it was in the log of {peer}"

    def _quota(self) -> str:
        node = self._any()
        # Less than there is: the node is full at once.
        self._edit(node, {"store": "{max_size: 1MB}"})
        self._wait()
        self._edit(node, {"store": None})
        return f"{node.name} full, by its quota"

    def _verify(self) -> str:
        node = self._any()
        facts = node.command("verify", "--wait", "60s", within=600)
        if any(peer["state"] != "in_sync" for peer in facts["peers"]):
            raise Failure(f"verify of {node.name}: {facts}")
        return f"{node.name} has proven its log equal to those of its peers"

    def _edit(self, node: Node, lines: dict[str, str | None]) -> None:
        """Sets keys of the node in its file's text, or takes them out; commands edit the same file."""
        text = node.config.read_text()
        for key, value in lines.items():
            kept = [line for line in text.splitlines(keepends=True) if not line.startswith(f"{key}:")]
            text = (f"{key}: {value}\n" if value else "") + "".join(kept)
        new = node.config.with_suffix(".new")
        new.write_text(text)
        os.replace(new, node.config)
        node.command("reload")
