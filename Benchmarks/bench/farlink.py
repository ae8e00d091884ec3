"""A line between two programs of one machine on which every byte arrives later: a link emulator in user space.

It holds back nothing but time: as many bytes are under way as are sent. A program of its own, so that what it costs is
neither end's.

    farlink.py PORT DELAY_MS     forwards to 127.0.0.1:PORT; prints its own port
"""

import asyncio, collections, subprocess, sys, time
from pathlib import Path


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Passes on what comes, each piece as long after it came as the way is long."""
    under_way: collections.deque[tuple[float, bytes]] = collections.deque()
    news = asyncio.Event()

    async def send() -> None:
        while True:
            while not under_way:
                news.clear()
                await news.wait()
            due, data = under_way.popleft()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()

    sender = asyncio.create_task(send())
    try:
        while True:
            data = await reader.read(1 << 18)
            under_way.append((time.monotonic() + delay, data))
            news.set()
            if not data:
                break
        await sender
    except ConnectionError:
        sender.cancel()
        writer.close()


async def main() -> None:
    port, delay = int(sys.argv[1]), float(sys.argv[2]) / 1000

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        await asyncio.gather(pump(reader, back, delay), pump(there, writer, delay))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class FarLink:
    """A link to a port of this machine, half the round trip each way, while the `with` block lasts; gives its port."""

    def __init__(self, port: int, round_trip_ms: float):
        self.words = [sys.executable, str(Path(__file__).resolve()), str(port), str(round_trip_ms / 2)]

    def __enter__(self) -> int:
        self.process = subprocess.Popen(self.words, stdout=subprocess.PIPE, text=True)
        return int(self.process.stdout.readline())

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()


if __name__ == "__main__":
    asyncio.run(main())
