"""Pairs of systems of which one follows the other live, for measuring how long news takes.

Each has writers, which commit one event at a time and return once that is acknowledged, and two watchers, the same for
either end: a process of its own that is told of each event when it is there to be read, and notes the time. `servers` are
what is measured, the one that is written to and the one that follows.
"""

import json, threading, time
from contextlib import closing
from pathlib import Path

import redis

from corpus import ulid
from link import PATIENCE, Control, Link, field
from node import Node
from peers import nats_leaf, postgres, redis_replica
from processes import eventually

TEXT = "x" * 400


class Federation:
    """Two daemons, of which the second follows the first; with `star` two leaves that only a hub between them knows."""

    def __init__(self, program: str, root: Path, star: bool = False):
        self.name = "federation, leaf to leaf through a hub" if star else "federation"
        prefix = "star" if star else "live"
        names = ["first", "hub", "last"] if star else ["first", "last"]
        self.nodes = {name: Node(program, root / f"{prefix}-{name}", interval="60s") for name in names}
        self.first, self.last = self.nodes["first"], self.nodes["last"]
        if star:
            hub = self.nodes["hub"]
            ids = [json.loads(each.command("identity", "show", "--json"))["id"] for each in (self.first, self.last)]
            hub.configure([], ["peers:", *(f"  - {{name: leaf-{place}, id: {id}}}" for place, id in enumerate(ids))])
            for leaf in (self.first, self.last):
                leaf.configure([("hub", hub.url)])
        else:
            self.last.configure([("first", self.first.url)])
        for name in ["hub", "first", "last"] if star else names:
            self.nodes[name].start()
            self.nodes[name].wait_until_listening()
        self.last.command("sync")
        self.servers = self.first, self.last

    def writer(self):
        control = Control(self.first.directory)
        return lambda number: control.put(f"# Note {number}\n\n{TEXT}\n")

    def ends(self):
        return [(watch_federation, (self.first.port,)), (watch_federation, (self.last.port,))]

    def close(self) -> None:
        for node in self.nodes.values():
            node.stop()


def watch_federation(port: int, count: int, pipe) -> None:
    link = Link(("127.0.0.1", port), timeout=2 * PATIENCE)
    position = json.loads(link.get("/federation/v1/identity")[1])["head"]
    pipe.send("ready")
    seen = {}
    while len(seen) < count:
        head, body = link.get(f"/federation/v1/events?limit=1000&wait=50&after={position}")
        now = time.monotonic()
        position = field(head, b"Federation-Position")
        for line in body.splitlines():
            seen[line[7:33].decode()] = now
    pipe.send(seen)


class NATS:
    """A stream on a hub and its mirror on a leaf."""

    name = "NATS JetStream mirror"

    def __init__(self, root: Path):
        self.hub = nats_leaf.Server(root / "nats-hub", "hub")
        client = nats_leaf.Client(self.hub.port)
        client.request("$JS.API.STREAM.CREATE.EVENTS", {"name": "EVENTS", "subjects": ["events"], "storage": "file"})
        self.leaf = nats_leaf.Server(root / "nats-leaf", "leaf", hub=self.hub.leaf_port)
        mirror = nats_leaf.Client(self.leaf.port)
        eventually("the leaf is connected", lambda: nats_leaf.CatchUp._reaches_hub(mirror), timeout=60, every=0.1)
        nats_leaf.mirror(mirror)
        self.servers = self.hub, self.leaf

    def writer(self):
        client = nats_leaf.Client(self.hub.port)
        inbox = f"acks.{client.name}"
        client.subscribe(inbox)

        def write(number: int) -> str:
            key = f"{number:026}"
            payload = (key + TEXT).encode()
            client.send(f"PUB events {inbox} {len(payload)}\r\n".encode() + payload + b"\r\n")
            client.next()
            return key

        return write

    def ends(self):
        return [(watch_nats, (self.hub.port, "EVENTS")), (watch_nats, (self.leaf.port, "MIRROR"))]

    def close(self) -> None:
        self.leaf.stop()
        self.hub.stop()


def watch_nats(port: int, stream: str, count: int, pipe) -> None:
    client = nats_leaf.Client(port)
    subject = f"watch.{client.name}"
    client.request(
        f"$JS.API.CONSUMER.CREATE.{stream}",
        {"stream_name": stream, "config": {"deliver_subject": subject, "deliver_policy": "new", "ack_policy": "none"}},
        before=subject,
    )
    pipe.send("ready")
    seen = {}
    while len(seen) < count:
        payload = client.next()[2]
        seen[payload[:26].decode()] = time.monotonic()
    pipe.send(seen)


