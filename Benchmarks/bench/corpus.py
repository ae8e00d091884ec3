"""A log made up for a measurement: events of a given size, unsigned, signed, or signed with chains, in one file.

Every line of the file is one event as the native wire carries it, and all have the same length, so that the event at a
place is found without an index, and several processes write at one time. The text of an event is words, not a repeated
sentence: what compression makes of it is about what it makes of notes. The same arguments make the same file.
"""

import base64, functools, hashlib, json, multiprocessing, os, random, struct
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
FIRST_TIME = 1_760_000_000_000
CHECKPOINT_EVERY = 64
KINDS = ("unsigned", "signed", "chained")


def ulid(milliseconds: int, low: int) -> str:
    """A ULID of a time and what would be its random part."""
    number = milliseconds << 80 | low
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


@dataclass(frozen=True)
class Shape:
    """What a log is made of."""

    events: int
    kind: str = "unsigned"
    bytes: int = 580
    origins: int = 4
    clock: int = 1

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.events}-{self.bytes}b-{self.origins}o-{self.clock}c"


class Origin:
    """One of the nodes that are said to have written the log."""

    def __init__(self, index: int):
        self.id = ulid(1_700_000_000_000, index + 1)
        self.name = f"origin-{index}"
        self.key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"bench origin {index}".encode()).digest())
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public_key = "ed25519:" + base64.b64encode(public).decode()

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message)


def signature_text(signature: bytes) -> str:
    return "ed25519:" + base64.b64encode(signature).decode()


@functools.cache
def words() -> str:
    """Four million characters of made-up prose."""
    source = random.Random(6)
    letters = "etaoinshrdlucmfwypvbgk"
    vocabulary = [
        "".join(source.choices(letters, weights=range(22, 0, -1), k=source.randint(2, 9))) for _ in range(4000)
    ]
    popularity = [1 / (place + 3) for place in range(len(vocabulary))]
    return " ".join(source.choices(vocabulary, weights=popularity, k=800_000))


def preimage(texts: list[str], clock: dict[str, int], data: bytes) -> bytes:
    """What an origin signs (docs/protocol.md, Digest and signature)."""
    parts = [b"noema-event-sig-v1\n"]
    for text in texts:
        encoded = text.encode()
        parts += [struct.pack(">I", len(encoded)), encoded]
    entries = b"".join(
        struct.pack(">I", len(key)) + key.encode() + struct.pack(">Q", clock[key]) for key in sorted(clock)
    )
    return b"".join(
        parts + [struct.pack(">I", len(entries)), entries, struct.pack(">I", 32), hashlib.sha256(data).digest()]
    )


class Chain:
    """The hash over an origin's events, and the checkpoints that it signs (docs/protocol.md)."""

    def __init__(self, origin: Origin):
        self.origin = origin
        self.head = hashlib.sha256(b"federation-chain-v1\n" + origin.id.encode()).digest()
        self.checkpoints: list[tuple[int, str]] = []

    def extend(self, number: int, signed: bytes, signature: bytes) -> None:
        digest = hashlib.sha256(b"federation-item-v1\n" + signed).digest()
        link = b"federation-chain-link-v1\n" + self.head + struct.pack(">Q", number) + digest + signature
        self.head = hashlib.sha256(link).digest()
        if number % CHECKPOINT_EVERY == 0:
            self.checkpoint(number)

    def checkpoint(self, number: int) -> None:
        message = b"federation-checkpoint-v1\n" + self.origin.id.encode() + struct.pack(">Q", number) + self.head
        self.checkpoints.append(
            (
                number,
                json.dumps(
                    {
                        "attestation": "checkpoint",
                        "cortex_id": self.origin.id,
                        "number": number,
                        "head": self.head.hex(),
                        "pubkey": self.origin.public_key,
                        "signature": signature_text(self.origin.sign(message)),
                    },
                    separators=(",", ":"),
                ),
            )
        )


