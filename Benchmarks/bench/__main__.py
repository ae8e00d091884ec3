#!/usr/bin/python3
"""Measures `federation` beside others, in turns and in one run, and writes what came of it.

Each workload is checked for its result before it is timed for its speed: counts and digests are equal, or the run ends.
"""

import argparse, json, os, tempfile
from pathlib import Path

import needed  # noqa: F401
import machine, report
from contest import Bench, merged
from progress import say
from workloads import WORKLOADS

PEERS = ("postgres", "nats", "redis", "syncthing", "paged")


def main() -> None:
    names = "\n".join(f"  {name:<10} {run.__doc__.splitlines()[0]}" for name, run in WORKLOADS.items())
    parser = argparse.ArgumentParser(
        prog="bench",
        description=__doc__,
        epilog=f"workloads:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--program", required=True, help="federation, a release build")
    parser.add_argument(
        "--paged", default="", help="PagedPoll, a release build; without it that contestant is left out"
    )
    parser.add_argument("--size", type=int, default=200_000, help="events of a catch-up (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=5, help="turns of each contest (default: %(default)s)")
    parser.add_argument("--workloads", default=",".join(WORKLOADS), help="which, separated by commas (default: all)")
    parser.add_argument("--peers", default=",".join(PEERS), help="beside whom (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="a directory for the report (default: only the results are printed)")
    parser.add_argument(
        "--name", default="side-by-side", help="what the report's files are called (default: %(default)s)"
    )
    parser.add_argument(
        "--add", action="store_true", help="keep what an earlier report of this name has of other workloads"
    )
    parser.add_argument("--commit", default="", help="what the program was built from, for the report")
    parser.add_argument("--scratch", help="where databases are made while it runs (default: the system's)")
    options = parser.parse_args()
    wanted = [name for name in options.workloads.split(",") if name]
    unknown = [name for name in wanted if name not in WORKLOADS]
    if unknown:
        parser.error(f"no workload {unknown[0]}; there are {', '.join(WORKLOADS)}")
    peers = tuple(peer for peer in options.peers.split(",") if peer != "paged" or options.paged)
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="bench-") as scratch:
        root = Path(scratch)
        root.chmod(0o755)
        results = {"machine": machine.facts(options.program, options.commit, root), "workloads": earlier(options)}
        bench = Bench(options.program, options.paged, root, options.pairs, options.size, peers)
        for name in wanted:
            say(f"workload {name}")
            load, begun = os.getloadavg()[0], machine.now()
            for result in WORKLOADS[name](bench):
                circumstances = {"begun": begun, "load": [load, os.getloadavg()[0]], "commit": options.commit}
                results["workloads"] = merged(
                    results["workloads"], [{**result.json(), **circumstances}], list(WORKLOADS)
                )
            if options.out:
                report.write(results, options.out, options.name)
    if not options.out:
        print(json.dumps(results, indent=1))


def earlier(options: argparse.Namespace) -> list[dict]:
    """The workloads of the report that is to be added to."""
    if not options.add or not options.out:
        return []
    path = options.out / f"{options.name}.json"
    return json.loads(path.read_text())["workloads"] if path.exists() else []


if __name__ == "__main__":
    main()
