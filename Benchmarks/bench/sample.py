"""What one run of one contestant measured, and the meter that measures it."""

import threading, time
from dataclasses import asdict, dataclass, field
from statistics import median

from processes import pss_mb, usage


@dataclass
class Sample:
    """Of one run. Memory is the peak of each end, in MB."""

    seconds: float
    events: int
    source_cpu: float = 0.0
    follower_cpu: float = 0.0
    source_mb: float = 0.0
    follower_mb: float = 0.0
    extra: dict = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.events / self.seconds

    @property
    def per_cpu(self) -> float:
        """Events a processor second of both ends."""
        return self.events / max(0.01, self.source_cpu + self.follower_cpu)

    def facts(self) -> dict:
        return {**asdict(self), "events_per_second": self.rate, "events_per_cpu_second": self.per_cpu}


class Meter:
    """Processor time and memory of two ends, from now on; the peak of memory is sampled ten times a second.

    Memory is proportional set size: pages that several processes share count once. For a process on its own it is about
    what it has resident less its part of libraries; its own high-water mark is taken where it is greater.
    """

    def __init__(self, source: int, follower: int, from_birth: bool = False):
        self.ends = (source, follower)
        self.begun = time.monotonic()
        self.before = (usage(source).cpu, 0.0 if from_birth else usage(follower).cpu)
        self.peak = [0.0, 0.0]
        self.series: list[tuple[float, float, float]] = []
        self.over = threading.Event()
        self.sampler = threading.Thread(target=self._watch, daemon=True)
        self.sampler.start()

    def _watch(self):
        while not self.over.wait(0.1):
            self._look()

    def _look(self):
        found = [pss_mb(pid) for pid in self.ends]
        self.peak = [max(pair) for pair in zip(self.peak, found)]
        self.series.append((time.monotonic() - self.begun, *found))

    def stop(self, events: int, seconds: float | None = None) -> Sample:
        """Ends the measurement; without `seconds` the time is up to now."""
        spent = time.monotonic() - self.begun if seconds is None else seconds
        now = [usage(pid) for pid in self.ends]
        self.over.set()
        self.sampler.join()
        self._look()
        # One process: its high-water mark misses nothing between two looks.
        peak = [max(self.peak[end], now[end].peak_mb if now[end].processes == 1 else 0) for end in (0, 1)]
        return Sample(
            seconds=spent,
            events=events,
            source_cpu=now[0].cpu - self.before[0],
            follower_cpu=now[1].cpu - self.before[1],
            source_mb=peak[0],
            follower_mb=peak[1],
            extra=self._memory(),
        )

    def _memory(self) -> dict:
        """How memory went, in at most a hundred points; only of what took long enough to show it."""
        if len(self.series) < 50:
            return {}
        every = self.series[:: max(1, len(self.series) // 100)]
        return {
            "source_series": [(round(at, 1), round(source, 1)) for at, source, _ in every],
            "follower_series": [(round(at, 1), round(follower, 1)) for at, _, follower in every],
        }


def middle(values: list[float]) -> float:
    return median(values) if values else float("nan")


def spread(values: list[float]) -> tuple[float, float]:
    return (min(values), max(values)) if values else (float("nan"), float("nan"))
