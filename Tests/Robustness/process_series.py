"""What a process holds over time, and the slope of it: least squares, with the standard error of the slope."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """A process at one moment."""

    at: float
    rss_kb: int
    anonymous_kb: int
    descriptors: int
    threads: int
    cpu_seconds: float


def sample(pid: int, at: float) -> Sample | None:
    """How a process is now; None where there is none."""
    root = Path("/proc") / str(pid)
    try:
        fields = dict(line.split(":", 1) for line in (root / "status").read_text().splitlines())
        times = (root / "stat").read_text().rpartition(")")[2].split()
        descriptors = len(os.listdir(root / "fd"))
        return Sample(
            at=at, rss_kb=int(fields["VmRSS"].split()[0]), anonymous_kb=int(fields["RssAnon"].split()[0]),
            descriptors=descriptors, threads=int(fields["Threads"]), cpu_seconds=(int(times[11]) + int(times[12])) / TICKS)
    except (OSError, KeyError):
        return None


@dataclass(frozen=True)
class Slope:
    """How a figure grows an hour; `error` is the standard error of that, which takes the residues for independent."""

    per_hour: float
    error: float
    samples: int
    hours: float

    def exceeds(self, bound: float) -> bool:
        """It is above the bound, and not by chance (two standard errors)."""
        return self.per_hour - 2 * self.error > bound


def drift(points: Sequence[tuple[float, float]]) -> float | None:
    """What is added in a typical stretch between two samples, an hour: the median, which single steps do not move.

    A leak adds in every minute; a process that was given more to do than ever before keeps the memory of that, once.
    """
    rates = [
        (after - before) / (end - begin) * 3600
        for (begin, before), (end, after) in zip(points, points[1:], strict=False) if end > begin]
    return statistics.median(rates) if rates else None


def slope(points: Sequence[tuple[float, float]]) -> Slope | None:
    """Of (seconds, figure); None for fewer than three moments."""
    if len(points) < 3 or points[-1][0] <= points[0][0]:
        return None
    count = len(points)
    hours = [at / 3600 for at, _ in points]
    mean_x = sum(hours) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x in hours)
    per_hour = sum((x - mean_x) * (y - mean_y) for x, (_, y) in zip(hours, points, strict=True)) / spread
    residue = sum((y - mean_y - per_hour * (x - mean_x)) ** 2 for x, (_, y) in zip(hours, points, strict=True))
    return Slope(per_hour, math.sqrt(residue / (count - 2) / spread), count, hours[-1] - hours[0])
