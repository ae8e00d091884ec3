"""Nodes of `federation`: made, filled with a log, run, asked, stopped."""

import http.client, json, os, signal, socket, subprocess, sys
from pathlib import Path

from corpus import Corpus
from processes import Usage, eventually, usage
from seed import SeedServer

sys.path.append(str(Path(__file__).resolve().parents[2] / "Tests" / "Robustness"))
from ring import free_port  # noqa: E402


class Node:
    """A directory with a configuration and a database, and perhaps a daemon."""

    def __init__(self, program: str, directory: Path, *, verify: str = "warn", interval: str = "30s", host="127.0.0.1"):
        self.program, self.directory, self.name = program, directory, directory.name
        self.verify, self.interval, self.host = verify, interval, host
        self.port = free_port()
        self.process: subprocess.Popen | None = None
        self.peers: list[str] = []
        self.command("init", str(directory), "--name", self.name, "--listen", f"{host}:{self.port}", config=False)
        self.configure([])

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def database(self) -> Path:
        return self.directory / "data" / "federation.db"

    def configure(self, peers: list[tuple[str, str]], lines: list[str] = []) -> None:
        """Writes the whole configuration: peers by name and endpoint, and perhaps more lines of YAML."""
        text = [
            f"name: {self.name}",
            f"listen: {self.host}:{self.port}",
            f"interval: {self.interval}",
            f"verify: {self.verify}",
            *lines,
        ]
        if peers:
            text.append("peers:")
            text += [f"  - {{name: {name}, endpoint: '{endpoint}'}}" for name, endpoint in peers]
        (self.directory / "federation.yaml").write_text("\n".join(text) + "\n")

    def command(self, *words: str, config: bool = True) -> str:
        command = [self.program, *words] + (["--config", str(self.directory / "federation.yaml")] if config else [])
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: exit {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def fill(self, corpus: Corpus) -> None:
        """Takes a made-up log in, as from a peer, and forgets the peer."""
        with SeedServer(corpus) as endpoint:
            self.configure([("seed", endpoint)])
            self.command("sync", "seed", "--json")
        self.configure([])

    def start(self, log: str = "daemon.log") -> None:
        """Starts the daemon; it may not listen yet when this returns."""
        with open(self.directory / log, "a") as file:
            self.process = subprocess.Popen(
                [self.program, "run", "--config", str(self.directory / "federation.yaml")], stdout=file, stderr=file
            )

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((self.host, self.port)) == 0

    def wait_until_listening(self) -> None:
        eventually(f"{self.name} listens", self.listens, timeout=120, every=0.005)

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=120)
            self.process = None

    def usage(self) -> Usage:
        return usage(self.process.pid)

    def get(self, target: str) -> dict:
        link = http.client.HTTPConnection(self.host, self.port, timeout=120)
        try:
            link.request("GET", target)
            return json.loads(link.getresponse().read())
        finally:
            link.close()

    def head(self) -> int:
        """How many places its log has: a poll of this costs the node next to nothing."""
        if self.process and self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended: {self.log_text()[-2000:]}")
        try:
            return int(self.get("/federation/v1/identity")["head"].split(".")[1])
        except (OSError, http.client.HTTPException, ValueError):
            return -1  # It has not started yet.

    def digest(self) -> tuple[int, str]:
        """The number of events and the digest of them all."""
        answer = self.get("/federation/v1/digest?before=4000000000000")
        return int(answer["count"]), answer["digest"]

    def log_text(self) -> str:
        path = self.directory / "daemon.log"
        return path.read_text(errors="replace") if os.path.exists(path) else ""
