#!/usr/bin/env python3
"""How long from a commit on one node to the same event's commit on another that follows it live.

Two daemons on loopback, interval 60 s, so that nothing is found by polling. Every event is put on the first through
its control socket. A request held open at each node (`wait` of the native wire) tells when the event is committed
there; both are taken in the same way, and the difference is the latency.

With `--star` there are three: the first and the last are leaves that nobody can reach, each with an entry for the middle
only, and the latency is from leaf to leaf through the middle. A leaf listens all the same, so that it can be asked when
an event is there; nobody in the ring does.

    latency.py PROGRAM [--events 500] [--spacing-ms 20] [--star]
"""
import argparse, http.client, json, socket, subprocess, sys, tempfile, threading, time


class Socket(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(3000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    sys.exit("a daemon did not start")


class Follower(threading.Thread):
    """Notes when each event is there to be read."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.seen, self.position, self.asks = port, {}, None, threading.Event()

    def run(self):
        try:
            self.follow()
        except (OSError, http.client.HTTPException):
            pass  # The node has stopped.

    def follow(self):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        while True:
            after = "" if self.position is None else "&after=" + self.position
            self.asks.set()
            link.request("GET", "/federation/v1/events?limit=1000&wait=50" + after)
            answer = link.getresponse()
            body = answer.read()
            now = time.monotonic()
            self.position = answer.headers["Federation-Position"]
            for line in body.splitlines():
                self.seen.setdefault(json.loads(line)["id"], now)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--spacing-ms", type=float, default=20)
    parser.add_argument("--star", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        run(options, root)


def run(options, root):
    names = ["alpha", "hub", "beta"] if options.star else ["alpha", "beta"]
    ports = {name: free_port() for name in names}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True}
    for name, port in ports.items():
        subprocess.run([options.program, "init", f"{root}/{name}", "--name", name,
                        "--listen", f"127.0.0.1:{port}", "--interval", "60s"], **quiet)
    config = {name: f"{root}/{name}/federation.yaml" for name in ports}
    def add_peer(config, *what):
        subprocess.run([options.program, "add-peer", *what, "--config", config], **quiet)

    if options.star:
        for leaf in ["alpha", "beta"]:
            add_peer(config[leaf], "hub", f"http://127.0.0.1:{ports['hub']}")
            facts = subprocess.run([options.program, "identity", "show", "--json", "--config", config[leaf]],
                                   stdout=subprocess.PIPE, check=True).stdout
            add_peer(config["hub"], leaf, "--id", json.loads(facts)["id"])
    else:
        add_peer(config["beta"], "alpha", f"http://127.0.0.1:{ports['alpha']}")
    daemons = []
    try:
        for name in ["hub", "alpha", "beta"] if options.star else names:
            log = open(f"{root}/{name}.log", "w")
            daemons.append(subprocess.Popen([options.program, "run", "--config", config[name]], stdout=log, stderr=log))
            wait_for(ports[name])
        measure(options, root, ports, config)
    finally:
        for daemon in daemons:
            daemon.terminate()
        for daemon in daemons:
            daemon.wait()


def measure(options, root, ports, config):
    for name in ["alpha", "beta"] if options.star else ["beta"]:
        subprocess.run([options.program, "sync", "--config", config[name]], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True)
    followers = {name: Follower(ports[name]) for name in ["alpha", "beta"]}
    for follower in followers.values():
        follower.start()
        follower.asks.wait()
    time.sleep(1)
    control = Socket(f"{root}/alpha/data/control.sock")
    written, next_at = [], time.monotonic()
    for number in range(options.events):
        next_at += options.spacing_ms / 1000
        time.sleep(max(0, next_at - time.monotonic()))
        put = {"file": "-", "text": f"# Note {number}\n\n" + "x" * 400 + "\n"}
        control.request("POST", "/control/v1/put", json.dumps(put), {"Content-Type": "application/json"})
        answer = control.getresponse()
        body = json.loads(answer.read())
        if answer.status != 200:
            sys.exit(f"put: {body}")
        written += body["events"]
    deadline = time.monotonic() + 30
    while len(followers["beta"].seen) < len(written) and time.monotonic() < deadline:
        time.sleep(0.01)
    missing = [event for event in written if event not in followers["beta"].seen]
    if missing:
        sys.exit(f"{len(missing)} events did not arrive")
    latencies = sorted(
        max(0, followers["beta"].seen[event] - followers["alpha"].seen[event]) * 1000 for event in written)
    at = lambda share: latencies[min(len(latencies) - 1, int(share * len(latencies)))]
    print(f"{len(latencies)} events, one each {options.spacing_ms:g} ms, commit to commit: "
          f"p50 {at(0.5):.2f} ms, p99 {at(0.99):.2f} ms, longest {latencies[-1]:.2f} ms")


main()
