"""Contestants that take turns: A B A B, so that what the machine does besides is shared by all."""

from dataclasses import dataclass, field
from pathlib import Path

from progress import say


@dataclass
class Bench:
    """What every workload is given."""

    program: str
    paged: str
    root: Path
    pairs: int
    size: int
    peers: tuple[str, ...]

    def directory(self, name: str) -> Path:
        path = self.root / name
        path.mkdir()
        path.chmod(0o755)
        return path

    def wants(self, peer: str) -> bool:
        return peer in self.peers


@dataclass
class Result:
    """What one workload measured: of each contestant the facts of each of its runs."""

    name: str
    title: str
    facts: dict = field(default_factory=dict)
    runs: dict[str, list[dict]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def json(self) -> dict:
        return {"name": self.name, "title": self.title, "facts": self.facts, "runs": self.runs, "notes": self.notes}


def merged(earlier: list[dict], later: list[dict], order: list[str]) -> list[dict]:
    """The workloads of both, the later one of each name; in the order of what they belong to."""
    found = {each["name"]: each for each in earlier}
    found.update({each["name"]: each for each in later})

    def place(each: dict) -> int:
        # `latency-100` belongs to `latency`.
        owner = each["name"].rstrip("0123456789").rstrip("-")
        return order.index(owner) if owner in order else len(order)

    return sorted(found.values(), key=place)


def take_turns(result: Result, contestants: list, pairs: int) -> Result:
    """Every contestant once, then every one again, `pairs` times; whoever is not correct ends the program."""
    for turn in range(pairs):
        for contestant in contestants:
            sample = contestant.run(turn)
            result.runs.setdefault(contestant.name, []).append(sample.facts())
            say(
                f"{result.name} {turn + 1}/{pairs} {contestant.name}: {sample.seconds:.2f} s, "
                f"{sample.rate:,.0f} events/s, {sample.per_cpu:,.0f} a CPU second, "
                f"{sample.source_mb:.0f} + {sample.follower_mb:.0f} MB"
            )
    return result
