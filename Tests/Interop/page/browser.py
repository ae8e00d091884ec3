"""Debian's chromium, driven over WebDriver (chromium-driver) with nothing but Python's own library."""
import base64, json, re, subprocess, tempfile, time, urllib.error, urllib.request

from ring import dies_with_us

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
PATIENCE = 60


class Failed(Exception):
    """What the browser did not do."""


class Element:
    """One that was found; `again` finds it once more where the page has drawn it anew meanwhile."""

    def __init__(self, browser, name, again=None):
        self.browser, self.name, self.again = browser, name, again

    def _ask(self, method, what, body=None):
        for _ in range(20):
            try:
                return self.browser.command(method, f"/element/{self.name}/{what}", body)
            except Failed as error:
                if "stale" not in str(error) or self.again is None:
                    raise
                self.name = self.again().name
        raise Failed(f"{what}: it is drawn anew all the time")

    def _get(self, what):
        return self._ask("GET", what)

    def click(self):
        self._ask("POST", "click", {})

    def type(self, text):
        self._ask("POST", "value", {"text": text})

    def clear(self):
        self._ask("POST", "clear", {})

    text = property(lambda self: self._get("text"))
    role = property(lambda self: self._get("computedrole"))
    label = property(lambda self: self._get("computedlabel"))


class Browser:
    """One browser with one tab."""

    def __init__(self, width=1280, height=900, scheme="light", insecure=False):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.log = open(f"{self.profile.name}/driver.log", "w+")
        self.driver = subprocess.Popen(
            ["/usr/bin/chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=self.log, text=True, preexec_fn=dies_with_us)
        port = self._port()
        self.base = f"http://127.0.0.1:{port}"
        arguments = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
            "--force-color-profile=srgb", "--hide-scrollbars", "--lang=en", f"--user-data-dir={self.profile.name}/profile",
        ]
        options = {"binary": "/usr/bin/chromium", "args": arguments, "perfLoggingPrefs": {"enableNetwork": True, "enablePage": False}}
        answer = self._send("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "acceptInsecureCerts": insecure,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})
        self.session = answer["sessionId"]
        self.requested, self.said = [], []
        self.cdp("Security.setIgnoreCertificateErrors", ignore=insecure)
        self.size(width, height)
        self.scheme(scheme)

    def _port(self):
        for line in self.driver.stdout:
            found = re.search(r"successfully on port (\d+)", line)
            if found:
                return int(found.group(1))
        raise Failed("chromedriver did not start")

    def _send(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE * 2) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise Failed(f"{value['error']}: {value['message'].splitlines()[0]}") from None

    def command(self, method, path, body=None):
        return self._send(method, f"/session/{self.session}{path}", body)

    def close(self):
        try:
            self.command("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.profile.cleanup()

    # What is looked at

    def cdp(self, command, **parameters):
        return self.command("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def size(self, width, height):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, scheme, motion="no-preference"):
        self.cdp("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion}])

    def go(self, url):
        self.command("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        return self.command("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def evaluate(self, expression):
        """As the developer's console does: the page's own policy does not hold it."""
        result = self.cdp("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise Failed(result["exceptionDetails"]["text"])
        return result["result"].get("value")

    def all(self, css):
        return [Element(self, each[ELEMENT]) for each in self.command("POST", "/elements", {"using": "css selector", "value": css})]

    def find(self, css, holding=None):
        """The first element that there is within a minute, whose text holds `holding`."""
        def first():
            return self.until(f"{css!r} holding {holding!r}", lambda: self._first(css, holding))
        element = first()
        element.again = first
        return element

    def texts(self, css):
        """Of all such elements at one moment."""
        return self.run("return [...document.querySelectorAll(arguments[0])].map((each) => each.innerText ?? each.textContent)", css)

    def labels(self, css):
        return self.run("return [...document.querySelectorAll(arguments[0])].map((each) => each.getAttribute('aria-label'))", css)

    def _first(self, css, holding):
        for element in self.all(css):
            try:
                if holding is None or holding in element.text:
                    return element
            except Failed:  # It has been replaced meanwhile.
                continue
        return None

    def press(self, *keys):
        """Keys one after another, to whatever has the focus."""
        names = {"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "Space": " ", "Shift": "\ue008", "Down": "\ue015"}
        for key in keys:
            held, key = ("Shift", key[6:]) if key.startswith("Shift+") else (None, key)
            actions = [{"type": "keyDown", "value": names[held]}] if held else []
            actions += [{"type": "keyDown", "value": names.get(key, key)}, {"type": "keyUp", "value": names.get(key, key)}]
            actions += [{"type": "keyUp", "value": names[held]}] if held else []
            self.command("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def focused(self):
        def active():
            return Element(self, self.command("GET", "/element/active")[ELEMENT], active)
        return active()

    def until(self, what, look):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                found = look()
            except Failed as error:
                if "stale" not in str(error) and "no such element" not in str(error):
                    raise
                found = None
            if found:
                return found
            if time.monotonic() > deadline:
                raise Failed(f"not within {PATIENCE} s: {what}; the page says:\n{self.run('return document.body.innerText')}")
            time.sleep(0.05)

    # What it has asked and complained of

    def listen(self):
        """Takes in what was logged since: urls that were asked for, and what the console says."""
        for entry in self.command("POST", "/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])
        for entry in self.command("POST", "/se/log", {"type": "browser"}):
            self.said.append(f"{entry['level']}: {entry['message']}")

    def picture(self, path, height=None):
        """The whole page, or its first `height` pixels, as PNG."""
        size = self.run("return [document.documentElement.clientWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": size[0], "height": min(size[1], height or size[1]), "scale": 1}
        shot = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))
