"""A scripted peer that serves a made-up log on the native wire, so that a real node gets a database from it.

It says no more than a puller needs: who it is, and the pages in order, each with the checkpoints that lie in it.
"""

import http.server, threading
from urllib.parse import parse_qs, urlsplit

from corpus import Corpus, Origin

BEGINNING = "00000000000000000000000000"


class SeedServer:
    """Serves one log on a loopback port for as long as the `with` block lasts."""

    def __init__(self, corpus: Corpus):
        self.corpus, self.node = corpus, Origin(999)
        self.reached = self._reached()
        handler = type("Handler", (SeedHandler,), {"seed": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def _reached(self) -> dict[str, dict[int, str]]:
        return {origin: dict(found) for origin, found in self.corpus.checkpoints.items()}

    def position(self, place: int) -> str:
        """The position after so many events."""
        name = BEGINNING if place == 0 else self.corpus.lines(place - 1, 1)[7:33].decode()
        return f"SEED.{place}.{name}"

    def attestations(self, first: int, end: int) -> list[str]:
        """Of each origin the checkpoint that reaches furthest among some places."""
        origins = self.corpus.shape.origins
        found = []
        for index in range(origins):
            reached = self.reached.get(Origin(index).id, {})
            last = (end - 1 - index) // origins + 1
            begin = max(0, (first - 1 - index) // origins + 1)
            for number in range(last, begin, -1):
                if number in reached:
                    found.append(reached[number])
                    break
        return found


class SeedHandler(http.server.BaseHTTPRequestHandler):
    """Two routes of the native wire."""

    protocol_version = "HTTP/1.1"
    seed: SeedServer

    def log_message(self, *_):
        pass

    def do_GET(self):
        target = urlsplit(self.path)
        if target.path == "/federation/v1/identity":
            node = self.seed.node
            body = (
                f'{{"id":"{node.id}","name":"seed","version":"0.0.0","mode":"sync","pubkey":"{node.public_key}",'
                f'"features":["events","attestations"]}}'
            )
            return self.answer("application/json", body.encode(), {})
        query = parse_qs(target.query)
        after = int(query["after"][0].split(".")[1]) if "after" in query else 0
        limit = min(1000, int(query.get("limit", ["1000"])[0]))
        self.page(after, limit)

    def page(self, after: int, limit: int):
        corpus = self.seed.corpus
        count = min(limit, 8 * 1024 * 1024 // corpus.shape.bytes or 1, corpus.shape.events - after)
        end = after + count
        proofs = self.seed.attestations(after, end) if count else []
        body = corpus.lines(after, count) + "".join(line + "\n" for line in proofs).encode()
        fields = {
            "Federation-Position": self.seed.position(end),
            "Federation-Count": str(count),
            "Federation-More": "true" if end < corpus.shape.events else "false",
        }
        if proofs:
            fields["Federation-Attestations"] = str(len(proofs))
        self.answer("application/x-ndjson", body, fields)

    def answer(self, kind: str, body: bytes, fields: dict[str, str]):
        seed = self.seed
        self.send_response(200)
        always = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Federation-Node": seed.node.id,
            "Federation-Name": "seed",
            "Federation-Version": "0.0.0",
            "Federation-Mode": "sync",
            "Federation-Key": seed.node.public_key,
            "Federation-Features": "events attestations",
            "Federation-Head": seed.position(seed.corpus.shape.events),
        }
        for name, value in {**always, **fields}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
