"""Faults of databases: one that is older than what its node has published, a copied one, and two daemons on one."""

from __future__ import annotations

import shutil
import time

from fault_case import Scene, case
from ring import DATABASE, Failure, Refused, eventually

# `copied`, `stopped`: who this node is has to be said by a person.
IDENTITY_STATUS = 5


@case
def a_database_of_last_week(scene: Scene) -> str:
    """The database of beta is put back to what it was, 60 of its own events ago. Beta may not write in their numbers:
    it says that it has stopped and refuses writes as `stopped`, within 30 s of meeting a peer. The others go on.
    After `identity recover` it has all of it again, its own events too, and writes on."""
    ring = scene.ring("alpha", "beta", "gamma")
    beta = ring["beta"]
    beta.stop()
    kept = scene.directory / "last-week.db"
    shutil.copy2(beta.data / DATABASE, kept)
    beta.start()
    scene.put(beta, 60)
    scene.put(ring["alpha"], 10)
    ring.agree(30, events=scene.acknowledged)
    beta.stop()
    # Into the same file: what is put back by a tool that knows nothing of us.
    with kept.open("rb") as old, (beta.data / DATABASE).open("r+b") as file:
        file.truncate()
        shutil.copyfileobj(old, file)
    beta.start()
    begun = time.monotonic()
    eventually(lambda: f"beta stops; it is {beta.status()['state']}", 30, lambda: beta.status()["state"] == "stopped")
    noticed = time.monotonic() - begun
    try:
        beta.put("# A number that is taken\n")
    except Refused as refusal:
        if refusal.code != "stopped":
            raise
    else:
        raise Failure("a node that is older than what it has published has written")
    scene.put(ring["gamma"], 5)
    ring.agree(30, nodes=[ring["alpha"], ring["gamma"]])
    beta.stop()
    facts = beta.command("identity", "recover")
    beta.start()
    scene.put(beta, 5)
    seen = scene.converge(ring, 30)
    for node in ring:
        if found := node.status()["equivocations"]:
            raise Failure(f"{node.name} says that two events have one number: {found}")
    scene.sound(ring)
    return f"noticed after {noticed:.1f} s, fetched {facts['fetched']} events; {seen}"


@case
def a_copied_database(scene: Scene) -> str:
    """The data directory of beta is copied, and both are started. The copy does not run (status 5, `copied`) until
    somebody says that it is a node of its own; then the two have one history each, and the ring has both."""
    ring = scene.ring("alpha", "beta")
    beta = ring["beta"]
    beta.stop()
    copy = ring.add_copy(beta, "copy")
    beta.start()
    done = copy.run("run", "--config", str(copy.config), within=30)
    if done.returncode != IDENTITY_STATUS or "copy" not in done.stderr:
        raise Failure(f"a copy was run: {done.returncode} {done.stderr}")
    try:
        copy.command("trash", "no-such-record")
    except Refused as refusal:
        if refusal.code != "copied":
            raise
    facts = copy.command("identity", "new", "--yes")
    if facts["id"] == beta.status()["node"]["id"]:
        raise Failure("the copy has the identity of the original")
    copy.start()
    scene.put(copy, 10)
    scene.put(beta, 10)
    for node in ring:
        if node is not copy:
            node.add_peer("copy", copy.endpoint)
            node.configure()
    seen = scene.converge(ring, 60)
    scene.sound(ring)
    return seen


@case
def two_daemons_on_one_directory(scene: Scene) -> str:
    """A second daemon is started on the data directory of one that runs, ten times, also while that is frozen. Each
    ends with status 1, `locked`, and names the process that holds it; the first is not disturbed."""
    ring = scene.ring("alpha", "beta")
    beta = ring["beta"]
    for number in range(10):
        if number < 9:
            scene.put(beta)
        done = beta.run("run", "--config", str(beta.config), within=30)
        if done.returncode != 1 or str(beta.pid) not in done.stderr:
            raise Failure(f"the second daemon ended with {done.returncode}: {done.stderr}")
        if number == 8:
            beta.signal(19)
    beta.signal(18)
    seen = scene.converge(ring, 30)
    scene.sound(ring)
    return f"'{done.stderr.splitlines()[0]}'; {seen}"
