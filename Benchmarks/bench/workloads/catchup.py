"""Catching up: an empty follower beside a source that has the whole log, on loopback, until the digests are equal."""

import shutil
from contextlib import ExitStack

from corpus import Corpus, Shape
from contest import Bench, Result, take_turns
from farlink import FarLink
from peers import federation, nats_leaf, postgres, redis_replica
from progress import say
from workloads import startup

POSTGRES_WAYS = ("streamed", "streamed, flushed behind", "initial copy")


def unsigned(bench: Bench) -> list[Result]:
    """`size` events that nobody signed, beside PostgreSQL in three ways, NATS and Redis."""
    return contest(bench, "unsigned", Shape(bench.size), bench.pairs, POSTGRES_WAYS)


def signed(bench: Bench) -> list[Result]:
    """The same signed, each signature enforced."""
    return contest(bench, "signed", Shape(bench.size, "signed"), bench.pairs, POSTGRES_WAYS[:1])


def chained(bench: Bench) -> list[Result]:
    """The same where origins sign a checkpoint every 64 events."""
    return contest(bench, "chained", Shape(bench.size, "chained"), bench.pairs, POSTGRES_WAYS[:1])


def paged(bench: Bench) -> list[Result]:
    """A tenth of `size` unsigned events, beside a paged poll of our own store."""
    return contest(bench, "paged", Shape(bench.size // 10), bench.pairs, (), others=("paged",))


def million(bench: Bench) -> list[Result]:
    """Five times `size` events (1,000,000 as it comes), once: what memory does; then starting with them."""
    return contest(bench, "million", Shape(bench.size * 5), 1, POSTGRES_WAYS[:1], others=("nats",), starts=True)


def million_signed(bench: Bench) -> list[Result]:
    """As many signed and enforced, once."""
    return contest(bench, "million-signed", Shape(bench.size * 5, "signed"), 1, (), others=())


def million_chained(bench: Bench) -> list[Result]:
    """As many of origins that sign chains, once."""
    return contest(bench, "million-chained", Shape(bench.size * 5, "chained"), 1, (), others=())


def bodies(bench: Bench) -> list[Result]:
    """Events of 1 MB."""
    shape = Shape(max(20, bench.size // 1000), bytes=1_000_000)
    return contest(bench, "bodies", shape, bench.pairs, POSTGRES_WAYS[:1], others=("nats",))


def clocks(bench: Bench) -> list[Result]:
    """Events with a clock of 256 entries."""
    shape = Shape(max(1000, bench.size // 20), bytes=9_000, origins=1, clock=256)
    return contest(bench, "clocks", shape, bench.pairs, POSTGRES_WAYS[:1], others=("nats",))


def contest(
    bench: Bench,
    name: str,
    shape: Shape,
    pairs: int,
    ways: tuple[str, ...],
    *,
    others: tuple[str, ...] = ("nats", "redis"),
    starts: bool = False,
) -> list[Result]:
    """One log, every contestant that is asked for, in turns; and perhaps what starting with it takes."""
    root = bench.directory(name)
    say(f"{name}: making {shape.events:,} events of {shape.bytes:,} bytes")
    corpus = Corpus.make(shape, root)
    ours = federation.Source(bench.program, root, corpus)
    sources: list = [ours]
    contestants: list = [federation.CatchUp(ours)]
    try:
        if "paged" in others and bench.wants("paged"):
            contestants.append(federation.PagedPoll(bench.paged, ours))
            contestants.append(federation.PagedPoll(bench.paged, ours, 1000, 1000))
        if ways and bench.wants("postgres"):
            sources.append(postgres.Source(root, ours.node.database, pairs * len(ways)))
            contestants += [postgres.CatchUp(sources[-1], way) for way in ways]
        if "nats" in others and bench.wants("nats"):
            sources.append(nats_leaf.Source(root, corpus))
            contestants.append(nats_leaf.CatchUp(sources[-1]))
        if "redis" in others and bench.wants("redis"):
            sources.append(redis_replica.Source(root, corpus))
            contestants.append(redis_replica.CatchUp(sources[-1]))
        result = Result(
            name,
            f"Catch-up, {shape.events:,} events of {shape.bytes:,} bytes, {shape.kind}",
            {
                "events": shape.events,
                "bytes": shape.bytes,
                "kind": shape.kind,
                "origins": shape.origins,
                "clock": shape.clock,
                "digest": ours.digest[1],
            },
        )
        results = [take_turns(result, contestants, pairs)]
        if starts:
            results.append(startup.beside_empty(bench, root, ours.node, ours.events))
        return results
    finally:
        for source in sources:
            source.close()
        shutil.rmtree(root, ignore_errors=True)


def far(bench: Bench) -> list[Result]:
    """A quarter of `size` events over a line with a round trip of 200 ms, a link emulator in user space."""
    root = bench.directory("far")
    corpus = Corpus.make(Shape(max(5000, bench.size // 4)), root)
    with ExitStack() as stack:

        def link(port: int) -> int:
            return stack.enter_context(FarLink(port, 200))

        def opened(source):
            stack.callback(source.close)
            return source

        source = opened(federation.Source(bench.program, root, corpus))
        contestants: list = [federation.CatchUp(source, f"http://127.0.0.1:{link(source.node.port)}")]
        if bench.wants("postgres"):
            there = opened(postgres.Source(root, source.node.database, bench.pairs))
            contestants.append(postgres.CatchUp(there, "streamed", link(there.cluster.port)))
        if bench.wants("nats"):
            there = opened(nats_leaf.Source(root, corpus))
            contestants.append(nats_leaf.CatchUp(there, link(there.server.leaf_port)))
        if bench.wants("redis"):
            there = opened(redis_replica.Source(root, corpus))
            contestants.append(redis_replica.CatchUp(there, link(there.server.port)))
        result = Result(
            "far",
            f"Catch-up over a round trip of 200 ms, {corpus.shape.events:,} events of {corpus.shape.bytes} bytes",
            {"events": corpus.shape.events, "round_trip_ms": 200},
        )
        return [take_turns(result, contestants, bench.pairs)]