class Redis:
    """A stream and a replica of it, both flushed at every command."""

    name = "Redis stream, replica"

    def __init__(self, root: Path):
        self.first, self.last = redis_replica.Server(root / "redis-first"), redis_replica.Server(root / "redis-last")
        self.first.client.xadd("events", {"e": "0" * 26})
        self.last.client.replicaof("127.0.0.1", self.first.port)
        eventually("the replica is level", lambda: self.last.client.info()["master_link_status"] == "up", timeout=60)
        eventually("the replica has the stream", lambda: self.last.client.xlen("events") == 1, timeout=60)
        self.servers = self.first, self.last

    def writer(self):
        client = redis.Redis(port=self.first.port)

        def write(number: int) -> str:
            key = f"{number:026}"
            client.xadd("events", {"e": key + TEXT})
            return key

        return write

    def ends(self):
        return [(watch_redis, (self.first.port,)), (watch_redis, (self.last.port,))]

    def close(self) -> None:
        self.last.stop()
        self.first.stop()


def watch_redis(port: int, count: int, pipe) -> None:
    client = redis.Redis(port=port)
    last = client.xinfo_stream("events")["last-generated-id"]
    pipe.send("ready")
    seen = {}
    while len(seen) < count:
        for _, entries in client.xread({"events": last}, count=1000, block=PATIENCE * 1000):
            now = time.monotonic()
            for last, fields in entries:
                seen[fields[b"e"][:26].decode()] = now
    pipe.send(seen)


class PostgreSQL:
    """A publisher and a subscriber that flushes each commit. Either end is asked every millisecond: no notice of a row
    reaches a client of a subscriber."""

    name = "PostgreSQL, streamed"

    def __init__(self, root: Path):
        self.first, self.last = postgres.Cluster(root / "pg-first"), postgres.Cluster(root / "pg-last")
        for cluster in (self.first, self.last):
            cluster.start()
            cluster.run(postgres.TABLE)
        self.first.run("CREATE PUBLICATION everything FOR TABLE events")
        self.last.run(
            f"CREATE SUBSCRIPTION follower CONNECTION 'host=127.0.0.1 port={self.first.port} user=postgres "
            "dbname=postgres' PUBLICATION everything WITH (synchronous_commit = on)"
        )
        self.next, self.lock = 1, threading.Lock()
        self.writer()(0)
        eventually("the subscriber is level", lambda: highest(self.last) == 1, timeout=60)
        self.servers = self.first, self.last

    def writer(self):
        link = self.first.connect()
        cursor = link.cursor()

        def write(number: int) -> str:
            with self.lock:
                place, self.next = self.next, self.next + 1
                id = ulid(1_760_000_000_000 + place, place)
                cursor.execute(
                    f"INSERT INTO events({postgres.COLUMNS}) VALUES (%s, %s, %s, %s, 'origin', 'name', %s, %s, "
                    "'create', 'noema', NULL, '2025-10-09T08:53:20Z', '{}', NULL, NULL, 0, 'peer', 0, 1, NULL, 0, "
                    "NULL, NULL, %s)",
                    (place, id, id.encode(), id.encode(), place, f"note-{place}", TEXT.encode()),
                )
            return id

        return write

    def ends(self):
        return [(watch_postgres, (self.first,)), (watch_postgres, (self.last,))]

    def close(self) -> None:
        self.last.run(
            "ALTER SUBSCRIPTION follower DISABLE",
            "ALTER SUBSCRIPTION follower SET (slot_name = NONE)",
            "DROP SUBSCRIPTION follower",
        )
        self.last.stop()
        self.first.run("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
        self.first.stop()


def highest(cluster: postgres.Cluster) -> int:
    with closing(cluster.connect()) as link, link.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(seq), 0) FROM events")
        return cursor.fetchone()[0]


def watch_postgres(cluster: postgres.Cluster, count: int, pipe) -> None:
    with closing(cluster.connect()) as link, link.cursor() as cursor:
        cursor.execute("SELECT max(seq) FROM events")
        last = cursor.fetchone()[0]
        pipe.send("ready")
        seen = {}
        while len(seen) < count:
            cursor.execute("SELECT seq, id FROM events WHERE seq > %s ORDER BY seq", (last,))
            now = time.monotonic()
            for last, id in cursor.fetchall():
                seen[id] = now
            time.sleep(0.001)
    pipe.send(seen)
