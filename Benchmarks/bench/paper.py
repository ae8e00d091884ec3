"""What the measured constants come to for many nodes: arithmetic, not a measurement.

A tree of hubs is what the daemon is made for past a few dozen nodes: each hub has `FAN_OUT` nodes below it and one
above.
"""

import math
from dataclasses import dataclass

FAN_OUT = 100
WRITES = (1, 100)


@dataclass
class Layout:
    """So many nodes, all of which know each other, or in a tree of hubs."""

    nodes: int
    is_mesh: bool

    @property
    def title(self) -> str:
        return f"{'mesh' if self.is_mesh else 'tree'} of {self.nodes:,}"

    @property
    def most_peers(self) -> int:
        return self.nodes - 1 if self.is_mesh else FAN_OUT + 1

    @property
    def hops(self) -> int:
        """From the farthest node to the farthest: up to the top and down again."""
        return 1 if self.is_mesh else 2 * math.ceil(math.log(self.nodes, FAN_OUT) - 1e-9)

    @property
    def copies(self) -> int:
        """Of one event in the whole ring: each node is given it by each of its peers."""
        return self.nodes * (self.nodes - 1) if self.is_mesh else 2 * (self.nodes - 1)


# A mesh of a million is none: `configPeers`.
LAYOUTS = (Layout(1_000, True), Layout(1_000, False), Layout(1_000_000, False))


def line(results: dict, part: str, figure: str) -> dict | None:
    return results["parts"].get(part, {}).get("fits", {}).get(figure, {}).get("line")


def at(fit: dict, size: float) -> float:
    return max(0.0, fit["constant"] + fit["slope"] * size)


def table(results: dict) -> list[str]:
    """Markdown; empty where a part that it needs was not measured."""
    fits = {
        "cpu": line(results, "peers", "cpu_percent"),
        "memory": line(results, "peers", "memory_mb"),
        "hop": line(results, "line", "p50_ms"),
        "hub": line(results, "star", "most_cpu_ms_per_event"),
        "mesh": line(results, "mesh", "most_cpu_ms_per_event"),
        "catch_up": line(results, "events", "cpu_s"),
    }
    if None in fits.values():
        return []
    largest = results["parts"]["events"]["points"][-1][1]
    copy_ms = largest["cpu_us_per_event"] / 1000

    def alone(each: Layout) -> float:
        """Milliseconds of the busiest node for an event that comes alone, in a page of its own."""
        return at(fits["mesh"], each.nodes) if each.is_mesh else at(fits["hub"], FAN_OUT + 2)

    rows = {
        "peers of the node with the most": lambda each: f"{each.most_peers:,}",
        "hops from the farthest to the farthest": lambda each: str(each.hops),
        "news from end to end, p50": lambda each: f"{at(fits['hop'], each.hops):,.0f} ms",
        "copies of an event in the whole ring": lambda each: f"{each.copies:,}",
        "idle at 30 s: processor of the node with the most peers": lambda each: (
            f"{at(fits['cpu'], each.most_peers):,.2f} %"
        ),
        "idle: its memory": lambda each: f"{at(fits['memory'], each.most_peers):,.0f} MB",
        "events/s that it bears on a core, each in a page of its own": lambda each: f"{1000 / alone(each):,.1f}",
        "the same with full pages": lambda each: f"{1000 / (copy_ms * each.most_peers):,.0f}",
    }
    text = [
        "## On paper",
        "",
        f"Arithmetic from the straight lines above, per core of this machine. A hub of the tree has {FAN_OUT} nodes",
        "below it and one above. A mesh of more than 1,001 nodes is refused (`configPeers`). An event that comes alone",
        "costs a page, a commit and an answer for each copy; where there is more to do pages fill, and a copy costs",
        "what it costs in a catch-up, both ends.",
        "",
        "| | " + " | ".join(each.title for each in LAYOUTS) + " |",
        "|---|" + "---|" * len(LAYOUTS),
    ]
    text += [f"| {what} | " + " | ".join(cell(each) for each in LAYOUTS) + " |" for what, cell in rows.items()]
    size = largest["database_bytes_per_event"]
    years = " and ".join(f"{size * rate * 86_400 * 365 / 1e9:,.0f} GB a year at {rate:,} events/s" for rate in WRITES)
    text += [
        "",
        f"Each node holds every event, whatever the layout: {size:,.0f} bytes of database an event, so that",
        f"{years} of the whole ring. A new node catches up with a million events in",
        f"{at(fits['catch_up'], 1e6):,.0f} CPU seconds of both ends.",
        "",
    ]
    return text
