"""What processes cost: processor seconds, peak memory and file descriptors, from /proc, children counted in."""

import os, time
from dataclasses import dataclass

TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Usage:
    """Of a process and all that descend from it."""

    cpu: float = 0.0
    peak_mb: float = 0.0
    rss_mb: float = 0.0
    descriptors: int = 0
    processes: int = 0


def _stat(pid: int) -> list[str]:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()


def descendants(root: int) -> list[int]:
    """The process and everything that it has started."""
    found = [root]
    for pid in found:
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/children") as file:
                    found += map(int, file.read().split())
        except OSError:
            pass  # It has ended meanwhile.
    return found


def usage(*roots: int) -> Usage:
    """The sum over some processes and their descendants; those that have ended count with whom they belonged to."""
    total = Usage()
    for root in roots:
        for pid in descendants(root):
            try:
                fields = _stat(pid)
                # Own time, and that of children that were waited for; of a process that is over as well.
                total.cpu += sum(int(fields[place]) for place in (11, 12, 13, 14)) / TICK
                with open(f"/proc/{pid}/status") as file:
                    memory = dict(line.split(":", 1) for line in file if line.startswith(("VmHWM", "VmRSS")))
                total.descriptors += len(os.listdir(f"/proc/{pid}/fd"))
            except OSError:
                continue
            total.processes += 1
            total.peak_mb += int(memory.get("VmHWM", "0 kB").split()[0]) / 1024
            total.rss_mb += int(memory.get("VmRSS", "0 kB").split()[0]) / 1024
    return total


def pss_mb(root: int) -> float:
    """Proportional set size of a process and its descendants: what they share is counted once."""
    total = 0
    for pid in descendants(root):
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except (OSError, StopIteration):
            pass  # It has ended meanwhile.
    return total / 1024


def eventually(what: str, condition, timeout: float = 600, every: float = 0.02):
    """Waits until a condition holds and returns what it gave; ends the program if it never does."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(every)
    raise TimeoutError(f"{what}: not within {timeout:g} s")
