"""Faults of clocks: an hour off, and set while the node works (Debian's libfaketime)."""

from __future__ import annotations

import time

from fake_clock import FakeClock
from fault_case import Scene, Skipped, case
from ring import Failure, Ring


def _ring(scene: Scene) -> tuple[Ring, FakeClock]:
    """Three nodes, of which beta has a clock of its own."""
    if FakeClock.library() is None:
        raise Skipped("no libfaketime (Debian: faketime)")
    ring = scene.ring("alpha", "beta", "gamma", start=False, verify="enforce")
    clock = FakeClock(scene.directory / "beta.clock")
    for node in ring:
        node.start(environment=clock.environment if node.name == "beta" else None)
    scene.settle(ring)
    return ring, clock


def _off_by(scene: Scene, seconds: int) -> str:
    ring, clock = _ring(scene)
    clock.set(seconds)
    time.sleep(1.5)
    for _ in range(3):
        for node in ring:
            scene.put(node, 5)
        scene.converge(ring, 30)
    # Minted by the wrong clock, and taken by the others all the same; it is not refused for it anywhere.
    newest = [event for event in ring["alpha"].events() if event["origin_name"] == "beta"][-1]
    hour = time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() + seconds))
    if not newest["timestamp"].startswith(hour):
        raise Failure(f"the clock of beta was not off: {newest['timestamp']}")
    # It comes back as it would: started again with the right one.
    ring["beta"].stop()
    clock.set(0)
    ring["beta"].start(environment=clock.environment)
    return _over(scene, ring)


def _over(scene: Scene, ring: Ring) -> str:
    for node in ring:
        scene.put(node, 5)
    seen = scene.converge(ring, 30)
    for node in ring:
        status = node.status()
        if status["refused"] or status["deferred"] or status["held"]:
            raise Failure(f"{node.name} has put events aside: {status}")
    scene.sound(ring)
    return seen


@case
def a_clock_an_hour_ahead(scene: Scene) -> str:
    """The clock of beta is an hour ahead. All write, and every event is taken everywhere within 30 s, also after it was
    put right: beta goes on from its own last id."""
    return _off_by(scene, 3600)


@case
def a_clock_an_hour_behind(scene: Scene) -> str:
    """The clock of beta is an hour behind. All write, and every event is taken everywhere within 30 s, also after it
    was put right."""
    return _off_by(scene, -3600)


@case
def a_clock_that_steps_back(scene: Scene) -> str:
    """The clock of beta is set ten times while it works, forward and back by up to an hour, and by ten seconds back in
    the end. Its events keep their numbers without a hole, none is given twice, and all are everywhere within 30 s of
    each step."""
    ring, clock = _ring(scene)
    offsets = [scene.random.randrange(-3600, 3600) for _ in range(9)]
    for offset in [*offsets, offsets[-1] - 10]:
        clock.set(offset)
        time.sleep(1.2)
        for node in ring:
            scene.put(node, 5)
        scene.converge(ring, 30)
    clock.set(0)
    time.sleep(1.2)
    numbers = [event["number"] for event in ring["gamma"].events() if event["origin_name"] == "beta"]
    if sorted(numbers) != list(range(1, len(numbers) + 1)):
        raise Failure(f"the numbers of beta have holes or come twice: {numbers}")
    return f"set to {offsets} s; {_over(scene, ring)}"
