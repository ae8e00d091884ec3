"""Live: from an event's commit on one node to its commit on another that follows it."""

import multiprocessing, threading, time

import pairs
from contest import Bench, Result
from peers import syncthing
from processes import usage
from progress import say

# Events a second, and for how many seconds each turn lasts.
RATES = {1: 10, 100: 5, 1000: 3}
QUANTILES = (0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 100)


def run(bench: Bench) -> list[Result]:
    """Commit to commit at 1, 100 and 1,000 events a second, one follower; and from leaf to leaf through a hub."""
    root = bench.directory("latency")
    contestants: list = [pairs.Federation(bench.program, root)]
    followers = {"nats": pairs.NATS, "redis": pairs.Redis, "postgres": pairs.PostgreSQL}
    contestants += [make(root) for peer, make in followers.items() if bench.wants(peer)]
    files = syncthing.Pair(root) if bench.wants("syncthing") else None
    star = pairs.Federation(bench.program, root, star=True)
    results = []
    try:
        for rate, seconds in RATES.items():
            result = Result(f"latency-{rate}", f"Commit to commit, {rate:,} events/s", {"rate": rate})
            # The way through a hub is measured where it says most.
            taking_part = contestants + ([star] if rate == 100 else [])
            for turn in range(bench.pairs):
                for contestant in taking_part:
                    found, facts = measured(contestant, rate, rate * seconds)
                    add(result, contestant.name, found, facts)
                if files and rate == 1:
                    found = sorted(files.propagate(turn * 1000 + number) * 1000 for number in range(5))
                    add(result, "Syncthing, one file an event", found, {})
            result.notes.append(
                "Each turn's median and 99th percentile; a turn has "
                f"{rate * seconds:,} events" + (" (Syncthing: 5 files)." if files and rate == 1 else ".")
            )
            results.append(result)
    finally:
        for each in [*contestants, star, *([files] if files else [])]:
            each.close()
    return results


def add(result: Result, name: str, latencies: list[float], known: dict) -> None:
    """Notes a turn: sorted latencies in milliseconds, and what else is known of it."""
    at = lambda percent: latencies[min(len(latencies) - 1, percent * len(latencies) // 100)]
    facts = {
        "p50_ms": at(50),
        "p99_ms": at(99),
        "longest_ms": latencies[-1],
        "events": len(latencies),
        "quantiles_ms": {str(percent): at(percent) for percent in QUANTILES},
    } | known
    attained = known.get("rate")
    result.runs.setdefault(name, []).append(facts)
    say(
        f"{result.name} {name}: p50 {at(50):.2f} ms, p99 {at(99):.2f} ms" + (f", {attained:,.0f}/s" if attained else "")
    )


def measured(pair, rate: int, count: int) -> tuple[list[float], dict]:
    """Writes so many events at a rate; returns the latencies, sorted, the rate that was reached, and what either end spent."""
    watchers = []
    for watch, arguments in pair.ends():
        here, there = multiprocessing.Pipe()
        process = multiprocessing.Process(target=watch, args=(*arguments, count, there), daemon=True)
        process.start()
        watchers.append((process, here))
    for _, pipe in watchers:
        expect(pipe, pair)
    time.sleep(0.2)  # The watchers' requests are under way.
    spent = [usage(server.process.pid).cpu for server in pair.servers]
    begun = time.monotonic()
    keys = write(pair, rate, count)
    facts = {"rate": count / (time.monotonic() - begun)}
    first, last = (expect(pipe, pair) for _, pipe in watchers)
    for name, server, before in zip(("source", "follower"), pair.servers, spent):
        # What ends in between may end uncounted.
        facts[f"{name}_cpu_ms"] = max(0.0, usage(server.process.pid).cpu - before) / count * 1000
    for process, _ in watchers:
        process.join()
    missing = [key for key in keys if key not in first or key not in last]
    if missing or len(keys) != count:
        raise SystemExit(f"{pair.name}: {len(missing)} of {count} events are not at both ends")
    return sorted(max(0.0, last[key] - first[key]) * 1000 for key in keys), facts


def expect(pipe, pair):
    if not pipe.poll(pairs.PATIENCE * 2):
        raise SystemExit(f"{pair.name}: events did not arrive")
    return pipe.recv()


def write(pair, rate: int, count: int) -> list[str]:
    """Several writers at the higher rates, for each waits until its event is on the disk."""
    writers = 1 if rate <= 100 else 8
    keys: list[str] = []
    begun = time.monotonic()

    def work(index: int) -> None:
        put = pair.writer()
        for number in range(index, count, writers):
            time.sleep(max(0.0, begun + number / rate - time.monotonic()))
            keys.append(put(time.monotonic_ns() * 10 + index))

    threads = [threading.Thread(target=work, args=(index,)) for index in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return keys
