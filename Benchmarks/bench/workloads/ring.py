"""A ring of three, as Noema's own measurement has it: 80 creates in 8 s, interval 200 ms, everything signed."""

import time

from contest import Bench, Result
from link import Control
from node import Node
from processes import eventually, pss_mb
from progress import say

CREATES, SECONDS = 80, 8


def run(bench: Bench) -> list[Result]:
    """Three nodes, 80 creates in 8 s, 200 ms interval: memory of all three, and whether they are equal."""
    root = bench.directory("ring")
    result = Result(
        "ring",
        f"Ring of three, {CREATES} creates in {SECONDS} s, interval 200 ms, signed",
        {"creates": CREATES, "seconds": SECONDS},
    )
    for turn in range(bench.pairs):
        result.runs.setdefault("federation", []).append(once(bench, root, turn))
        facts = result.runs["federation"][-1]
        say(f"ring {turn + 1}/{bench.pairs}: {facts['memory_mb']:.1f} MiB, shared pages once {facts['pss_mb']:.1f} MiB")
    result.notes.append(
        "Memory is the resident sets of all three together at their greatest (a library's pages count in each), as the "
        "figures of Noema were taken (90 MiB for Go, 56 for Rust); then with shared pages counted once."
    )
    return [result]


def once(bench: Bench, root, turn: int) -> dict:
    nodes = [Node(bench.program, root / f"ring-{turn}-{name}", verify="enforce", interval="200ms") for name in "abc"]
    try:
        for node in nodes:
            node.configure([(other.name, other.url) for other in nodes if other is not node])
            node.start()
        for node in nodes:
            node.wait_until_listening()
        begun = time.monotonic()
        create(nodes, begun)
        eventually("the ring is level", lambda: len({node.digest() for node in nodes}) == 1, timeout=60)
        count, digest = nodes[0].digest()
        if count != CREATES:
            raise SystemExit(f"ring: {count} events")
        found = [node.usage() for node in nodes]
        return {
            "memory_mb": sum(each.peak_mb for each in found),
            "pss_mb": sum(pss_mb(node.process.pid) for node in nodes),
            "cpu_percent": 100 * sum(each.cpu for each in found) / (time.monotonic() - begun),
            "level_after_s": time.monotonic() - begun,
            "digest": digest,
        }
    finally:
        for node in nodes:
            node.stop()


def create(nodes: list[Node], begun: float) -> None:
    """Each create on the next node, one each tenth of a second."""
    links = [Control(node.directory) for node in nodes]
    for number in range(CREATES):
        time.sleep(max(0.0, begun + number * SECONDS / CREATES - time.monotonic()))
        links[number % len(links)].put(f"# Note {number}\n\n" + "x" * 300 + "\n")
    for link in links:
        link.close()
