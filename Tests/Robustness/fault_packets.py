"""Faults of packets: what a network does below the connections, where they have to help themselves."""

from __future__ import annotations

import time
from pathlib import Path

from fault_case import Scene, Skipped, case
from packet_link import PacketNetwork
from ring import Failure, Node, Ring, eventually


def _network(scene: Scene, *names: str) -> tuple[PacketNetwork, Ring]:
    """Nodes in namespaces of their own, which reach each other by packets alone."""
    if missing := PacketNetwork.missing():
        raise Skipped(missing)
    network: PacketNetwork = scene.enter(PacketNetwork(names, scene.seed))

    def make(name: str, directory: Path, program: Path) -> Node:
        return Node(
            name, directory, program, address=network.address(name), wrapper=network[name].wrapper,
            connect=network[name].connect)

    def links(_: Node, peer: Node) -> str:
        return f"{peer.endpoint}\n    timeout: 5s"

    return network, scene.ring(*names, make=make, links=links, access="{allow_open: true}")


@case
def a_third_of_all_packets_lost(scene: Scene) -> str:
    """Of the packets between three nodes 30 % are lost each way, 5 % come twice, and each takes 20 to 80 ms, so that
    they overtake one another. 600 events of three nodes are everywhere within 120 s, each once."""
    network, ring = _network(scene, "alpha", "beta", "gamma")
    before = network.packets.carried
    network.loss, network.doubling, network.delay, network.jitter = 0.3, 0.05, 0.02, 0.06
    begun = time.monotonic()
    for node in ring:
        scene.put(node, 200)
    written = time.monotonic()
    seen = scene.converge(ring, 120)
    spent = time.monotonic() - written
    packets = network.packets
    share = packets.lost / max(1, packets.lost + packets.carried - before)
    if not (0.2 < share < 0.4 and packets.overtaken > 20 and packets.doubled > 5):
        raise Failure(f"the network was not as bad as it should have been: {packets}")
    network.heal()
    scene.sound(ring)
    return (
        f"{seen}, {spent:.1f} s after the last was written ({written - begun:.0f} s); {packets.lost} packets lost, "
        f"{packets.overtaken} overtaken, {packets.doubled} doubled")


@case
def a_node_that_no_packet_reaches(scene: Scene) -> str:
    """No packet reaches gamma or leaves it: no reset, no refusal. The others say network_timeout of it within 75 s (45
    s for which an answer may be held, and what a request may take), all write on, and are in step within 30 s after
    it is over."""
    network, ring = _network(scene, "alpha", "beta", "gamma")
    network.blocked = {"gamma"}
    begun = time.monotonic()
    for node in ring:
        scene.put(node, 10)
    ring.agree(30, nodes=[ring["alpha"], ring["beta"]])
    for near, far in [("alpha", "gamma"), ("beta", "gamma"), ("gamma", "alpha")]:
        _says(ring, near, far, "network_timeout", 75)
    noticed = time.monotonic() - begun
    if reason := ring["alpha"].reason("beta"):
        raise Failure(f"alpha says {reason} of beta, which it reaches")
    network.heal()
    healed = time.monotonic()
    seen = scene.converge(ring, 30)
    return f"noticed by all after {noticed:.0f} s; {seen} {time.monotonic() - healed:.1f} s after it was over"


@case
def a_node_that_vanishes(scene: Scene) -> str:
    """Gamma is killed while no packet leaves it, so that its peers are told nothing: their connections are half open.
    It comes back after two seconds, and is in step with them within 75 s."""
    network, ring = _network(scene, "alpha", "beta", "gamma")
    network.blocked = {"gamma"}
    ring["gamma"].kill()
    time.sleep(2)
    network.heal()
    ring["gamma"].start()
    back = time.monotonic()
    for node in ring:
        scene.put(node, 10)
    seen = scene.converge(ring, 75)
    spent = time.monotonic() - back
    scene.sound(ring)
    return f"{seen} {spent:.1f} s after its return"


def _says(ring: Ring, near: str, far: str, reason: str, within: float) -> None:
    eventually(
        lambda: f"{near} says {reason} of {far}; it says {ring[near].reason(far)}", within,
        lambda: ring[near].reason(far) == reason)