class Writer:
    """Writes the events of one origin into the file."""

    def __init__(self, shape: Shape, index: int, path: str):
        self.shape, self.index, self.path = shape, index, path
        self.origin = Origin(index)
        self.text = words()
        self.chain = Chain(self.origin)
        # A clock of many entries names origins that wrote no event of this log.
        self.others = {ulid(1_600_000_000_000, place): place for place in range(1, shape.clock)}

    def run(self) -> list[tuple[int, str]]:
        """Returns the checkpoints, each with the number that it reaches."""
        file = os.open(self.path, os.O_WRONLY)
        for place in range(self.index, self.shape.events, self.shape.origins):
            line = self.line(place, place // self.shape.origins + 1)
            os.pwrite(file, line, place * len(line))
        os.close(file)
        numbers = len(range(self.index, self.shape.events, self.shape.origins))
        if self.shape.kind == "chained" and numbers % CHECKPOINT_EVERY:
            self.chain.checkpoint(numbers)
        return self.chain.checkpoints

    def line(self, place: int, number: int) -> bytes:
        origin = self.origin
        time = FIRST_TIME + place * 7
        event = ulid(time, place)
        seconds = time // 1000 % 86_400
        stamp = f"2025-10-09T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{time % 1000:03}Z"
        subject = f"20251009-note-{place:08}"
        clock = {**self.others, origin.id: number}
        clock_text = json.dumps(clock, separators=(",", ":"))
        head = (
            f'{{"id":"{event}","action":"create","trace_id":"{subject}","cortex_id":"{origin.id}",'
            f'"origin":"{origin.name}","timestamp":"{stamp}","data":'
        )
        begin, end = f'{{"title":"Note {place}","type":"note","body":"', '"}'
        tail = f',"vclock":{clock_text}'
        signed_bytes = 0 if self.shape.kind == "unsigned" else len(',"signature":""') + 96 + len(',"pubkey":""') + 52
        room = self.shape.bytes - len(head) - len(begin) - len(end) - len(tail) - signed_bytes - 1
        if room < 0:
            raise SystemExit(f"an event of this kind has at least {self.shape.bytes - room} bytes")
        data = begin + self.body(place, room) + end
        if signed_bytes:
            message = preimage([event, "create", subject, origin.id, origin.name, stamp], clock, data.encode())
            signature = origin.sign(message)
            tail += f',"signature":"{signature_text(signature)}","pubkey":"{origin.public_key}"'
            if self.shape.kind == "chained":
                self.chain.extend(number, message, signature)
        return f"{head}{data}{tail}}}\n".encode()

    def body(self, place: int, length: int) -> str:
        start = place * length % (len(self.text) - 1)
        text = self.text[start : start + length]
        while len(text) < length:
            text += self.text[: length - len(text)]
        return text


@dataclass
class Corpus:
    """A log in a file."""

    shape: Shape
    path: Path
    checkpoints: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    @staticmethod
    def make(shape: Shape, directory: Path) -> "Corpus":
        path = directory / f"{shape.name}.ndjson"
        with open(path, "wb") as file:
            file.truncate(shape.events * (shape.bytes + 1))
        writers = [(shape, index, str(path)) for index in range(shape.origins)]
        with multiprocessing.Pool(min(shape.origins, os.cpu_count() or 1)) as pool:
            made = pool.starmap(write_origin, writers, chunksize=1)
        corpus = Corpus(shape, path)
        corpus.checkpoints = {Origin(index).id: found for index, found in enumerate(made) if found}
        return corpus

    def lines(self, first: int, count: int) -> bytes:
        """Some lines, by their places; fewer at the end."""
        with open(self.path, "rb") as file:
            file.seek(first * (self.shape.bytes + 1))
            return file.read(count * (self.shape.bytes + 1))

    def each(self):
        """Every line, without its newline."""
        with open(self.path, "rb") as file:
            for line in file:
                yield line[:-1]


def write_origin(shape: Shape, index: int, path: str) -> list[tuple[int, str]]:
    return Writer(shape, index, path).run()
