"""Starting: from the start of the process to the first answer, with nothing and with a long log."""

import time
from pathlib import Path

from contest import Bench, Result
from node import Node
from progress import say


def beside_empty(bench: Bench, root: Path, full: Node, events: int) -> Result:
    """A node with a log, stopped first, and one without, in turns."""
    full.stop()
    empty = Node(bench.program, root / "empty", verify="off")
    result = Result("startup", f"Start-up with {events:,} events", {"events": events})
    for turn in range(bench.pairs):
        for name, node, count in (("federation", full, events), ("federation, no events", empty, 0)):
            result.runs.setdefault(name, []).append(started(node, count))
            say(f"startup {turn + 1}/{bench.pairs} {name}: {result.runs[name][-1]['ready_ms']:.0f} ms")
    result.notes.append(
        "From the start of the process until `/federation/v1/identity` names the end of the log, with the "
        "resident memory two seconds later."
    )
    return result


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
