"""A ring of real nodes on loopback, some of which are looked at with a browser."""
import ctypes, json, pathlib, signal, socket, subprocess, time, urllib.error, urllib.request

PATIENCE = 60


def dies_with_us():
    """For the child: whatever ends this program ends it as well."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def free_port():
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, look):
    deadline = time.monotonic() + PATIENCE
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE} s: {what}")
        time.sleep(0.05)


class Node:
    def __init__(self, program, scratch, name, interval="500ms"):
        self.program, self.name = program, name
        self.directory = pathlib.Path(scratch) / name
        self.port, self.page_port = free_port(), free_port()
        self.process = None
        self._call(["init", str(self.directory), "--name", name, "--listen", f"127.0.0.1:{self.port}", "--interval", interval])
        self.config = self.directory / "federation.yaml"
        self.lines, self.peers = [], []
        self.base = self.config.read_text().replace("peers: []\n", "")

    endpoint = property(lambda self: f"http://127.0.0.1:{self.port}")
    page = property(lambda self: f"http://127.0.0.1:{self.page_port}/")
    log = property(lambda self: (self.directory / "log").read_text())

    def show_page(self, key=True, more=""):
        """Turns the page on, with a key of its own."""
        settings = [f"  listen: 127.0.0.1:{self.page_port}"] + ([more] if more else [])
        if key:
            path = self.directory / "page.key"
            path.write_text("a-key-of-the-page-alone\n")
            path.chmod(0o600)
            settings.append("  key_file: page.key")
        self.lines += ["page:"] + settings

    def add_peer(self, name, endpoint, *lines):
        self.peers.append("\n".join([f"  - name: {name}", f"    endpoint: {endpoint}", *(f"    {line}" for line in lines)]))

    def write_config(self):
        peers = "peers:\n" + "\n".join(self.peers) + "\n" if self.peers else "peers: []\n"
        self.config.write_text(self.base + "\n".join(self.lines) + "\n" + peers)

    def start(self):
        self.write_config()
        before = self.log.count(" running ") if (self.directory / "log").exists() else 0
        with open(self.directory / "log", "a") as log:
            self.process = subprocess.Popen([self.program, "run", "--config", str(self.config)], stdout=log, stderr=log, preexec_fn=dies_with_us)

        def runs():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended:\n{self.log}")
            return self.log.count(" running ") > before
        until(f"{self.name} runs", runs)
        return self

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            code = self.process.wait(PATIENCE)
            self.process = None
            assert code == 0, f"{self.name} ended with {code}:\n{self.log}"

    def _call(self, arguments, text=None):
        done = subprocess.run([self.program, *arguments], input=text, capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode != 0:
            raise RuntimeError(f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def run(self, *arguments, text=None):
        return self._call([*arguments, "--config", str(self.config)], text)

    def facts(self, *arguments):
        return json.loads(self.run(*arguments, "--json"))

    def put(self, text, *options):
        return self.run("put", "-", *options, text=text).strip()

    def peer(self, name):
        return next((each for each in self.facts("status")["peers"] if each["name"] == name), {})


def get(url, headers=None, method="GET", data=None):
    """Status, fields and bytes of an answer, whatever it is."""
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()
