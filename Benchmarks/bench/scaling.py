#!/usr/bin/python3
"""How costs grow: with events, the size of an event, origins, entries of a clock, peers and topology, each over at
least three sizes, fitted by least squares on logarithms.

Figures are the best of some runs each, as what a machine does besides only adds. They go into scaling.json and, as
tables with their fits and plots, into scaling.md; what follows from them is in docs/scaling.md.
"""

import argparse, json, shutil, tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import needed  # noqa: F401
import fit, machine, paper, report, svg
from corpus import Corpus, Shape
from peers import federation
from progress import say
from topologies import Ring
from workloads import idle

PARTS = ("events", "bytes", "origins", "clock", "peers", "line", "mesh", "star")
# What grows: the title, its unit on the axis, and the figures that are fitted.
TITLES = {
    "events": "Events in a log that is caught up with",
    "bytes": "Bytes of an event",
    "origins": "Origins in the log",
    "clock": "Entries of each event's clock",
    "peers": "Peers of an idle node, polled every 30 s",
    "line": "Hops along a line of nodes",
    "mesh": "Nodes that all know each other",
    "star": "Nodes of a star, its hub counted in",
}
FIGURES = {
    "seconds": "seconds",
    "cpu_s": "CPU s, both ends",
    "cpu_us_per_event": "CPU µs an event, both ends",
    "database_bytes_per_event": "database bytes an event",
    "follower_mb": "follower's peak MB",
    "cpu_percent": "% of a core",
    "memory_mb": "MB",
    "descriptors": "descriptors",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "cpu_ms_per_event": "CPU ms an event, all nodes",
    "most_cpu_ms_per_event": "of the node with the most",
    "lines_per_event": "copies of an event sent",
}


def catch_up(options, root: Path, shape: Shape) -> dict:
    """The best of some catch-ups with a log of a shape."""
    place = root / shape.name
    place.mkdir()
    source = federation.Source(options.program, place, Corpus.make(shape, place))
    try:
        samples = [federation.CatchUp(source).run(number) for number in range(options.runs)]
        size = source.node.database.stat().st_size
    finally:
        source.close()
        shutil.rmtree(place)
    best = min(samples, key=lambda sample: sample.source_cpu + sample.follower_cpu)
    cpu = best.source_cpu + best.follower_cpu
    facts = {
        "seconds": min(sample.seconds for sample in samples),
        "cpu_s": cpu,
        "cpu_us_per_event": cpu / shape.events * 1e6,
        "database_bytes_per_event": size / shape.events,
        "follower_mb": min(each.follower_mb for each in samples),
    }
    say(f"{shape.name}: " + ", ".join(f"{key} {value:.4g}" for key, value in facts.items()))
    return facts


