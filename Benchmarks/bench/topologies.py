"""Rings of real nodes in different shapes, one of which writes: what an event costs them all, and how long it takes."""

import re, time, urllib.request
from pathlib import Path

from link import Control
from node import Node, free_port
from pairs import watch_federation
from processes import eventually, usage
from workloads.latency import measured


class Ring:
    """Nodes 0 … n − 1; the first writes, and the last is as far from it as any."""

    def __init__(self, program: str, root: Path, shape: str, count: int):
        self.name = f"{shape} of {count}"
        self.nodes = [Node(program, root / f"{shape}-{count}-{number}", interval="60s") for number in range(count)]
        self.monitors = [free_port() for _ in self.nodes]
        for number, node in enumerate(self.nodes):
            peers = [self.nodes[other] for other in neighbours(shape, number, count)]
            node.configure(
                [(peer.name, peer.url) for peer in peers], [f"monitor: {{listen: 127.0.0.1:{self.monitors[number]}}}"]
            )
            node.start()
        for node in self.nodes:
            node.wait_until_listening()
        for node in self.nodes:
            node.command("sync")
        time.sleep(1)

    def writer(self):
        control = Control(self.nodes[0].directory)
        return lambda number: control.put(f"# Note {number}\n\n" + "x" * 300 + "\n")

    def ends(self):
        return [(watch_federation, (self.nodes[0].port,)), (watch_federation, (self.nodes[-1].port,))]

    def measure(self, rate: int, count: int) -> dict:
        """Writes events at a rate, and waits until every node has them."""
        before, received = self._cpu(), self._received()
        first = self.nodes[0].digest()[0]
        begun = time.monotonic()
        latencies, _ = measured(self, rate, count)
        eventually(
            "all nodes are level", lambda: {node.digest()[0] for node in self.nodes} == {first + count}, timeout=60
        )
        spent = [now - then for then, now in zip(before, self._cpu())]
        at = lambda percent: latencies[min(len(latencies) - 1, percent * len(latencies) // 100)]
        return {
            "nodes": len(self.nodes),
            "p50_ms": at(50),
            "p99_ms": at(99),
            "seconds": time.monotonic() - begun,
            "cpu_ms_per_event": 1000 * sum(spent) / count,
            "most_cpu_ms_per_event": 1000 * max(spent) / count,
            "lines_per_event": (self._received() - received) / count,
        }

    def _cpu(self) -> list[float]:
        return [usage(node.process.pid).cpu for node in self.nodes]

    def _received(self) -> int:
        """Events that all nodes were given, duplicates too."""
        total = 0
        for port in self.monitors:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                found = re.findall(r"^federation_events_received_total\{.*\} (\d+)", answer.read().decode(), re.M)
            total += sum(map(int, found))
        return total

    def close(self) -> None:
        for node in self.nodes:
            node.stop()


def neighbours(shape: str, number: int, count: int) -> list[int]:
    """Whom a node asks."""
    if shape == "line":
        return [other for other in (number - 1, number + 1) if 0 <= other < count]
    if shape == "star":
        return list(range(1, count)) if number == 0 else [0]
    return [other for other in range(count) if other != number]
