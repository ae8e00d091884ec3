"""Starting: from the start of the process to the first answer, with nothing and with a long log."""
import time

from corpus import Corpus, Shape
from contest import Bench, Result
from node import Node
from progress import say


def run(bench: Bench) -> list[Result]:
    """Start-up with five times `size` events (1,000,000 as it comes), beside a node without any."""
    root = bench.directory("startup")
    events = bench.size * 5
    full, empty = Node(bench.program, root / "full", verify="off"), Node(bench.program, root / "empty", verify="off")
    full.fill(Corpus.make(Shape(events), root))
    result = Result("startup", f"Start-up with {events:,} events", {"events": events})
    for turn in range(bench.pairs):
        for name, node, count in (("federation", full, events), ("federation, no events", empty, 0)):
            result.runs.setdefault(name, []).append(started(node, count))
            say(f"startup {turn + 1}/{bench.pairs} {name}: {result.runs[name][-1]['ready_ms']:.0f} ms")
    result.notes.append("From the start of the process until `/federation/v1/identity` names the end of the log, with the "
                        "resident memory two seconds later.")
    return [result]


def started(node: Node, events: int) -> dict:
    begun = time.monotonic()
    node.start()
    try:
        while node.head() != events:
            time.sleep(0.002)
        ready = time.monotonic() - begun
        time.sleep(2)
        now = node.usage()
        return {"ready_ms": ready * 1000, "memory_mb": now.rss_mb, "peak_mb": now.peak_mb}
    finally:
        node.stop()
