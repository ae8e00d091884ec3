#!/usr/bin/env python3
"""Everything that goes wrong around real processes, one case after another, each with what must hold.

    faults.py PROGRAM [CASE…] [--seed 1] [--report FILE] [--list]

A case makes a ring of daemons, does one thing to it, and looks whether each node works alone meanwhile, says the right
reason, and is in step again within a bound once it is over: with every event that was acknowledged, each once, in
databases that are sound, and with memory and descriptors as before. A CASE is a part of its name. Some need root (network
namespaces, disks of their own); without it they are skipped, and say so. Exits 1 where a case fails.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from pathlib import Path

# Each brings its cases.
import fault_clocks  # noqa: F401
import fault_databases  # noqa: F401
import fault_disks  # noqa: F401
import fault_packets  # noqa: F401
import fault_streams  # noqa: F401
from fault_case import CASES, Case, Scene, Skipped
from ring import Failure


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path, nargs="?", help="the federation binary")
    parser.add_argument("cases", nargs="*", help="only those whose name has one of these words in it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, help="also write what was seen, as JSON and, beside it, as Markdown")
    parser.add_argument("--list", action="store_true", help="only list the cases")
    options = parser.parse_args()
    chosen = [each for each in CASES if not options.cases or any(word in each.name for word in options.cases)]
    if options.list:
        for each in CASES:
            print(f"{each.name}\n    {each.what}")
        return 0
    if not options.program:
        parser.error("a program is needed")
    if not chosen:
        parser.error("no case of that name; --list lists them")
    results = [run(each, options.program.resolve(), options.seed) for each in chosen]
    if options.report:
        options.report.write_text(json.dumps(results, indent=1) + "\n")
        options.report.with_suffix(".md").write_text(markdown(results))
    counts = {word: sum(result["result"] == word for result in results) for word in ("passed", "failed", "skipped")}
    print(", ".join(f"{count} {word}" for word, count in counts.items()))
    return 1 if counts["failed"] else 0


def run(each: Case, program: Path, seed: int) -> dict[str, str]:
    begun = time.monotonic()
    result, seen = "passed", ""
    try:
        with Scene(program, seed) as scene:
            seen = each.run(scene)
    except Skipped as why:
        result, seen = "skipped", str(why)
    except Failure as failure:
        result, seen = "failed", str(failure)
    except Exception:
        # A mistake of the case is no pass; the other cases are shown all the same.
        result, seen = "failed", traceback.format_exc()
    seconds = f"{time.monotonic() - begun:.0f}"
    print(f"{result}  {each.name} ({seconds} s): {seen}", flush=True)
    return {"case": each.name, "what": each.what, "result": result, "seen": seen, "seconds": seconds, "seed": str(seed)}


def markdown(results: list[dict[str, str]]) -> str:
    text = f"# Faults\n\n{os.cpu_count()} processors.\n\n"
    text += "| case | what must hold | result | seen | |\n|---|---|---|---|---|\n"
    for result in results:
        seen = result["seen"].splitlines()[0] if result["seen"] else ""
        text += f"| {result['case']} | {result['what']} | {result['result']} | {seen} | {result['seconds']} s |\n"
    return text


if __name__ == "__main__":
    sys.exit(main())
