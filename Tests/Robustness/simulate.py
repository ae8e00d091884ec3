#!/usr/bin/env python3
"""Very many seeds of the simulation, by the program's own `simulate`, on all processors.

    simulate.py PROGRAM [--seeds 10000] [--seed 1] [--jobs N] [--report FILE]

Every seed is a ring of five to seven nodes with the faults that it draws (`federation help simulate`). A third of them,
a hundred at a time, do not look at signatures, a third check them and go on, a third enforce them. A seed that fails is
printed with the command that replays it, and the others go on. Exits 1 where any has failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

CHUNK = 100
MODES = ("off", "warn", "enforce")


def run(program: Path, first: int, count: int, mode: str) -> list[dict[str, Any]]:
    """What came of so many seeds; one that the program does not survive is found by running each by itself."""
    command = [str(program), "simulate", "--json", "--verify", mode, "--seed", str(first), "--seeds", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        runs: list[dict[str, Any]] = json.loads(done.stdout)["runs"]
    except (ValueError, KeyError):
        if count > 1:
            return [one for seed in range(first, first + count) for one in run(program, seed, 1, mode)]
        what = f"the program ended with {done.returncode}: {done.stderr[-500:]}"
        runs = [{"seed": first, "nodes": 0, "shape": "", "violation": what}]
    for each in runs:
        each["verify"] = mode
    return runs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path, help="the federation binary, a release build")
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1, help="the first of them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--report", type=Path, help="also write the figures and the seeds that failed, as JSON")
    options = parser.parse_args()
    last = options.seed + options.seeds
    chunks = [
        (first, min(CHUNK, last - first), MODES[place % len(MODES)])
        for place, first in enumerate(range(options.seed, last, CHUNK))]
    begun = told = time.monotonic()
    totals = {"seeds": 0, "events": 0, "polls": 0, "failed_polls": 0, "crashes": 0, "lost": 0, "skipped": 0, "filled": 0}
    failed: list[dict[str, Any]] = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for work in as_completed([pool.submit(run, options.program.resolve(), *chunk) for chunk in chunks]):
            for each in work.result():
                totals["seeds"] += 1
                for name in totals.keys() - {"seeds"}:
                    totals[name] += each.get(name, 0)
                if "violation" in each:
                    failed.append(each)
                    replay = f"federation simulate --seed {each['seed']} --verify {each['verify']} --tell"
                    print(f"seed {each['seed']}: {each['violation']}\n    replay: {replay}", flush=True)
            if time.monotonic() - told > 20 or totals["seeds"] == options.seeds:
                told = time.monotonic()
                a_minute = totals["seeds"] / (told - begun) * 60
                print(
                    f"{totals['seeds']:,} of {options.seeds:,} seeds, {len(failed)} failed, {a_minute:,.0f} a minute",
                    flush=True)
    if options.report:
        facts = {"seconds": round(time.monotonic() - begun, 1), "jobs": options.jobs, **totals, "failed": failed}
        options.report.write_text(json.dumps(facts, indent=1) + "\n")
    print(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in totals.items()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