def points(options, root: Path, part: str) -> list[tuple[int, dict]]:
    """The sizes of one part, each with what was measured."""
    scale = options.size
    if part == "events":
        return [(n, catch_up(options, root, Shape(n))) for n in (scale // 8, scale // 4, scale // 2, scale, scale * 2)]
    if part == "bytes":
        found = [
            (size, catch_up(options, root, Shape(max(200, min(scale // 2, 40_000_000 // size)), bytes=size)))
            for size in (400, 1600, 6400, 25_600, 102_400, 409_600)
        ]
        # Of larger ones there are fewer: what is of the whole log says nothing here.
        return [
            (size, {key: value for key, value in facts.items() if key not in ("seconds", "cpu_s")})
            for size, facts in found
        ]
    if part == "origins":
        return [(n, catch_up(options, root, Shape(scale // 2, origins=n))) for n in (1, 10, 100, 1000)]
    if part == "clock":
        # The same length, so that only the entries differ.
        return [
            (n, catch_up(options, root, Shape(scale // 10, bytes=9_000, origins=1, clock=n)))
            for n in (1, 4, 16, 64, 256)
        ]
    if part == "peers":
        idle.raise_descriptors()
        counts = (10, 30, 100, 300, 1000)
        with ThreadPoolExecutor(len(counts)) as pool:
            runs = [pool.submit(idle.scripted, options.program, root, count, options.window) for count in counts]
        return [(count, run.result()) for count, run in zip(counts, runs)]
    if part == "line":
        return [(hops, ring(options, root, part, hops + 1)) for hops in (1, 2, 4, 8)]
    return [(count, ring(options, root, part, count)) for count in (2, 4, 8)]


def ring(options, root: Path, shape: str, count: int) -> dict:
    made = Ring(options.program, root, shape, count)
    try:
        facts = made.measure(options.rate, options.rate * 5)
    finally:
        made.close()
    say(f"{made.name}: " + ", ".join(f"{key} {value:.4g}" for key, value in facts.items()))
    return facts


def fitted(part: str, found: list[tuple[int, dict]]) -> dict:
    """Of each figure its power law, and its straight line."""
    fits = {}
    for figure in FIGURES:
        values = [(float(size), facts[figure]) for size, facts in found if facts.get(figure) is not None]
        if len(values) >= 3 and all(value > 0 for _, value in values):
            power, line = fit.power(values), fit.line(values)
            fits[figure] = {"power": vars(power), "line": vars(line)}
    return fits


def write(results: dict, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    rounded = json.loads(json.dumps(results), parse_float=lambda text: float(f"{float(text):.5g}"))
    (directory / "scaling.json").write_text(json.dumps(rounded, indent=1) + "\n")
    text = [
        "# How costs grow: the figures",
        "",
        "Written by `make bench-scaling`; what follows from them is in [scaling.md](../scaling.md). Exponents are of",
        "a power law fitted by least squares on logarithms, with the share of variance that it explains; lines are",
        "fitted by least squares too. [All figures](scaling.json).",
        "",
        report.machine_sentence(results["machine"]),
        "",
    ]
    for part, found in results["parts"].items():
        text += table(part, found)
        plot = svg.lines(
            TITLES[part], "size", "growth of each figure, the first size being 1", growth(found), logarithmic=True
        )
        (directory / f"scaling-{part}.svg").write_text(plot)
        text += [f"![{TITLES[part]}](scaling-{part}.svg)", ""]
    text += paper.table(results)
    (directory / "scaling.md").write_text("\n".join(text).rstrip() + "\n")


def table(part: str, found: dict) -> list[str]:
    """Sizes across, figures down, each with its fit."""
    sizes = [size for size, _ in found["points"]]
    text = [
        f"## {TITLES[part]}",
        "",
        "| | " + " | ".join(f"{size:,}" for size in sizes) + " | exponent | R² | line |",
        "|---|" + "---|" * (len(sizes) + 3),
    ]
    for figure, title in FIGURES.items():
        values = [facts.get(figure) for _, facts in found["points"]]
        if any(value is None for value in values):
            continue
        fits = found["fits"].get(figure)
        last = (
            ["", "", ""]
            if not fits
            else [
                f"{fits['power']['exponent']:.2f}",
                f"{fits['power']['r2']:.2f}",
                f"{fits['line']['constant']:.3g} + {fits['line']['slope']:.3g} × size (R² {fits['line']['r2']:.2f})",
            ]
        )
        text.append(f"| {title} | " + " | ".join([*(f"{value:,.4g}" for value in values), *last]) + " |")
    return text + [""]


def growth(found: dict) -> list[tuple[str, list[tuple[float, float]]]]:
    series = []
    for figure in found["fits"]:
        values = [(float(size), facts[figure]) for size, facts in found["points"]]
        series.append((FIGURES[figure], [(size, value / values[0][1]) for size, value in values]))
    return series


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="federation, a release build")
    parser.add_argument("--size", type=int, default=100_000, help="events of a middling log (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each size (default: %(default)s)")
    parser.add_argument("--rate", type=int, default=20, help="events a second in a ring (default: %(default)s)")
    parser.add_argument(
        "--window", type=int, default=62, help="seconds that an idle node is watched (default: %(default)s)"
    )
    parser.add_argument("--parts", default=",".join(PARTS), help="which (default: %(default)s)")
    parser.add_argument("--commit", default="", help="what the program was built from, for the report")
    parser.add_argument("--add", action="store_true", help="keep other parts of the figures that are there")
    parser.add_argument("--out", type=Path, required=True, help="a directory for the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        root = Path(scratch)
        results = {"machine": machine.facts(options.program, options.commit, root), "parts": earlier(options)}
        for part in options.parts.split(","):
            found = points(options, root, part)
            results["parts"][part] = {"points": found, "fits": fitted(part, found)}
            write(results, options.out)


def earlier(options: argparse.Namespace) -> dict:
    path = options.out / "scaling.json"
    return json.loads(path.read_text())["parts"] if options.add and path.exists() else {}


if __name__ == "__main__":
    main()
