"""Faults of streams: what a network does to connections."""

from __future__ import annotations

import contextlib
import socket
import time

from fault_case import Scene, case
from process_series import sample
from ring import Failure, Ring, eventually


@case
def a_partition(scene: Scene) -> str:
    """Nothing arrives between alpha and the others. Each side goes on writing; alpha says network_timeout of each, the
    others of alpha alone; within 30 s after it is over the logs are one."""
    ring = scene.ring("alpha", "beta", "gamma")
    for link in scene.links_of("alpha"):
        link.stall()
    begun = time.monotonic()
    for node in ring:
        scene.put(node, 10)
    others = ring.agree(30, nodes=[ring["beta"], ring["gamma"]])
    for near, far in [("alpha", "beta"), ("alpha", "gamma"), ("beta", "alpha"), ("gamma", "alpha")]:
        eventually(
            lambda near=near, far=far: f"{near} says network_timeout of {far}, not {ring[near].reason(far)}",  # type: ignore[misc]
            75, lambda near=near, far=far: ring[near].reason(far) == "network_timeout")  # type: ignore[misc]
    noticed = time.monotonic() - begun
    if reason := ring["beta"].reason("gamma"):
        raise Failure(f"beta says {reason} of gamma, which it reaches")
    if ring["alpha"].digest() == others:
        raise Failure("something came through")
    return _over(scene, ring, f"noticed by all after {noticed:.0f} s")


@case
def a_partition_one_way(scene: Scene) -> str:
    """What alpha sends is lost, what is sent to it arrives. Everybody goes on writing, nobody takes anything twice, and
    within 30 s after it is over the logs are one."""
    ring = scene.ring("alpha", "beta", "gamma")
    for (near, _), link in scene.links.items():
        if link in scene.links_of("alpha"):
            link.stall(up=near == "alpha", down=near != "alpha")
    for _ in range(10):
        for node in ring:
            scene.put(node)
        time.sleep(1)
    return _over(scene, ring, "ten seconds")


@case
def a_delay_of_500_ms(scene: Scene) -> str:
    """Everything takes 500 ms each way, a connection one second. No poll fails, and 600 events of three nodes are
    everywhere within 30 s."""
    ring = scene.ring("alpha", "beta", "gamma")
    for link in scene.links.values():
        link.delay = 0.5
    failures = sum(node.log.count("poll failed") for node in ring)
    begun = time.monotonic()
    for node in ring:
        scene.put(node, 200)
    written = time.monotonic() - begun
    seen = scene.converge(ring, 30)
    spent = time.monotonic() - begun
    if more := sum(node.log.count("poll failed") for node in ring) - failures:
        raise Failure(f"{more} polls failed")
    return f"{seen}, {spent - written:.1f} s after the last of them was written"


@case
def a_throttled_line(scene: Scene) -> str:
    """A line of 16 kB/s to a node that lacks 300 kB: it takes 20 s, more than a request may (10 s), and must get there
    all the same, within 90 s."""
    ring = scene.ring("alpha", "beta", timeout="10s")
    ring["beta"].stop()
    scene.put(ring["alpha"], 150, size=2000)
    for link in scene.links.values():
        link.rate = 16_000
    begun = time.monotonic()
    ring["beta"].start()
    seen = scene.converge(ring, 90)
    return f"{seen}, after {time.monotonic() - begun:.0f} s; failed polls: {ring['beta'].log.count('poll failed')}"


@case
def connections_that_are_reset(scene: Scene) -> str:
    """Each connection is reset after about 200 kB, and all of them once a second, while a node catches up with 3 MB. It
    gets there within 90 s, says network_reset meanwhile, and takes nothing twice."""
    ring = scene.ring("alpha", "beta")
    ring["beta"].stop()
    scene.put(ring["alpha"], 1500, size=2000)
    for link in scene.links.values():
        link.random, link.reset_after = scene.random, 200_000
    ring["beta"].start()
    reasons: set[str | None] = set()
    deadline = time.monotonic() + 90
    resets = 0
    while time.monotonic() < deadline and ring["beta"].digest() != ring["alpha"].digest():
        time.sleep(1)
        reasons.add(ring["beta"].reason("alpha"))
        resets += scene.link("beta", "alpha").reset()
    if ring["beta"].digest() != ring["alpha"].digest():
        raise Failure(f"not in step after 90 s of resets: {scene.link('beta', 'alpha').carried}")
    if unknown := reasons - {None, "network_reset"}:
        raise Failure(f"beta says {unknown}")
    carried = scene.link("beta", "alpha").carried
    return _over(scene, ring, f"{carried.resets} connections reset, {carried.down / 1e6:.1f} MB came")


@case
def half_open_connections(scene: Scene) -> str:
    """The far end of every connection of beta is gone, and nobody has told it. What it has asked for is given up after
    the 45 s for which an answer may be held and the 3 s that a request may take; then it is in step. It says no
    reason where the next connection is as good as any."""
    ring = scene.ring("alpha", "beta")
    scene.put(ring["alpha"])
    ring.agree(30)
    begun = time.monotonic()
    count = sum(link.leave_half_open() for link in scene.links_of("beta"))
    for node in ring:
        scene.put(node, 5)
    seen = scene.converge(ring, 60)
    return f"{count} connections half open; {seen} after {time.monotonic() - begun:.0f} s"


@case
def a_node_that_is_gone(scene: Scene) -> str:
    """Gamma is killed. The others say network_refused or network_reset of it within 20 s and nothing of each other,
    write on, and give it everything within 30 s after its return."""
    ring = scene.ring("alpha", "beta", "gamma", links=lambda _, peer: peer.endpoint)
    ring["gamma"].kill()
    for name in ("alpha", "beta"):
        eventually(
            lambda name=name: f"{name} says {ring[name].reason('gamma')} of gamma",  # type: ignore[misc]
            20, lambda name=name: ring[name].reason("gamma") == "network_refused")  # type: ignore[misc]
        scene.put(ring[name], 20)
    ring.agree(30, nodes=[ring["alpha"], ring["beta"]])
    if reason := ring["alpha"].reason("beta"):
        raise Failure(f"alpha says {reason} of beta, which it reaches")
    ring["gamma"].start()
    return _over(scene, ring, "network_refused of gamma")


@case
def two_hundred_connections_that_do_nothing(scene: Scene) -> str:
    """Somebody opens 200 connections to a node and sends half a request on each. Its peers are served meanwhile, and
    what the connections took is given back."""
    ring = scene.ring("alpha", "beta")
    alpha = ring["alpha"]
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            with contextlib.suppress(OSError):
                idle = stack.enter_context(socket.create_connection((alpha.address, alpha.port), 5))
                idle.sendall(b"GET /federation/v1/identity HTTP/1.1\r\nHost:")
        scene.put(alpha, 5)
        scene.put(ring["beta"], 5)
        ring.agree(30)
        held = sample(alpha.pid, 0)
    time.sleep(2)
    return _over(scene, ring, f"{held.descriptors if held else 0} descriptors meanwhile")


def _over(scene: Scene, ring: Ring, what: str) -> str:
    for link in scene.links.values():
        link.heal()
    begun = time.monotonic()
    seen = scene.converge(ring, 30)
    spent = time.monotonic() - begun
    scene.sound(ring)
    return f"{what}; {seen} {spent:.1f} s after it was over"
