"""A line between two nodes of this machine on which everything can go wrong that goes wrong with streams.

A `StreamLink` listens on a port of its own and hands on what comes to the port of a node, and back. It delays, throttles,
stalls either way or both (a partition: what was sent arrives once that is over), resets, refuses, and leaves connections
half open: this end of them stays, silent for ever, and the far end is gone without a word.

    with Links() as links:
        link = links.add(to=("127.0.0.1", 4001))
        link.delay = 0.5                    # seconds each way
        link.stall(up=True, down=False)     # requests are lost on the way, answers are not
        link.heal()

Links carry on in a thread of their own. What is set on one holds at once, for connections that are there already as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from ring import free_port

Value = TypeVar("Value")

# What is read at one time, and how many such pieces one direction may have under way: a link has bounded memory.
PIECE = 16 << 10
PIECES = 256


@dataclass
class Carried:
    """What went over a link."""

    connections: int = 0
    refused: int = 0
    resets: int = 0
    up: int = 0
    down: int = 0


class _Connection:
    """Two sockets and the two directions between them."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near = near
        self.far = far
        self.tasks: list[asyncio.Task[None]] = []
        # A connection that was made half open hears no more of either side.
        self.is_silent = False
        self.budget: int | None = None

    def reset(self) -> None:
        """Both ends see a reset, and not an orderly end."""
        for writer in (self.near, self.far):
            held = writer.get_extra_info("socket")
            if held is not None:
                with contextlib.suppress(OSError):
                    held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        for task in self.tasks:
            task.cancel()


class StreamLink:
    """One line to one node. Attributes may be set, and methods called, from any thread."""

    def __init__(self, owner: Links, to: tuple[str, int]) -> None:
        self._owner = owner
        self._to = to
        self._open: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._clear = {"up": asyncio.Event(), "down": asyncio.Event()}
        for event in self._clear.values():
            event.set()
        self.port = free_port()
        self.carried = Carried()
        #: Seconds that everything takes each way; a connection takes one more way to be made.
        self.delay = 0.0
        #: Bytes a second each way, of all connections together; 0: as many as there are.
        self.rate = 0
        #: A connection is reset after it has carried about so many bytes (of `random`); 0: never.
        self.reset_after = 0
        self.random = random.Random(0)
        self._refuses = False

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stall(self, up: bool = True, down: bool = True) -> None:
        """Nothing arrives any more: of what the near end sends (`up`), of what the far end sends (`down`)."""
        self._owner.do(self._set_clear(up=not up, down=not down))

    def refuse(self) -> None:
        """Connections that are there are reset, and new ones as soon as they are made: a machine without the program."""
        self._refuses = True
        self.reset()

    def reset(self) -> int:
        """Resets every connection; how many there were."""
        return self._owner.do(self._reset())

    def leave_half_open(self) -> int:
        """The far end of every connection goes, and the near end never hears of it; new connections are as ever."""
        return self._owner.do(self._silence())

    def heal(self) -> None:
        """As it was made: nothing is delayed, and what was stalled arrives. What is half open stays so."""
        self.delay, self.rate, self.reset_after, self._refuses = 0.0, 0, 0, False
        self._owner.do(self._set_clear(up=True, down=True))

    # In the loop

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=PIECE, backlog=64)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._reset()

    async def _set_clear(self, **ways: bool) -> None:
        for way, clear in ways.items():
            if clear:
                self._clear[way].set()
            else:
                self._clear[way].clear()

    async def _reset(self) -> int:
        count = len(self._open)
        for connection in list(self._open):
            connection.reset()
        self._open.clear()
        self.carried.resets += count
        return count

    async def _silence(self) -> int:
        count = 0
        for connection in self._open:
            if not connection.is_silent:
                connection.is_silent = True
                connection.far.transport.abort()
                count += 1
        return count

    async def _accept(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        self.carried.connections += 1
        try:
            await asyncio.sleep(self.delay)
            await self._clear["up"].wait()
            if self._refuses:
                raise ConnectionRefusedError
            far_reader, far = await asyncio.open_connection(*self._to, limit=PIECE)
        except OSError:
            self.carried.refused += 1
            _Connection(near, near).reset()
            return
        connection = _Connection(near, far)
        if self.reset_after:
            connection.budget = self.random.randrange(1, 2 * self.reset_after)
        self._open.add(connection)
        connection.tasks = [
            asyncio.create_task(self._carry("up", reader, far, connection)),
            asyncio.create_task(self._carry("down", far_reader, near, connection)),
        ]
        try:
            await asyncio.wait(connection.tasks)
        except asyncio.CancelledError:
            return  # The links are closed; asyncio would tell of it on standard error.
        if not connection.is_silent:
            self._open.discard(connection)
            for writer in (near, far):
                writer.close()

    async def _carry(
        self, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: _Connection
    ) -> None:
        """Reads at once and writes when it is time, so that a delay is no throttle."""
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(PIECES)
        deliver = asyncio.create_task(self._deliver(way, pieces, writer, connection))
        now = asyncio.get_running_loop().time
        try:
            while True:
                try:
                    piece = await reader.read(PIECE)
                except OSError:
                    # A silent end hears nothing of it.
                    if not connection.is_silent:
                        connection.reset()
                    return
                await pieces.put((now() + self.delay, piece))
                if not piece:
                    await deliver
                    return
        finally:
            deliver.cancel()

    async def _deliver(
        self, way: str, pieces: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter, connection: _Connection
    ) -> None:
        now = asyncio.get_running_loop().time
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(due - now())
            if self.rate:
                await self._owner.turn(self, way, len(piece))
            await self._clear[way].wait()
            if connection.is_silent:
                continue
            try:
                if not piece:
                    writer.write_eof()
                    return
                writer.write(piece)
                await writer.drain()
            except OSError:
                connection.reset()
                return
            setattr(self.carried, way, getattr(self.carried, way) + len(piece))
            if connection.budget is not None:
                connection.budget -= len(piece)
                if connection.budget <= 0:
                    self.carried.resets += 1
                    self._open.discard(connection)
                    connection.reset()
                    return


class Links:
    """A thread in which links are; leaving it ends them."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="links", daemon=True)
        self._thread.start()
        self._next_turn: dict[tuple[StreamLink, str], float] = {}
        self.all: list[StreamLink] = []

    def __enter__(self) -> Links:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, to: tuple[str, int]) -> StreamLink:
        link = StreamLink(self, to)
        self.do(link.listen())
        self.all.append(link)
        return link

    def heal(self) -> None:
        for link in self.all:
            link.heal()

    def close(self) -> None:
        if self._loop.is_closed():
            return
        for link in self.all:
            self.do(link.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        with contextlib.suppress(RuntimeError):
            self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def do(self, work: Coroutine[Any, Any, Value]) -> Value:
        done: Future[Value] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(30)

    async def turn(self, link: StreamLink, way: str, size: int) -> None:
        """Waits until so many bytes may go, at the link's rate and after those that went before."""
        now = self._loop.time()
        begin = max(now, self._next_turn.get((link, way), now))
        self._next_turn[link, way] = begin + size / link.rate
        await asyncio.sleep(begin + size / link.rate - now)
