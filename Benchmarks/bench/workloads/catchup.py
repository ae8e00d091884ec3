"""Catching up: an empty follower beside a source that has the whole log, on loopback, until the digests are equal."""
from contextlib import ExitStack

from corpus import Corpus, Shape
from contest import Bench, Result, take_turns
from farlink import FarLink
from peers import federation, nats_leaf, postgres, redis_replica
from progress import say

POSTGRES_WAYS = ("streamed", "streamed, flushed behind", "initial copy")


def unsigned(bench: Bench) -> list[Result]:
    """`size` events that nobody signed: all contestants."""
    return [contest(bench, "unsigned", Shape(bench.size), bench.pairs, POSTGRES_WAYS, paged=True)]


def signed(bench: Bench) -> list[Result]:
    """The same signed, each signature enforced."""
    return [contest(bench, "signed", Shape(bench.size, "signed"), bench.pairs, POSTGRES_WAYS[:1])]


def chained(bench: Bench) -> list[Result]:
    """The same where origins sign a checkpoint every 64 events."""
    return [contest(bench, "chained", Shape(bench.size, "chained"), bench.pairs, POSTGRES_WAYS[:1])]


def million(bench: Bench) -> list[Result]:
    """Five times `size` (1,000,000 as it comes), once: what memory does."""
    return [contest(bench, "million", Shape(bench.size * 5), 1, POSTGRES_WAYS[:1], others=("nats",))]


def bodies(bench: Bench) -> list[Result]:
    """Events of 1 MB."""
    shape = Shape(max(20, bench.size // 1000), bytes=1_000_000)
    return [contest(bench, "bodies", shape, bench.pairs, POSTGRES_WAYS[:1], others=("nats",))]


def clocks(bench: Bench) -> list[Result]:
    """Events with a clock of 256 entries."""
    shape = Shape(max(1000, bench.size // 20), bytes=9_000, origins=1, clock=256)
    return [contest(bench, "clocks", shape, bench.pairs, POSTGRES_WAYS[:1], others=("nats",))]


def contest(bench: Bench, name: str, shape: Shape, pairs: int, ways: tuple[str, ...], *, paged: bool = False,
            others: tuple[str, ...] = ("nats", "redis")) -> Result:
    """One log, every contestant that is asked for, in turns."""
    root = bench.directory(name)
    say(f"{name}: making {shape.events:,} events of {shape.bytes:,} bytes")
    corpus = Corpus.make(shape, root)
    sources = [federation.Source(bench.program, root, corpus)]
    contestants: list = [federation.CatchUp(sources[0])]
    try:
        if paged and bench.wants("paged"):
            contestants.append(federation.PagedPoll(bench.paged, sources[0]))
            contestants.append(federation.PagedPoll(bench.paged, sources[0], 1000, 1000))
        if ways and bench.wants("postgres"):
            sources.append(postgres.Source(root, sources[0].node.database, pairs * len(ways)))
            contestants += [postgres.CatchUp(sources[-1], way) for way in ways]
        if "nats" in others and bench.wants("nats"):
            sources.append(nats_leaf.Source(root, corpus))
            contestants.append(nats_leaf.CatchUp(sources[-1]))
        if "redis" in others and bench.wants("redis"):
            sources.append(redis_replica.Source(root, corpus))
            contestants.append(redis_replica.CatchUp(sources[-1]))
        result = Result(name, f"Catch-up, {shape.events:,} events of {shape.bytes:,} bytes, {shape.kind}", {
            "events": shape.events, "bytes": shape.bytes, "kind": shape.kind, "origins": shape.origins,
            "clock": shape.clock, "digest": sources[0].digest[1]})
        return take_turns(result, contestants, pairs)
    finally:
        for source in sources:
            source.close()


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
        result = Result("far", f"Catch-up over a round trip of 200 ms, {corpus.shape.events:,} events of "
                        f"{corpus.shape.bytes} bytes", {"events": corpus.shape.events, "round_trip_ms": 200})
        return [take_turns(result, contestants, bench.pairs)]
