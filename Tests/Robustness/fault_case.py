"""What the cases of `faults.py` are made of: a registry, a ring to do it to, and what every case holds a ring to."""

from __future__ import annotations

import random
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from process_series import sample
from ring import Failure, Node, Ring
from stream_link import Links, StreamLink


class Skipped(Exception):
    """It cannot be shown on this machine; its words say what is missing."""


@dataclass(frozen=True)
class Case:
    name: str
    #: What is done and what must hold: the docstring.
    what: str
    #: Shows it, or fails; gives what was seen.
    run: Callable[[Scene], str]


CASES: list[Case] = []


def case(function: Callable[[Scene], str]) -> Callable[[Scene], str]:
    """Makes a case of a function: its name with spaces, and its docstring."""
    CASES.append(Case(function.__name__.replace("_", " "), " ".join((function.__doc__ or "").split()), function))
    return function


# What a fault may leave behind in a node that had a few hundred short events: more is a leak.
MEMORY_KB = 64 << 10
DESCRIPTORS = 40


class Scene:
    """Where one case takes place: it makes what it needs here, and all of it goes afterwards."""

    def __init__(self, program: Path, seed: int) -> None:
        self.program = program
        self.seed = seed
        self.random = random.Random(seed)
        self.links: dict[tuple[str, str], StreamLink] = {}
        self._stack = ExitStack()
        self._by_node: defaultdict[str, set[str]] = defaultdict(set)
        self._before: dict[str, tuple[int, int, int]] = {}

    def __enter__(self) -> Scene:
        self.directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="federation-fault-")))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def enter(self, manager: Any) -> Any:
        """Whatever has to be undone, in the reverse order."""
        return self._stack.enter_context(manager)

    def on_exit(self, undo: Callable[[], object]) -> None:
        self._stack.callback(undo)

    def ring(self, *names: str, timeout: str = "3s", start: bool = True, **arguments: Any) -> Ring:
        """Nodes that reach each other through links (`link(near, far)`), with a note each, and in step."""
        owner = self.enter(Links())

        def through(node: Node, peer: Node) -> str:
            link = self.links[node.name, peer.name] = owner.add((peer.address, peer.port))
            return f"{link.endpoint}\n    timeout: {timeout}"

        ring: Ring = self.enter(Ring(
            self.program, names, directory=self.directory / "ring", links=arguments.pop("links", through), **arguments))
        if start:
            ring.start()
            self.settle(ring)
        return ring

    def settle(self, ring: Ring) -> None:
        """A note from each, everywhere; and what the nodes hold now is what they are measured by later."""
        self.acknowledged = [event for node in ring for event in node.put_many(5)]
        ring.agree(60, events=self.acknowledged)
        self._before = self._held(ring)

    def link(self, near: str, far: str) -> StreamLink:
        return self.links[near, far]

    def links_of(self, name: str) -> list[StreamLink]:
        return [link for ends, link in self.links.items() if name in ends]

    def put(self, node: Node, count: int = 1, size: int = 400) -> None:
        """Writes that must be acknowledged, whatever is going on."""
        for _ in range(count):
            # Text that no compression makes short.
            text = f"{self.random.getrandbits(size * 4):0{size}x}"
            events = node.put(f"# Note of {node.name}\n\n{text}\n")
            self.acknowledged += events
            self._by_node[node.name].update(events)

    def written_by(self, node: Node) -> set[str]:
        """What a node has acknowledged to `put`."""
        return self._by_node[node.name]

    def converge(self, ring: Ring, within: float, memory_kb: int = MEMORY_KB) -> str:
        """All that was acknowledged is everywhere, once, and nothing else; and nobody holds more than before."""
        digest = ring.agree(within, events=self.acknowledged)
        if digest.count != len(set(self.acknowledged)):
            raise Failure(f"{digest.count} events in the logs, {len(set(self.acknowledged))} were acknowledged")
        for node in ring:
            if node.is_running and node.status()["gaps"]:
                raise Failure(f"{node.name} has holes: {node.status()['gaps']}")
        self.bounded(ring, memory_kb)
        return str(digest)

    def bounded(self, ring: Ring, memory_kb: int) -> None:
        """Memory and descriptors of processes that lived through it."""
        for name, (pid, memory, descriptors) in self._held(ring).items():
            before = self._before.get(name)
            if before is None or before[0] != pid:
                continue
            if memory - before[1] > memory_kb or descriptors - before[2] > DESCRIPTORS:
                raise Failure(
                    f"{name} had {before[1]} kB and {before[2]} descriptors, and has {memory} kB and {descriptors}")

    def sound(self, ring: Ring) -> None:
        """Every database is what SQLite and `verify --self` take for sound."""
        for node in ring:
            node.integrity()

    @staticmethod
    def _held(ring: Ring) -> dict[str, tuple[int, int, int]]:
        held: dict[str, tuple[int, int, int]] = {}
        for node in ring:
            taken = sample(node.pid, 0) if node.is_running else None
            if taken:
                held[node.name] = (node.pid, taken.anonymous_kb, taken.descriptors)
        return held
