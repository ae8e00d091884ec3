"""Scripted peers, any number of them on one port, that answer as nodes without news do; and when each was asked.

A peer is told from the others by the path before the route. It has one event, so that there is a position, and says
nothing of holding requests: so it is polled at the interval. This is a program of its own: what it costs is not the
node's.

    crowd.py COUNT      prints its port; at the end of its input it prints each peer's times of being asked, as JSON
"""

import asyncio, json, sys, time

from corpus import Shape, Writer, ulid

EVENT = Writer(Shape(1, origins=1), 0, "").line(0, 1)
POSITION = f"CROWD.1.{EVENT[7:33].decode()}"


class Crowd:
    """Every peer's identity is made from its number; their log is the same."""

    def __init__(self, count: int):
        self.asked: list[list[float]] = [[] for _ in range(count)]

    def answer(self, target: str) -> bytes:
        peer, route = target[2:].split("/", 1)
        number = int(peer)
        node = ulid(1_650_000_000_000, number + 1)
        # A poll may be more than one request, and not every one asks for events.
        now, times = time.monotonic(), self.asked[number]
        if not times or now - times[-1] > 1:
            times.append(now)
        if route.startswith("federation/v1/identity"):
            body = json.dumps(
                {"id": node, "name": f"p{number}", "version": "0.0.0", "mode": "sync", "features": ["events"]}
            ).encode()
            return self.message(node, "application/json", body, {})
        body = b"" if "after=" in route else EVENT
        return self.message(
            node,
            "application/x-ndjson",
            body,
            {"Federation-Position": POSITION, "Federation-More": "false", "Federation-Count": str(1 if body else 0)},
        )

    @staticmethod
    def message(node: str, kind: str, body: bytes, fields: dict[str, str]) -> bytes:
        fields = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Federation-Node": node,
            "Federation-Version": "0.0.0",
            "Federation-Mode": "sync",
            "Federation-Features": "events",
            "Federation-Head": POSITION,
            **fields,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self.answer(head.split(b" ", 2)[1].decode()))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def main() -> None:
    crowd = Crowd(int(sys.argv[1]))
    server = await asyncio.start_server(crowd.serve, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(json.dumps(crowd.asked), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
