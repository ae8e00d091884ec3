"""What the measured constants come to for many nodes: arithmetic, not a measurement.

A tree of hubs is what the daemon is made for past a few dozen nodes: each hub has `FAN_OUT` nodes below it and one above.
"""
import math

FAN_OUT = 100
NODES = (1_000, 1_000_000)
WRITES = (1, 100)


def line(results: dict, part: str, figure: str) -> dict | None:
    return results["parts"].get(part, {}).get("fits", {}).get(figure, {}).get("line")


def at(fit: dict, size: float) -> float:
    return max(0.0, fit["constant"] + fit["slope"] * size)


def table(results: dict) -> list[str]:
    """Markdown; empty where a part that it needs was not measured."""
    fits = {
        "cpu": line(results, "peers", "cpu_percent"), "memory": line(results, "peers", "memory_mb"),
        "descriptors": line(results, "peers", "descriptors"), "hop": line(results, "line", "p50_ms"),
        "hub": line(results, "star", "most_cpu_ms_per_event"), "mesh": line(results, "mesh", "most_cpu_ms_per_event"),
        "bytes": line(results, "events", "database_bytes_per_event"),
        "catch_up": line(results, "events", "cpu_s"),
    }
    if None in fits.values():
        return []
    stored = results["parts"]["events"]["points"][-1][1]["database_bytes_per_event"]
    text = ["## On paper", "",
            f"From the straight lines above. A hub of the tree has {FAN_OUT} nodes below it and one above; everything is per node",
            "and per core of this machine. A mesh of more than 1,000 peers is refused (`configPeers`).", "",
            "| | " + " | ".join(f"mesh of {n:,} | tree of {n:,}" for n in NODES) + " |", "|---|" + "---|---|" * len(NODES)]
    rows = {
        "peers of the node with the most": lambda n, mesh: f"{n - 1 if mesh else FAN_OUT + 1:,}",
        "hops from the farthest to the farthest": lambda n, mesh: "1" if mesh else str(2 * depth(n)),
        "news from end to end, p50": lambda n, mesh: f"{at(fits['hop'], 1 if mesh else 2 * depth(n)):,.0f} ms",
        "copies of an event, in the whole ring": lambda n, mesh: f"{n * (n - 1) if mesh else 2 * (n - 1):,}",
        "copies that one node is given": lambda n, mesh: f"{n - 1 if mesh else FAN_OUT + 1:,} at most",
        "idle at 30 s: processor": lambda n, mesh: f"{at(fits['cpu'], n - 1 if mesh else FAN_OUT + 1):,.2f} % of a core",
        "idle: memory": lambda n, mesh: f"{at(fits['memory'], n - 1 if mesh else FAN_OUT + 1):,.0f} MB",
        "CPU ms of the busiest node, an event": lambda n, mesh: f"{busiest(fits, n, mesh):,.1f}",
        "events a second that it bears on one core": lambda n, mesh: f"{1000 / busiest(fits, n, mesh):,.2f}",
        "a new node's catch-up, 1,000,000 events": lambda n, mesh: f"{at(fits['catch_up'], 1e6):,.0f} CPU s, both ends",
    }
    for what, cell in rows.items():
        text.append(f"| {what} | " + " | ".join(f"{cell(n, True)} | {cell(n, False)}" for n in NODES) + " |")
    for rate in WRITES:
        size = stored * rate * 86_400 * 365 / 1e9
        text.append(f"| a year's log at {rate} events/s of the whole ring | " + " | ".join([f"{size:,.0f} GB"] * 2 * len(NODES)) + " |")
    return text + [""]


def depth(nodes: int) -> int:
    """Levels of hubs above the lowest nodes."""
    return math.ceil(math.log(nodes, FAN_OUT) - 1e-9)


def busiest(fits: dict, nodes: int, mesh: bool) -> float:
    return at(fits["mesh"], nodes) if mesh else at(fits["hub"], FAN_OUT + 2)
