"""Writers that go on whatever happens to their node: records made, edited, settled, put away and brought back.

Each write has a request id of its own, and is asked again with it until there is an answer. So every event of the log has
been acknowledged exactly once in the end: more events are something written twice, fewer are something lost.
"""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter, deque
from typing import Any

from ring import Control, Facts, Node, Refused


class Writer(threading.Thread):
    """Writes on one node."""

    def __init__(self, node: Node, pause: float, seed: int, shared: deque[str]) -> None:
        """`pause` is the mean time between two writes; `shared` holds records that all writers edit."""
        super().__init__(name=f"writer of {node.name}", daemon=True)
        self.acknowledged: list[str] = []
        self.refusals: Counter[str] = Counter()
        self.asked_again = 0
        self._node = node
        self._pause = pause
        self._random = random.Random(seed)
        self._shared = shared
        self._over = threading.Event()
        self._number = 0
        # The node's identity lasts longer than the process of this harness.
        self._run = f"{self._random.randrange(1 << 32):08x}"

    def finish(self) -> None:
        """Carries the write in hand through, and ends."""
        self._over.set()

    def run(self) -> None:
        control = Control(self._node)
        while not self._over.wait(self._random.expovariate(1 / self._pause)):
            self._carry_out(control, *self._next())
        control.close()

    def _next(self) -> tuple[str, Facts]:
        self._number += 1
        text = f"# Note {self._number} of {self._node.name}\n\n" + "x" * self._random.randrange(20, 800) + "\n"
        draw = self._random.random()
        if not self._shared or draw < 0.6:
            return "put", {"file": "-", "text": text}
        record = self._random.choice(list(self._shared))
        if draw < 0.9:
            return "put", {"file": "-", "text": text, "id": record}
        return self._random.choice(["archive", "unarchive", "trash", "recover"]), {"ids": [record]}

    def _carry_out(self, control: Control, name: str, arguments: Facts) -> None:
        answer = self._ask(control, name, arguments)
        if answer == "diverged" and "id" in arguments:
            answer = self._ask(control, "resolve", {"id": arguments["id"], "text": arguments["text"]})
        if not isinstance(answer, dict):
            self.refusals[answer] += 1
        elif answer.get("created"):
            self._shared.append(answer["id"])

    def _ask(self, control: Control, name: str, arguments: Facts) -> Facts | str:
        """The answer, or the code of the refusal; for as long as there is neither it is asked again."""
        self._number += 1
        request = f"{self._run}-{self._number}"
        while True:
            try:
                answer = control.call(name, 30, request=request, **arguments)
            except Refused as refusal:
                if refusal.code not in ("unreachable_daemon", "stopped"):
                    return refusal.code
            except (OSError, http.client.HTTPException):
                pass
            else:
                written: list[dict[str, Any]] = answer.get("records", [answer])
                for one in written:
                    self.acknowledged += one.get("events", [])
                return answer
            self.asked_again += 1
            time.sleep(0.5)


class SteadyWrites:
    """A writer for each node, so many writes a second in all."""

    def __init__(self, nodes: list[Node], a_second: float, seed: int) -> None:
        shared: deque[str] = deque(maxlen=200)
        self.writers = [
            Writer(node, len(nodes) / a_second, seed * 1000 + place, shared) for place, node in enumerate(nodes)]
        for writer in self.writers:
            writer.start()

    @property
    def acknowledged(self) -> list[str]:
        return [event for writer in self.writers for event in writer.acknowledged]

    def finish(self, within: float) -> bool:
        """Ends them; whether every one has had its answer in time."""
        for writer in self.writers:
            writer.finish()
        deadline = time.monotonic() + within
        for writer in self.writers:
            writer.join(max(0.0, deadline - time.monotonic()))
        return not any(writer.is_alive() for writer in self.writers)
