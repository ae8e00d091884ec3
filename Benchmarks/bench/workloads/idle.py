"""Idle: what a node costs that has nothing to do but to ask its peers every 30 seconds."""

import json, resource, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from contest import Bench, Result
from node import Node
from peers import syncthing
from processes import eventually, usage
from progress import say

COUNTS = (10, 100, 1000)
# Two intervals and some, so that each peer is asked at least twice.
WINDOW = 70


def run(bench: Bench) -> list[Result]:
    """Idle with 10, 100 and 1,000 peers at 30 s: processor, memory, descriptors, fairness."""
    raise_descriptors()
    root = bench.directory("idle")
    # At one time: each is counted by itself, and all together hardly do anything.
    with ThreadPoolExecutor(len(COUNTS) + 2) as pool:
        runs = {count: {"federation": pool.submit(scripted, bench.program, root, count)} for count in COUNTS}
        runs[10]["federation, 10 real nodes that are followed"] = pool.submit(real, bench, root, 10)
        if bench.wants("syncthing"):
            runs[10]["Syncthing, one device"] = pool.submit(beside_syncthing, root)
    results = []
    for count in COUNTS:
        result = Result(f"idle-{count}", f"Idle with {count:,} peers at 30 s", {"peers": count, "seconds": WINDOW})
        for name, run in runs[count].items():
            facts = run.result()
            result.runs[name] = [facts]
            say(
                f"{result.name} {name}: {facts['cpu_percent']:.3f} % of a core, {facts['memory_mb']:.1f} MB, "
                f"{facts['descriptors']} descriptors, fairness {facts.get('fairness')}"
            )
        result.notes.append(
            f"Over {WINDOW} s, after the first round. Peers are scripted, and polled; the ten real nodes are followed "
            "by requests that stay open, as nodes do, and each has the others idle beside it."
        )
        results.append(result)
    return results


def raise_descriptors() -> None:
    """A thousand open connections on either side."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def over_window(pid: int, seconds: int = WINDOW) -> dict:
    """What a process costs from now on, for the length of the window."""
    before, begun = usage(pid).cpu, time.monotonic()
    time.sleep(seconds)
    now = usage(pid)
    return {
        "cpu_percent": 100 * (now.cpu - before) / (time.monotonic() - begun),
        "memory_mb": now.rss_mb,
        "peak_mb": now.peak_mb,
        "descriptors": now.descriptors,
    }


def scripted(program: str, root: Path, count: int, seconds: int = WINDOW) -> dict:
    """A node with so many scripted peers, for so long."""
    crowd = subprocess.Popen(
        [sys.executable, str(Path(__file__).parents[1] / "crowd.py"), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    port = int(crowd.stdout.readline())
    node = Node(program, root / f"idle-{count}", verify="off")
    node.configure([(f"p{number}", f"http://127.0.0.1:{port}/p{number}/") for number in range(count)])
    node.start()
    try:
        node.wait_until_listening()
        time.sleep(32)  # The first polls are at once, the next ones are spread.
        begun = time.monotonic()
        facts = over_window(node.process.pid, seconds)
    finally:
        node.stop()
        asked = json.loads(crowd.communicate("")[0])
    spans = [later - earlier for times in asked for earlier, later in zip(times, times[1:]) if later >= begun]
    means = [(times[-1] - times[0]) / (len(times) - 1) for times in asked if len(times) > 2]
    facts["polls"] = len(spans)
    facts["peers_asked"] = sum(len(times) > 2 for times in asked)
    facts["fairness"] = max(means) / min(means)
    facts["longest_interval_s"], facts["shortest_interval_s"] = max(spans), min(spans)
    if facts["peers_asked"] != count:
        raise SystemExit(f"idle: {facts['peers_asked']} of {count} peers were asked")
    return facts


def real(bench: Bench, root: Path, count: int) -> dict:
    """The node and as many others, each of which knows all."""
    nodes = [Node(bench.program, root / f"real-{number}") for number in range(count + 1)]
    try:
        for node in nodes:
            node.configure([(other.name, other.url) for other in nodes if other is not node])
            node.start()
        for node in nodes:
            node.wait_until_listening()
        eventually("all are caught up", lambda: nodes[0].command("sync", "--json"), timeout=60)
        time.sleep(20)
        return over_window(nodes[0].process.pid)
    finally:
        for node in nodes:
            node.stop()


def beside_syncthing(root: Path) -> dict:
    pair = syncthing.Pair(root)
    try:
        pair.propagate(1)
        time.sleep(20)
        return over_window(pair.first.process.pid)
    finally:
        pair.close()
