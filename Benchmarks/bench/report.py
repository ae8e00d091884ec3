"""Results as JSON, and as Markdown with plots: medians, spreads, ratios, versions and the machine."""

import json
from pathlib import Path
from statistics import median

import goals, svg

# What is shown of a run, by its keys: a title, and how many digits after the point.
COLUMNS = {
    "events_per_second": ("events/s", 0),
    "events_per_cpu_second": ("a CPU second", 0),
    "seconds": ("seconds", 2),
    "source_cpu": ("CPU s, source", 2),
    "follower_cpu": ("CPU s, follower", 2),
    "source_mb": ("MB, source", 0),
    "follower_mb": ("MB, follower", 0),
    "p50_ms": ("p50 ms", 2),
    "p99_ms": ("p99 ms", 2),
    "longest_ms": ("longest ms", 2),
    "rate": ("attained/s", 0),
    "source_cpu_ms": ("CPU ms an event, source", 2),
    "follower_cpu_ms": ("CPU ms an event, follower", 2),
    "cpu_percent": ("% of a core", 3),
    "memory_mb": ("MB", 1),
    "pss_mb": ("MB, shared counted once", 1),
    "descriptors": ("descriptors", 0),
    "polls": ("polls", 0),
    "fairness": ("slowest ÷ fastest interval", 3),
    "ready_ms": ("ms to the first answer", 1),
}
# Of these a smaller one is better, and the ratio is theirs over ours.
COSTS = {"seconds", "p50_ms", "p99_ms", "cpu_percent", "memory_mb", "ready_ms"}


def write(results: dict, directory: Path, name: str) -> None:
    """Writes NAME.json, NAME.md and a plot for each workload into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}.json").write_text(json.dumps(thinned(results), indent=1) + "\n")
    plots = {}
    for found in results["workloads"]:
        for plot, text in plots_of(found):
            path = f"{name}-{plot}.svg"
            (directory / path).write_text(text)
            plots.setdefault(found["name"], []).append(path)
    (directory / f"{name}.md").write_text(markdown(results, name, plots))


def thinned(results: dict) -> dict:
    """The same with numbers of six digits: more were not measured."""
    return json.loads(json.dumps(results), parse_float=lambda text: float(f"{float(text):.6g}"))


def plots_of(found: dict) -> list[tuple[str, str]]:
    key = leading(found)
    if not key:
        return []
    rows = [(name, [run[key] for run in runs if run.get(key) is not None]) for name, runs in found["runs"].items()]
    plots = [(found["name"], svg.dots(found["title"], COLUMNS[key][0], rows))]
    series = [
        (end, run["extra"][f"{end}_series"])
        for run in found["runs"].get(goals.MINE, [])[:1]
        for end in ("follower", "source")
        if (run.get("extra") or {}).get(f"{end}_series")
    ]
    if found["name"] == "million" and series:
        plots.append((found["name"] + "-memory", svg.lines("Memory while it catches up", "seconds", "MB", series)))
    return plots


def leading(found: dict) -> str:
    """What a workload is mostly about."""
    run = next((runs[0] for runs in found["runs"].values() if runs), {})
    return next(
        (key for key in ("events_per_second", "p50_ms", "cpu_percent", "ready_ms", "memory_mb") if key in run), ""
    )


def markdown(results: dict, name: str, plots: dict[str, list[str]]) -> str:
    machine = results["machine"]
    lines = [
        "# Side by side",
        "",
        "Written by `make bench`. Contestants take turns in one run (A B A B), each result is checked",
        "first (counts and digests equal), and a ratio is the median of the ratios within each turn, above 1 where",
        f"`federation` is better. Brackets hold the least and the greatest. [All runs]({name}.json) ·",
        "[how it is measured](README.md).",
        "",
        "## The machine",
        "",
        machine_sentence(machine),
        "",
        "; ".join(f"{program}: {version}" for program, version in machine["versions"].items()) + ".",
        "",
        "## Goals",
        "",
        "| what | goal | measured | |",
        "|---|---|---|---|",
    ]
    for each in goals.table(results):
        met = {True: "met", False: "**missed**", None: "not measured"}[each.met]
        lines.append(f"| {each.what} | {each.goal} | {each.measured} | {met} |")
    for found in results["workloads"]:
        lines += section(found, plots.get(found["name"], []))
    return "\n".join(lines) + "\n"


def machine_sentence(machine: dict) -> str:
    """What a report says of the machine."""
    return (
        f"{machine['date']}. {machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB; "
        f"{machine['system']}, "
        f"Linux {machine['kernel']}, {machine['file_system']}; load {machine['load_at_begin']:.1f} at the beginning"
        + ("")
        + ". "
        f"A flushed write of 4 KiB takes {machine['flush_us']:,.0f} µs, and OpenSSL verifies "
        f"{machine['ed25519_verifies_per_core']:,.0f} Ed25519 signatures a second on a core."
    )


def section(found: dict, plots: list[str]) -> list[str]:
    runs = {name: each for name, each in found["runs"].items() if each}
    keys = [key for key in COLUMNS if any(key in run for each in runs.values() for run in each)]
    key = leading(found)
    # What is ours in another way is shown beside it, not compared.
    compared = goals.MINE in runs and key and any(not is_ours(name) for name in runs)
    turns = max((len(each) for each in runs.values()), default=0)
    lines = ["", f"## {found['title']}", "", circumstances(found, turns), ""]
    if key == "events_per_second":
        keys = [each for each in keys if each != "seconds"]
    heads = ["", *(COLUMNS[each][0] for each in keys)]
    if compared:
        heads.append(f"`federation` in {COLUMNS[key][0]}, ratio")
        if key == "events_per_second":
            heads.append("a CPU second, ratio")
    lines += ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for name, each in runs.items():
        cells = [name, *(figure(each, key) for key in keys)]
        if compared:
            cells.append("" if is_ours(name) else ratio(found, key, name))
            if key == "events_per_second":
                cells.append("" if is_ours(name) else ratio(found, "events_per_cpu_second", name))
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", *(line for note in found["notes"] for line in (note, ""))]
    lines += [f"![{found['title']}]({plot})" for plot in plots]
    return lines


def is_ours(name: str) -> bool:
    return name.startswith(goals.MINE)


def circumstances(found: dict, turns: int) -> str:
    text = "Once" if turns == 1 else f"{turns} turns"
    if "load" in found:
        text += f", {found['begun']}, load {found['load'][0]:.1f} before and {found['load'][1]:.1f} after"
    return text + (f", commit {found['commit']}." if found.get("commit") else ".")


def figure(runs: list[dict], key: str) -> str:
    found = [run[key] for run in runs if run.get(key) is not None]
    if not found:
        return ""
    digits = COLUMNS[key][1]
    text = f"{median(found):,.{digits}f}"
    if len(found) > 1 and key in ("events_per_second", "p50_ms", "p99_ms"):
        text += f" ({min(found):,.{digits}f}–{max(found):,.{digits}f})"
    return text


def ratio(found: dict, key: str, other: str) -> str:
    ratios = goals.ratios(found, key, other)
    if key in COSTS:
        ratios = [1 / each for each in ratios if each]
    if not ratios:
        return ""
    spread = f" ({min(ratios):.2f}–{max(ratios):.2f})" if len(ratios) > 1 else ""
    return f"{median(ratios):.2f}{spread}"
