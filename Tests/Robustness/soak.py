#!/usr/bin/env python3
"""A ring that works for hours while something goes wrong every minute, and what that costs in memory and descriptors.

    soak.py PROGRAM [--hours 2] [--seed 1] [--directory DIR]
    soak.py --report DIR

Four nodes, each a peer of every other through links on which everything can go wrong; about five writes a second, spread
over all of them. Once a minute a fault of a seeded list happens to one of them or to the links; after it the ring must agree
again within a bound, while the writes go on. Two nodes are never ended: the slopes of their memory and of their descriptors
say whether anything is leaked. At the end the writes stop, and

- all logs and all records must be equal, and `verify --self` and SQLite find nothing in any database;
- the log must hold exactly the events that were acknowledged: none lost, none twice.

The directory holds the nodes, `soak.jsonl` with every fault and every sample as it was taken, and in the end `soak.md`
and `soak.json`; `--report` writes these two of what there is. Exits 1 where anything does not hold. Needs root once, for
Debian's libfaketime, where that is not installed; without it no clock is set.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import soak_report
from fake_clock import FakeClock
from process_series import sample
from ring import DATABASE, Failure, Facts, Node, Ring
from soak_faults import SoakFaults
from steady_writes import SteadyWrites
from stream_link import Links, StreamLink

NAMES = ["alpha", "beta", "gamma", "delta"]
STEADY = ["alpha", "beta"]


class Soak:
    """One run."""

    def __init__(self, options: argparse.Namespace, directory: Path, links: Links) -> None:
        self._options = options
        self._directory = directory
        self._lines = (directory / "soak.jsonl").open("a", buffering=1)
        self._begun = time.monotonic()
        self._violations = 0
        self._writes: SteadyWrites
        # A copy: the program that was built last may be another one before this ends.
        program = directory / "federation"
        shutil.copy2(options.program, program)
        self.ends: dict[tuple[str, str], StreamLink] = {}
        self.ring = Ring(program, NAMES, directory=directory / "nodes", links=self._link(links), verify="enforce")
        self.clocks: dict[str, FakeClock] = {}
        if FakeClock.library():
            self.clocks["delta"] = FakeClock(directory / "delta.clock")
        self.faults = SoakFaults(
            self.ring, self.ends, links, options.seed, options.lasting, STEADY, self.clocks, directory)

    def _link(self, links: Links) -> Any:
        def through(node: Node, peer: Node) -> str:
            link = self.ends[node.name, peer.name] = links.add((peer.address, peer.port))
            # What is half open is noticed when a request has had no answer for so long, beside what it may be held.
            return link.endpoint + "\n    timeout: 10s"

        return through

    def note(self, kind: str, **facts: Any) -> None:
        line: Facts = {"kind": kind, "at": round(time.monotonic() - self._begun, 1), **facts}
        self._lines.write(json.dumps(line) + "\n")
        if kind != "sample":
            words = " ".join(f"{name}={value}" for name, value in line.items() if name not in ("kind", "at"))
            print(f"{line['at']:>8.0f} s  {kind}: {words}", flush=True)

    def violation(self, what: str) -> None:
        self._violations += 1
        self.note("violation", what=what)

    def run(self) -> int:
        options = self._options
        version = self.ring.nodes[0].run("--version").stdout.strip()
        self.note(
            "begun", version=version, hours=options.hours, seed=options.seed, writes_a_second=options.rate,
            every=options.every, within=options.within, steady=STEADY, nodes=NAMES, kinds=self.faults.kinds,
            clock=bool(self.clocks))
        for node in self.ring:
            self.faults.start(node)
        self.ring.agree(60)
        writes = self._writes = SteadyWrites(self.ring.nodes, options.rate, options.seed)
        end = self._begun + options.hours * 3600
        try:
            self._until(end)
        finally:
            ended = writes.finish(120)
        self.samples()
        if not ended:
            self.violation("a write had no answer for two minutes")
        self._hold_to(writes)
        self.note("ended", violations=self._violations)
        return 1 if self._violations else 0

    def _until(self, end: float) -> None:
        next_fault = next_sample = time.monotonic() + 5
        while (now := time.monotonic()) < end:
            if now >= next_sample:
                self.samples()
                next_sample += 60
            if now >= next_fault and end - now > self._options.lasting + 10:
                self._fault()
                # One a minute; one that took longer is followed by the next at once.
                next_fault = max(next_fault + self._options.every, time.monotonic())
            time.sleep(min(0.5, max(0, end - time.monotonic())))

    def _fault(self) -> None:
        kind, happen = self.faults.next()
        begun = time.monotonic()
        try:
            done = happen()
        except (Failure, OSError, http.client.HTTPException) as failure:
            self.violation(f"{kind}: {failure}")
            done = "failed"
        for node in self.ring:
            if not node.is_running:
                self.violation(f"{node.name} has ended; {node.tail()}")
                self.faults.start(node)
        healed = time.monotonic()
        # Ids are no measure here: after a clock was an hour ahead, so are those of the next hour.
        at_least = len(self._writes.acknowledged)
        try:
            agreed = self.ring.agree(self._options.within, at_least=at_least)
            self.note(
                "fault", fault=kind, did=done, lasted=round(healed - begun, 1),
                agreed_after=round(time.monotonic() - healed, 2), events=agreed.count)
        except Failure as failure:
            self.violation(f"after {kind} ({done}): {failure}")

    def samples(self) -> None:
        for node in self.ring:
            if not node.is_running:
                continue
            at = time.monotonic() - self._begun
            if taken := sample(node.pid, at):
                sizes = [
                    path.stat().st_size if path.exists() else 0
                    for path in (node.data / DATABASE, node.data / f"{DATABASE}-wal")]
                self.note(
                    "sample", node=node.name, pid=node.pid, rss_kb=taken.rss_kb, anonymous_kb=taken.anonymous_kb,
                    descriptors=taken.descriptors, threads=taken.threads, cpu_seconds=taken.cpu_seconds,
                    database=sizes[0], write_ahead_log=sizes[1])

    def _hold_to(self, writes: SteadyWrites) -> None:
        """What must hold at the end, each thing whatever becomes of the others."""
        acknowledged = writes.acknowledged
        refusals: dict[str, int] = {}
        for writer in writes.writers:
            for code, count in writer.refusals.items():
                refusals[code] = refusals.get(code, 0) + count
        facts: Facts = {
            "acknowledged": len(acknowledged), "asked_again": sum(writer.asked_again for writer in writes.writers),
            "refused": refusals}
        try:
            agreed = self.ring.agree(self._options.within)
            facts |= {"events": agreed.count, "digest": agreed.digest}
        except Failure as failure:
            self.violation(f"in the end: {failure}")
        if len(set(acknowledged)) != len(acknowledged):
            self.violation("one event was acknowledged for two writes")
        states = set()
        for node in self.ring:
            try:
                node.hold_to(acknowledged)
                if more := set(node.event_ids()) - set(acknowledged):
                    self.violation(f"{node.name} has {len(more)} events that nobody was told of: {sorted(more)[:5]}")
                states.add(json.dumps(list(node.records())))
                node.integrity()
            except (Failure, OSError, http.client.HTTPException) as failure:
                self.violation(f"{node.name}: {failure}")
        if len(states) > 1:
            self.violation("records differ")
        for node in self.ring:
            try:
                status = node.status()
                facts[f"status of {node.name}"] = {
                    key: status[key] for key in ("state", "events", "records", "divergences", "held", "refused", "deferred")}
            except (Failure, OSError, http.client.HTTPException) as failure:
                self.violation(f"{node.name}: {failure}")
        for node in self.ring:
            try:
                node.stop()
            except (Failure, OSError, http.client.HTTPException) as failure:
                self.violation(f"{node.name}: {failure}")
        self.note("end", **facts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", help="the federation binary, a release build")
    parser.add_argument("--hours", type=float, default=2)
    parser.add_argument("--seed", type=int, default=1, help="which faults, to whom, in which order")
    parser.add_argument("--rate", type=float, default=5, help="writes a second, of all nodes together")
    parser.add_argument("--every", type=float, default=60, help="seconds from one fault to the next")
    parser.add_argument("--lasting", type=float, default=20, help="how long a fault lasts, in seconds")
    parser.add_argument("--within", type=float, default=120, help="within how many seconds the ring must agree after one")
    parser.add_argument("--directory", type=Path, help="where all of it is (default: soak-TIME here)")
    parser.add_argument("--report", type=Path, metavar="DIR", help="only report what is in this directory")
    options = parser.parse_args()
    if options.report:
        return soak_report.write(options.report)
    if not options.program:
        parser.error("a program is needed")
    directory: Path = options.directory or Path(time.strftime("soak-%Y%m%d-%H%M%S"))
    directory.mkdir(parents=True)
    with Links() as links:
        soak = Soak(options, directory, links)
        with soak.ring:
            status = soak.run()
    return max(status, soak_report.write(directory))


if __name__ == "__main__":
    sys.exit(main())
