"""Syncthing 1.19: two instances on loopback that share one folder.

Discovery, relays, NAT traversal, usage reports and upgrades are off. The watcher's delay is 1 s, the shortest it takes
(10 s as shipped).
"""

import json, os, re, shutil, subprocess, time, urllib.request
from pathlib import Path

from node import free_port
from processes import Usage, eventually, usage

FOLDER = "events"


def version() -> str:
    return subprocess.run(["syncthing", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.split(" (")[
        0
    ]


class Instance:
    """One syncthing in a directory, with one folder."""

    def __init__(self, directory: Path):
        self.home, self.folder = directory / "home", directory / "folder"
        directory.mkdir()
        self.folder.mkdir()
        (self.folder / ".stfolder").mkdir()
        self.name, self.api, self.port = directory.name, free_port(), free_port()
        self.environment = {**os.environ, "STNODEFAULTFOLDER": "1", "HOME": str(directory)}
        made = subprocess.run(
            ["syncthing", "generate", f"--home={self.home}", "--no-default-folder"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
            check=True,
        )
        self.id = re.search(r"[A-Z0-9]{7}(?:-[A-Z0-9]{7}){7}", made.stdout).group()
        self.key = re.search("<apikey>(.*?)</apikey>", (self.home / "config.xml").read_text()).group(1)
        self.process: subprocess.Popen | None = None

    def configure(self, others: list["Instance"]) -> None:
        """Writes the whole configuration; whatever is not said is as shipped."""
        devices = "".join(
            f'<device id="{each.id}" name="{each.name}"><address>tcp://127.0.0.1:{each.port}</address></device>'
            for each in [self, *others]
        )
        shared = "".join(f'<device id="{each.id}"></device>' for each in [self, *others])
        (self.home / "config.xml").write_text(
            f'<configuration version="36"><folder id="{FOLDER}" path="{self.folder}" type="sendreceive" '
            f'rescanIntervalS="3600" fsWatcherEnabled="true" fsWatcherDelayS="1">{shared}</folder>{devices}'
            f'<gui enabled="true" tls="false"><address>127.0.0.1:{self.api}</address><apikey>{self.key}</apikey></gui>'
            f"<options><listenAddress>tcp://127.0.0.1:{self.port}</listenAddress>"
            f"<globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled>"
            f"<relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled><urAccepted>-1</urAccepted>"
            f"<autoUpgradeIntervalH>0</autoUpgradeIntervalH><crashReportingEnabled>false</crashReportingEnabled>"
            f"<startBrowser>false</startBrowser></options></configuration>"
        )

    def start(self) -> None:
        log = open(self.home / "server.log", "w")
        self.process = subprocess.Popen(
            ["syncthing", "serve", f"--home={self.home}", "--no-browser", "--no-restart", "--logflags=0"],
            stdout=log,
            stderr=log,
            env=self.environment,
        )

    def ask(self, path: str) -> dict:
        request = urllib.request.Request(f"http://127.0.0.1:{self.api}{path}", headers={"X-API-Key": self.key})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def is_connected(self, other: "Instance") -> bool:
        try:
            return self.ask("/rest/system/connections")["connections"].get(other.id, {}).get("connected", False)
        except OSError:
            return False

    def state(self) -> dict:
        return self.ask(f"/rest/db/status?folder={FOLDER}")

    def usage(self) -> Usage:
        return usage(self.process.pid)

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=60)


class Pair:
    """Two that share the folder, connected and at rest."""

    def __init__(self, root: Path):
        self.first, self.second = Instance(root / "syncthing-a"), Instance(root / "syncthing-b")
        self.first.configure([self.second])
        self.second.configure([self.first])
        for each in (self.first, self.second):
            each.start()
        eventually("Syncthing is connected", lambda: self.first.is_connected(self.second), timeout=120, every=0.2)
        eventually("Syncthing is at rest", lambda: self.first.state()["state"] == "idle", timeout=60, every=0.2)

    def propagate(self, number: int) -> float:
        """Seconds from a file that is there on the one side to the same on the other."""
        text = f"note {number}\n" + "x" * 560 + "\n"
        name = f"note-{number}.md"
        whole = self.first.home / name
        whole.write_text(text)
        begun = time.monotonic()
        os.rename(whole, self.first.folder / name)
        target = self.second.folder / name
        eventually(
            "Syncthing propagates", lambda: target.exists() and target.read_text() == text, timeout=60, every=0.001
        )
        return time.monotonic() - begun

    def close(self) -> None:
        for each in (self.first, self.second):
            each.stop()
            shutil.rmtree(each.home.parent, ignore_errors=True)
