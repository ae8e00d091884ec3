#!/usr/bin/env python3
"""Kills the real program with SIGKILL while a ring of three works, and looks after each kill whether anything is lost.

Two kinds of kill. With a program that has fail points (FEDERATION_FAIL_POINTS=1 swift build), a node kills itself at a
place named beforehand, each of them by turn: inside transactions, around commits and checkpoints, between what is on disk
and whoever is told, in the middle of commands that take several steps. With any program, a node is killed at a random
moment. After each kill, on a copy of what the dead node left: PRAGMA integrity_check, every event that it acknowledged, its
own numbers without gap or repeat. Then it is started again: every node holds every acknowledged event once, and the
digests are one. Now and then `verify --self` on all nodes.

    crashes.py --fail-points PROGRAM --program PROGRAM --kills 1000
    crashes.py --fail-points PROGRAM --kills 1 --seed 7 --only wrote-events:3     one kill again

It ends with 1 where anything did not hold, or where a fail point was never reached.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crash_commands import COMMAND_POINTS, CommandCrash
from crash_ring import CrashRing
from ring import Failure, Node

# After so many kills the ring is made anew: what must hold is looked at in full each time.
RING_KILLS = 40
# After so many, also what takes longer is looked at.
DEEP_EVERY = 20
# Passed a few times a minute: there the first pass is the one.
RARE = {"wrote-replaced", "wrote-quarantine", "wrote-holes", "wrote-events-lost", "wrote-attestations", "epoch-begun"}
# How long a node may take to reach the place it is to die at.
PATIENCE = 8.0


@dataclass
class Report:
    """What has come of the kills so far."""

    seed: int
    began: float = field(default_factory=time.monotonic)
    kills: collections.Counter[str] = field(default_factory=collections.Counter)
    # A node that did not reach its place in time, and was killed where it was.
    late: collections.Counter[str] = field(default_factory=collections.Counter)
    violations: list[dict[str, Any]] = field(default_factory=list)
    events: int = 0
    asked_again: int = 0
    deep_checks: int = 0

    def facts(self, missed: list[str]) -> dict[str, Any]:
        return {
            "seed": self.seed, "seconds": round(time.monotonic() - self.began), "kills": sum(self.kills.values()),
            "random": self.kills["random"], "by_point": {k: v for k, v in sorted(self.kills.items()) if k != "random"},
            "late": dict(sorted(self.late.items())), "missed": missed, "acknowledged_events": self.events,
            "asked_again": self.asked_again, "deep_checks": self.deep_checks, "violations": self.violations,
        }


def all_points(program: Path) -> list[str]:
    """The fail points that a program has; none where it was built without."""
    done = subprocess.run(
        [program, "--version"], env={**os.environ, "FEDERATION_FAIL_POINT": "list"}, capture_output=True, text=True, check=True)
    lines = done.stdout.split()
    return lines if "before-commit" in lines else []


class Kills:
    """Rounds of kills on one ring after another."""

    def __init__(self, options: argparse.Namespace, program: Path, report: Report) -> None:
        self.options, self.program, self.report = options, program, report
        self.crash: CrashRing | None = None
        self.rounds = 0
        self.made = 0

    def close(self) -> None:
        if self.crash is not None:
            self.report.events += self.crash.events
            self.report.asked_again += sum(writer.asked_again for writer in self.crash.writers.values())
            self.crash.close()
            self.crash = None

    def ring(self) -> CrashRing:
        if self.crash is not None and self.rounds >= RING_KILLS:
            self.close()
        if self.crash is None:
            self.made += 1
            self.rounds = 0
            self.crash = CrashRing(self.program, f"{self.options.seed} {self.made}", self.options.pause)
        return self.crash

    def at_point(self, point: str, times: int, chance: random.Random) -> str:
        """Has one node die at a point. The name under which the kill counts."""
        crash = self.ring()
        victim = self._victim(point, crash, chance)
        victim.stop()
        victim.spawn(environment={"FEDERATION_FAIL_POINT": f"{point}:{times}"})
        deadline = time.monotonic() + PATIENCE
        while victim.is_running and time.monotonic() < deadline:
            time.sleep(0.005)
        name = point
        if victim.is_running:
            self.report.late[point] += 1
            name = "random"
            victim.kill()
        self._after(crash, [victim])
        return name

    def at_random(self, chance: random.Random) -> str:
        """Kills one node, or two at once, at a random moment: while it starts, or while it works."""
        crash = self.ring()
        victims = chance.sample(crash.ring.nodes, 2 if chance.random() < 0.15 else 1)
        if chance.random() < 0.3:
            # While it starts, or stops.
            for victim in victims:
                victim.signal(signal.SIGTERM)
            time.sleep(chance.uniform(0, 0.05))
            for victim in victims:
                victim.kill()
                victim.spawn()
            time.sleep(chance.uniform(0, 0.25))
        else:
            time.sleep(min(1.5, chance.expovariate(3)))
        for victim in victims:
            victim.kill()
        self._after(crash, victims)
        return "random"

    def _victim(self, point: str, crash: CrashRing, chance: random.Random) -> Node:
        """The node that passes a point, where not every one does."""
        only = {
            "push-committed": "alpha", "wrote-quarantine": "alpha", "wrote-replaced": "alpha", "wrote-holes": "alpha",
            "wrote-events-lost": "alpha", "replayer-kept": "beta",
        }
        return crash.ring[only[point]] if point in only else chance.choice(crash.ring.nodes)

    def _after(self, crash: CrashRing, victims: list[Node]) -> None:
        for victim in victims:
            status = victim.process.wait(30) if victim.process else 0
            if status != -signal.SIGKILL:
                raise Failure(f"{victim.name} ended with {status} and not by SIGKILL; {victim.tail()}")
            crash.check_dead(victim)
        for victim in victims:
            victim.start()
        crash.check_ring()
        self.rounds += 1
        if self.rounds % DEEP_EVERY == 0:
            self.report.deep_checks += 1
            crash.check_deep()
        crash.go()


def plan(options: argparse.Namespace, points: list[str]) -> list[tuple[str, int]]:
    """What is to be killed where, in order: each point by turn, each time at another pass of it."""
    chance = random.Random(options.seed)
    if options.only:
        point, _, times = options.only.partition(":")
        return [(point, int(times or 1))] * options.kills
    wanted: list[tuple[str, int]] = []
    of_points = options.kills * (0 if not points else 6 if options.program else 10) // 10
    turn = 0
    while len(wanted) < of_points:
        for point in points:
            times = 1 if point in RARE else 1 + min(60, int(chance.expovariate(1 / (1 + 2 * turn))))
            wanted.append((point, times))
        turn += 1
    wanted = wanted[:of_points]
    return wanted + [("random", 1)] * (options.kills - len(wanted))


def run(options: argparse.Namespace) -> int:
    points = all_points(options.fail_points) if options.fail_points else []
    if options.fail_points and not points:
        sys.exit(f"{options.fail_points} has no fail points: FEDERATION_FAIL_POINTS=1 swift build")
    report = Report(options.seed)
    at_points = Kills(options, options.fail_points, report)
    at_random = Kills(options, options.program or options.fail_points, report)
    commands = CommandCrash(options.fail_points, options.seed) if points else None
    wanted = plan(options, points)
    done = 0
    print(f"seed {options.seed}: {len(wanted)} kills, {len(points)} fail points", flush=True)
    try:
        for number, (point, times) in enumerate(wanted, 1):
            chance = random.Random(f"{options.seed} {number}")
            done = number
            kills = at_random if point == "random" else at_points
            try:
                if point == "random":
                    name = at_random.at_random(chance)
                elif commands is not None and point in COMMAND_POINTS:
                    name = commands.kill(point, times, chance)
                else:
                    name = at_points.at_point(point, times, chance)
                report.kills[name] += 1
            except (Failure, OSError, subprocess.SubprocessError) as failure:
                report.violations.append({"kill": number, "point": point, "times": times, "what": str(failure)})
                print(f"kill {number} at {point}:{times}: {failure}", flush=True)
                if options.verbose:
                    traceback.print_exc()
                kills.close()
                if options.stop:
                    break
            if number % 25 == 0 or number == len(wanted):
                print(
                    f"{number} kills, {len(report.kills)} points, {len(report.violations)} violations, "
                    f"{time.monotonic() - report.began:.0f} s", flush=True)
    except KeyboardInterrupt:
        print("stopped: what was done until now is reported")
    finally:
        at_points.close()
        at_random.close()
        if commands is not None:
            commands.close()
    # Where fewer kills are asked for than there are points, the rest was not to be reached.
    missed = [point for point in points if not report.kills[point] and any(point == name for name, _ in wanted[:done])]
    facts = report.facts(missed)
    if options.report:
        options.report.write_text(json.dumps(facts, indent=1) + "\n")
    print(json.dumps({key: value for key, value in facts.items() if key != "violations"}, indent=1))
    for point in missed:
        print(f"never reached: {point}")
    return 1 if report.violations or missed else 0


def program(text: str) -> Path:
    """Absolute, for it is started from anywhere."""
    path = Path(text).resolve()
    if not os.access(path, os.X_OK):
        raise argparse.ArgumentTypeError(f"no program at {path}")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fail-points", type=program, help="a program that has fail points")
    parser.add_argument("--program", type=program, help="a program as it is released, for kills at random")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--only", metavar="POINT[:PASS]", help="every kill at this point")
    parser.add_argument("--pause", type=float, default=0.01, help="seconds between two writes of a node (default: 0.01)")
    parser.add_argument("--report", type=Path, help="where the report goes, as JSON")
    parser.add_argument("--stop", action="store_true", help="end at the first thing that did not hold")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    if not options.fail_points and not options.program:
        parser.error("a program to kill: --fail-points, --program, or both")
    # However it is ended, the nodes end with it, and what was done is reported.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _stop)
    sys.exit(run(options))


def _stop(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
