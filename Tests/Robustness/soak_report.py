"""What a soak has shown, of its `soak.jsonl`: `soak.md` for people and `soak.json`."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

from process_series import Slope, drift, slope

Facts = dict[str, Any]

# A node reads its log into caches and its allocator finds its size first; a slope is of the later half of a process.
SETTLED_AFTER = 0.5
# A slope of less is none.
SHORTEST_HOURS = 0.15
# What a steady node may gain an hour: in a typical minute, and by its slope beyond two standard errors.
BOUNDS = {"anonymous_kb": 2048.0, "descriptors": 2.0}
# What is told as a step, from one minute to the next.
STEP_KB = 1024
FIGURES = ("anonymous_kb", "rss_kb", "descriptors", "threads")


def write(directory: Path) -> int:
    """Writes both reports and says where; 1 where anything does not hold."""
    lines = [json.loads(line) for line in (directory / "soak.jsonl").read_text().splitlines()]
    report = _report(lines)
    (directory / "soak.json").write_text(json.dumps(report, indent=1) + "\n")
    (directory / "soak.md").write_text(_markdown(report))
    print(f"{directory}/soak.md: {'all of it holds' if report['ok'] else 'not all of it holds'}")
    return 0 if report["ok"] else 1


def _report(lines: list[Facts]) -> Facts:
    by_kind: dict[str, list[Facts]] = defaultdict(list)
    for line in lines:
        by_kind[line["kind"]].append(line)
    begun = by_kind["begun"][0]
    series: dict[tuple[str, int], list[Facts]] = defaultdict(list)
    for each in by_kind["sample"]:
        series[each["node"], each["pid"]].append(each)
    processes = [_process(node, samples, node in begun["steady"]) for (node, _), samples in series.items()]
    leaks = [
        f"{process['node']}: {figure}" for process in processes if process["steady"]
        for figure in BOUNDS if process["slopes"].get(figure, {}).get("exceeds")]
    steps = _steps(by_kind["sample"], by_kind["fault"], begun["steady"])
    ended = bool(by_kind["end"])
    return {
        "ok": ended and not by_kind["violation"] and not leaks, "ended": ended,
        "seconds": lines[-1]["at"], "begun": begun, "machine": f"{os.cpu_count()} processors, {platform.machine()}",
        "faults": _faults(by_kind["fault"]), "fault_count": len(by_kind["fault"]),
        "violations": by_kind["violation"], "leaks": leaks, "steps": steps, "processes": processes,
        "end": by_kind["end"][0] if ended else None,
    }


def _process(node: str, samples: list[Facts], steady: bool) -> Facts:
    settled_at = samples[0]["at"] + SETTLED_AFTER * (samples[-1]["at"] - samples[0]["at"])
    settled = [each for each in samples if each["at"] >= settled_at]
    slopes: Facts = {}
    for figure in FIGURES:
        points = [(each["at"], each[figure]) for each in settled]
        found, typical = slope(points), drift(points)
        if found and typical is not None and found.hours >= SHORTEST_HOURS:
            slopes[figure] = _facts(found, typical, figure)
    hours = (samples[-1]["at"] - samples[0]["at"]) / 3600
    spent = samples[-1]["cpu_seconds"] - samples[0]["cpu_seconds"]
    return {
        "node": node, "steady": steady, "hours": round(hours, 3), "samples": len(samples), "slopes": slopes,
        "cpu_percent": round(spent / hours / 36, 2) if hours else None,
        "first": samples[0], "settled": settled[0] if settled else None, "last": samples[-1],
        "highest": {figure: max(each[figure] for each in samples) for figure in (*FIGURES, "write_ahead_log")},
    }


def _facts(found: Slope, typical: float, figure: str) -> Facts:
    bound = BOUNDS.get(figure)
    return {
        "per_hour": round(found.per_hour, 2), "error": round(found.error, 2), "typical_per_hour": round(typical, 2),
        "samples": found.samples, "hours": round(found.hours, 3),
        "exceeds": bound is not None and found.exceeds(bound) and typical > bound}


def _steps(samples: list[Facts], faults: list[Facts], steady: list[str]) -> list[Facts]:
    """When the memory of a steady node rose at once, and what happened in that minute."""
    steps: list[Facts] = []
    last: dict[str, Facts] = {}
    for each in samples:
        before = last.get(each["node"])
        last[each["node"]] = each
        if each["node"] not in steady or before is None or each["anonymous_kb"] - before["anonymous_kb"] < STEP_KB:
            continue
        near = [fault["did"] for fault in faults if before["at"] - 1 < fault["at"] <= each["at"] + 1]
        steps.append({
            "node": each["node"], "at": each["at"], "kb": each["anonymous_kb"] - before["anonymous_kb"],
            "to_kb": each["anonymous_kb"], "meanwhile": near})
    return steps


def _faults(faults: list[Facts]) -> list[Facts]:
    kinds: dict[str, list[Facts]] = defaultdict(list)
    for each in faults:
        kinds[each["fault"]].append(each)
    return [
        {
            "fault": kind, "times": len(all_of), "agreed_after_median": round(
                statistics.median(each["agreed_after"] for each in all_of), 2),
            "agreed_after_longest": max(each["agreed_after"] for each in all_of), "example": all_of[-1]["did"],
        }
        for kind, all_of in sorted(kinds.items())]


def _markdown(report: Facts) -> str:
    begun, end = report["begun"], report["end"] or {}
    text = f"# A soak of {report['seconds'] / 3600:.2f} hours\n\n"
    text += (
        f"{begun['version']}, seed {begun['seed']}, {len(begun['nodes'])} nodes, {begun['writes_a_second']:g} writes a "
        f"second, {report['fault_count']} faults, one each {begun['every']:g} s; {report['machine']}.\n\n")
    text += "**All of it holds.**\n\n" if report["ok"] else "**Not all of it holds.**\n\n"
    if not report["ended"]:
        text += "It has not ended yet, or was cut short: what must hold at the end was not looked at.\n\n"
    if end:
        text += (
            f"{end['acknowledged']:,} events acknowledged, {end.get('events', 0):,} in each log, "
            f"{end['asked_again']:,} requests asked again, refused: {end['refused'] or 'none'}.\n\n")
    for violation in report["violations"]:
        text += f"- **violation** at {violation['at']:.0f} s: {violation['what'].splitlines()[0]}\n"
    for leak in report["leaks"]:
        text += f"- **leak**: {leak}\n"
    text += "\n## Faults\n\n| fault | times | agreed after (median) | longest | the last one |\n|---|---|---|---|---|\n"
    for each in report["faults"]:
        text += (
            f"| {each['fault']} | {each['times']} | {each['agreed_after_median']:.1f} s | "
            f"{each['agreed_after_longest']:.1f} s | {each['example']} |\n")
    return text + _slopes(report)


def _slopes(report: Facts) -> str:
    text = "\n## Slopes\n\n"
    text += (
        "Least squares an hour, ± one standard error, of samples once a minute in the later half of a process's life; and "
        "what a typical minute of it adds (the median), an hour. Processes that lived too short for that are left out.\n\n")
    text += (
        "| process | hours | memory of its own (MB) | MB/h | typical minute, MB/h | resident (MB) | MB/h | descriptors "
        "| an hour | threads | CPU | database (MB) | log ahead, highest (MB) |\n" + "|---" * 13 + "|\n")
    for process in report["processes"]:
        slopes, last, settled = process["slopes"], process["last"], process["settled"]
        if "anonymous_kb" not in slopes:
            continue
        name = process["node"] + (" (never ended)" if process["steady"] else "")
        text += f"| {name} | {process['hours']:.2f} "
        for figure, unit in (("anonymous_kb", 1024), ("rss_kb", 1024), ("descriptors", 1)):
            found = slopes[figure]
            digits = 1 if unit > 1 else 0
            text += f"| {settled[figure] / unit:.{digits}f} → {last[figure] / unit:.{digits}f} "
            text += f"| {found['per_hour'] / unit:+.2f} ± {found['error'] / unit:.2f} "
            if figure == "anonymous_kb":
                text += f"| {found['typical_per_hour'] / unit:+.2f} "
        text += f"| {settled['threads']} → {last['threads']} | {process['cpu_percent']:.1f} % "
        text += f"| {last['database'] / 1e6:.1f} | {process['highest']['write_ahead_log'] / 1e6:.1f} |\n"
    text += "\nSteps of the memory of nodes that were never ended, from one minute to the next:\n\n"
    for step in report["steps"]:
        text += f"- {step['node']} at {step['at'] / 60:.0f} min: {step['kb'] / 1024:+.1f} to {step['to_kb'] / 1024:.1f} MB"
        text += f" ({'; '.join(step['meanwhile']) or 'no fault'})\n"
    return text
