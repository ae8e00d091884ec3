"""Looks at the page of a real node in Debian's chromium, as people do.

    page_test.py PROGRAM SCRATCH [AXE]

AXE is the source of axe-core, which looks for what keeps people out. Ends with 0 where everything was as it should be, and
prints what was measured.
"""
import json, pathlib, socket, subprocess, sys, time

from browser import Browser, Failed
from ring import Node, dies_with_us, free_port, get, until
from looks import contrasts, keeps_out, names_of_all, overflow

KEY = "a-key-of-the-page-alone"
EVIL = '<img src=x onerror="document.title=`owned`"><script>document.title="owned"</script>'
VIEWS = ["", "peers", "peers/beta", "peers/gone", "clocks", "divergences", "quarantine", "events", "reasons", "reasons/network_refused"]


def check(is_so, what):
    if not is_so:
        raise Failed(what)


def noema_event(number, kind):
    """As no node of ours would write it: of a type that is not known, and with numbers missing before it."""
    origin = "01KNJX4991ASW6NNKS9BQHNCGB"
    return json.dumps({
        "id": "01KNJX4992" + f"{number:016d}", "action": "create", "trace_id": f"20260406-hello-{number}", "cortex_id": origin,
        "origin": "python", "timestamp": "2026-04-06T12:00:00Z",
        "data": {"title": EVIL, "type": kind, "origin": "python", "body": EVIL}, "vclock": {origin: number}})


class Noema:
    """A node of the official MCP SDK, which has lost some of its events and has one that we do not know how to read."""

    def __init__(self, scratch):
        self.port = free_port()
        events = pathlib.Path(scratch) / "noema.events"
        events.write_text(noema_event(3, "note") + "\n" + noema_event(7, "sonnet") + "\n")
        server = pathlib.Path(__file__).resolve().parent.parent / "mcp_server.py"
        with open(f"{scratch}/noema.log", "a") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(server), str(self.port), str(events), "--json"], stdout=log, stderr=log, preexec_fn=dies_with_us)
        until("the Noema node listens", self._listens)

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.kill()
        self.process.wait()


class Scene:
    """alpha is looked at; beta is well, noema has an event that is held, gone is not there, rests is paused, and one
    record has diverged."""

    def __init__(self, program, scratch):
        self.alpha, self.beta = (Node(program, scratch, name) for name in ("alpha", "beta"))
        self.alpha.show_page()
        self.noema = Noema(scratch)
        self.alpha.add_peer("beta", self.beta.endpoint)
        self.alpha.add_peer("noema", f"http://127.0.0.1:{self.noema.port}", "wire: noema")
        self.alpha.add_peer("gone", f"http://127.0.0.1:{free_port()}")
        self.alpha.add_peer("rests", f"http://127.0.0.1:{free_port()}", "mode: paused")
        self.beta.add_peer("alpha", self.alpha.endpoint)
        for node in (self.beta, self.alpha):
            node.start()
        self.record = self.alpha.put(f"# {EVIL}\n\nmilk\nbread {EVIL}\n")
        until("beta has the record", lambda: self.beta.facts("records")["records"])
        self.beta.stop()
        self.alpha.run("put", "-", "--id", self.record, text=f"# {EVIL}\n\nmilk\nrye bread {EVIL}\n")
        self.beta.run("put", "-", "--id", self.record, text=f"# {EVIL}\n\noat milk\nbread {EVIL}\n")
        self.beta.start()
        until("it has diverged", lambda: self.alpha.facts("status")["divergences"] == 1)
        until("one event is held", lambda: self.alpha.facts("status")["held"] == 1)
        until("gone has failed", lambda: self.alpha.peer("gone").get("consecutive_failures", 0) > 1)

    def stop(self):
        for node in (self.alpha, self.beta):
            node.stop()
        self.noema.stop()


def go(browser, view, title=None):
    browser.run("location.hash = arguments[0]", f"#/{view}")
    browser.find("h1", title)
    browser.until(f"{view} is drawn", lambda: browser.run("return location.hash") == f"#/{view}" and browser.all("main h1"))


def signing_in(scene, browser):
    page = scene.alpha.page
    began = time.monotonic()
    browser.go(page)
    browser.find("#key")
    check(browser.focused().label == "The key of this page", "the field has the focus")
    browser.focused().type("not-the-key")
    browser.press("Enter")
    browser.find("#key-report", "not the page's key")
    check(browser.run("return sessionStorage.length") == 0, "a wrong key is forgotten")
    browser.focused().type(KEY)
    browser.press("Enter")
    browser.find("h1", "The ring of alpha")
    check(KEY not in browser.run("return location.href + document.cookie + JSON.stringify(localStorage)"), "the key stays in the tab")
    began = time.monotonic()
    browser.go(page)
    browser.find("h1", "The ring of alpha")
    shown = browser.run(
        "return [performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd, performance.getEntriesByType('resource').map(each => each.name)]")
    files = [page] + [url for url in shown[1] if "/api/" not in url]
    size = sum(len(get(url)[2]) for url in files)
    print(f"page: {shown[0]:.0f} ms to DOMContentLoaded, {(time.monotonic() - began) * 1000:.0f} ms to the ring (driver and all), "
          f"{len(files)} files of {size} bytes in all")
    check(size < 120_000, "the page is light")


def the_ring_is_shown(scene, browser):
    go(browser, "", "The ring of alpha")
    labels = browser.labels("a.node")
    check(len(labels) == 4, f"each peer is drawn: {labels}")
    for name, words in [("beta", "well"), ("noema", "1 event of it not applied"), ("gone", "network_refused"), ("rests", "paused")]:
        check(any(label.startswith(f"{name}: ") and words in label for label in labels), f"{name} is {words}: {labels}")
    rows = browser.find("main table").text
    check("beta" in rows and "network_refused" in rows, f"the same as a table: {rows}")
    check(len(browser.all("line.link.failing")) == 1 and len(browser.all("line.link.well")) == 1, "links are drawn as they are")


def by_keyboard(scene, browser):
    """To a peer, to its reason and back, without a mouse."""
    go(browser, "", "The ring of alpha")
    browser.go(scene.alpha.page)
    browser.find("h1", "The ring of alpha")
    browser.press("Tab")
    check(browser.focused().label == "Skip to the content", "the first stop skips the head")
    seen = []
    for _ in range(60):
        browser.press("Tab")
        seen.append(browser.focused().label)
        outline = browser.run(
            "const s = getComputedStyle(document.activeElement); const c = document.activeElement.querySelector('circle');"
            "return (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2) || (c !== null && parseFloat(getComputedStyle(c).strokeWidth) >= 5)")
        check(outline, f"the focus is seen on {seen[-1]!r}")
        if seen[-1].startswith("gone: "):
            break
    check(seen[-1].startswith("gone: "), f"the peer is reached: {seen}")
    browser.press("Enter")
    browser.find("h1", "gone")
    browser.until("the heading has the focus", lambda: browser.focused().text == "gone")
    for _ in range(20):
        browser.press("Tab")
        if browser.focused().label == "network_refused":
            break
    # What has the focus keeps it while the page is drawn anew.
    browser.run("document.activeElement.dataset.mine = 1")
    browser.until("it was drawn anew", lambda: browser.run("return !document.querySelector('[data-mine]')"))
    check(browser.focused().label == "network_refused", "the focus stays where it was")
    browser.press("Enter")
    browser.find("h1", "Reasons")
    browser.until("the reason has the focus", lambda: browser.focused().text == "network_refused")


def the_history_is_plotted(scene, browser):
    go(browser, "peers/gone", "gone")
    browser.find("h3", "Polls")
    plots = browser.labels("svg.plot")
    check(any("failed, the last day" in label for label in plots), f"plots say what they show: {plots}")
    check(any(label.startswith("Why polls of gone failed") and "network_refused" in label for label in plots), f"{plots}")
    check(browser.find("section.problems", "What to do").text, "what to do stands there")
    browser.find("details[data-k='plot polls'] summary").click()
    cells = browser.find("details[data-k='plot polls'] table").text
    check("Failed" in cells, f"the same as a table: {cells}")
    # What is unfolded stays so when the page is drawn anew.
    browser.run("window.marked = document.querySelector('details[data-k=\"plot polls\"]'); marked.dataset.mine = 1")
    browser.until("it was drawn anew", lambda: browser.run("return !document.querySelector('[data-mine]')"))
    check(browser.run("return document.querySelector('details[data-k=\"plot polls\"]').open"), "it is still unfolded")
    # Whoever selects a text keeps it while the page would be drawn anew, and no longer.
    browser.run("document.querySelector('main h1').dataset.mine = 1; getSelection().selectAllChildren(document.querySelector('main h1'));"
                "window.dispatchEvent(new Event('resize'))")
    time.sleep(0.5)
    check(browser.run("return document.querySelector('[data-mine]') !== null && getSelection().toString() === 'gone'"),
          "what is selected stays selected")
    browser.run("getSelection().removeAllRanges(); window.dispatchEvent(new Event('resize'))")
    browser.until("it was drawn anew", lambda: browser.run("return !document.querySelector('[data-mine]')"))
    steps = scene.alpha.facts("history", "gone")["peers"][0]["history"]
    check(sum(each["polls"] for step in steps for each in step["failures"]) > 0, f"history says so too: {steps}")
    check(all("lag" not in step for step in steps), "what nobody said is no number")


def events_come_live(scene, browser):
    go(browser, "events", "Live events")
    browser.find("ol.events li")
    scene.beta.put("# News of beta\n")
    row = browser.find("ol.events li", "News of beta")
    check("by way of beta" in row.text, row.text)
    check("News of beta" in browser.texts("ol.events li")[0], "the newest is the first")
    browser.until("it is said", lambda: "News of beta" in browser.run("return document.getElementById('said').textContent"))
    button = browser.find("main button", "Pause")
    button.click()
    scene.beta.put("# More news\n")
    until("alpha has it", lambda: scene.alpha.facts("records", "--search", "More news")["records"])
    check(not [text for text in browser.texts("ol.events li") if "More news" in text], "nothing comes while it is paused")
    browser.find("main button", "Pause").click()
    browser.find("ol.events li", "More news")


def holes_and_what_is_held_are_told(scene, browser):
    go(browser, "clocks", "Clocks and holes")
    row = browser.find("main tbody tr", "noema").text
    check("5 numbers missing of 7" in row and "2 holes" in row, row)
    browser.find("details[data-k='holes 01KNJX4991ASW6NNKS9BQHNCGB'] summary").click()
    check("4 to 6" in browser.find("details[data-k='holes 01KNJX4991ASW6NNKS9BQHNCGB'] table").text, "each hole is told")
    go(browser, "quarantine", "Quarantine")
    row = browser.find("main tbody tr", "unknown_type").text
    check("held" in row and "noema" in row, row)
    browser.find("main tbody tr button", "Look").click()
    entry = browser.find("section[aria-labelledby=entry]", "sonnet")
    check(EVIL.replace('"', '\\"') in entry.text, f"the event as it came, as text: {entry.text}")
    browser.find("section[aria-labelledby=entry] button", "Try again").click()
    browser.until("it is said what became of it", lambda: "not applied: unknown_type" in browser.run("return document.getElementById('said').textContent"))
    browser.find("section[aria-labelledby=entry] button", "Close").click()
    browser.until("it is closed", lambda: not browser.all("section[aria-labelledby=entry]"))
    go(browser, "peers/noema", "noema")
    check("unknown_type" in browser.find("section.problems h2").text, "why it is not applied stands there")


def a_divergence_is_resolved(scene, browser):
    go(browser, "divergences", "Divergences")
    browser.find("main table a").click()
    versions = browser.find("main .versions") and browser.texts("main article")
    check(len(versions) == 2 and any("rye bread" in text for text in versions) and any("oat milk" in text for text in versions), f"{versions}")
    marked = browser.texts("main mark")
    check(any("rye bread" in text for text in marked) and not any(text == "milk" and "oat" in text for text in marked), f"{marked}")
    check(EVIL in versions[0], "a text is a text")
    edited = "# Both\n\noat milk\nrye bread\n"
    area = browser.find("main textarea")
    area.clear()
    area.type(edited)
    browser.find("main form button").click()
    browser.find("dialog[open]", "with the text that you wrote")
    browser.press("Escape")
    browser.until("the dialog is gone", lambda: not browser.all("dialog"))
    check(scene.alpha.facts("status")["divergences"] == 1, "nothing was done")
    browser.find("main form button").click()
    browser.find("dialog[open] button.primary").click()
    browser.find("main .lead", "not diverged")
    check(scene.alpha.facts("divergences")["divergences"] == [], "the node says so")
    check(scene.alpha.facts("show", scene.record)["body"] == edited, "the text is what was written")
    until("beta has it", lambda: scene.beta.facts("show", scene.record)["body"] == edited)


def fits(browser, width, view):
    """Nothing leads sideways: once the page has been drawn for this width, a moment after it was given."""
    def looks():
        wide = browser.evaluate(overflow)
        return wide["page"] <= width and not wide["out"]
    browser.until(f"{view} fits into {width}: {browser.evaluate(overflow)}", looks)


def everybody_gets_in(scene, browser, axe):
    """At three widths and in both themes: no way sideways, contrast, a name for whatever can be used, and axe-core."""
    for view in VIEWS:
        go(browser, view)
        for scheme in ("light", "dark"):
            browser.scheme(scheme, motion="reduce")
            faint = browser.until(f"{view} has texts", lambda: browser.evaluate(contrasts))
            check(not faint["faint"], f"{view or 'ring'}, {scheme}: too faint: {faint['faint'][:5]}")
        browser.scheme("light")
        if axe:
            if not browser.evaluate("Boolean(window.axe)"):
                browser.evaluate(axe)
            found = browser.evaluate(keeps_out)
            check(found == [], f"{view or 'ring'}: axe-core: {found}")
        nameless = browser.evaluate(names_of_all)
        check(nameless == [], f"{view or 'ring'}: without a name: {nameless}")
        for width in (320, 768):
            browser.size(width, 640)
            # It is drawn anew a moment after; whatever is too wide then is found by the one look that comes later.
            fits(browser, width, view or "ring")
        browser.size(1280, 900)
    go(browser, f"divergences/{scene.record}")
    everybody_of_a_divergence(browser, axe)
    check(len(browser.all("main h1")) == 1 and len(browser.all("nav a[aria-current=page]")) == 1, "one heading, one place")


def the_theme_is_chosen(scene, browser):
    browser.go(scene.alpha.page)
    browser.find("h1", "The ring")
    ground = "return getComputedStyle(document.documentElement).backgroundColor"
    browser.scheme("light")
    light = browser.run(ground)
    browser.scheme("dark")
    dark = browser.run(ground)
    check(light != dark, "it follows the system")
    browser.run("const t = document.getElementById('theme'); t.value = 'light'; t.dispatchEvent(new Event('change'))")
    check(browser.run(ground) == light, "it is what was chosen")
    browser.go(scene.alpha.page)
    browser.find("h1", "The ring")
    check(browser.run(ground) == light, "and stays so")
    browser.run("const t = document.getElementById('theme'); t.value = 'auto'; t.dispatchEvent(new Event('change'))")
    browser.scheme("light")


def nothing_else_is_asked(scene, browser):
    browser.listen()
    own = f"http://127.0.0.1:{scene.alpha.page_port}/"
    asked = [url for url in browser.requested if not url.startswith(("chrome://", "data:image/gif", "about:"))]
    check(len(asked) > 30, f"requests were seen: {asked}")
    elsewhere = [url for url in asked if not url.startswith(own)]
    check(elsewhere == [], f"asked elsewhere: {elsewhere}")
    check(not any(KEY in url for url in asked), "the key is in no address")
    complaints = [line for line in browser.said if "401" not in line and not line.startswith("DEBUG")]
    check(complaints == [], f"the console says: {complaints}")
    check("owned" not in browser.run("return document.title"), "no text ran")
    # The policy holds: what a script that got in would do is refused, and said.
    blocked = browser.evaluate("""new Promise((done) => {
        const seen = [];
        document.addEventListener("securitypolicyviolation", (event) => {
            seen.push(event.effectiveDirective);
            if (["connect-src", "img-src", "style-src-attr"].every((each) => seen.includes(each))) done(seen.sort());
        });
        const image = new Image(); image.src = "http://127.0.0.1:9/x.png";
        fetch("http://127.0.0.1:9/").catch(() => {});
        const script = document.createElement("script");
        try { script.text = "document.title = 'owned'"; } catch { seen.push("trusted-types threw"); }
        document.head.append(script);
        document.documentElement.setAttribute("style", "color: red");
        setTimeout(() => done(seen.sort()), 20000);
    })""")
    check({"connect-src", "img-src", "style-src-attr"} <= set(blocked), f"the policy refuses: {blocked}")
    check("owned" not in browser.run("return document.title"), "nor did that one")


def without_a_key_it_only_shows(scene, browser):
    beta = scene.beta
    beta.stop()
    beta.show_page(key=False)
    beta.start()
    browser.go(beta.page)
    browser.find("h1", "The ring of beta")
    check(not browser.run("return document.getElementById('leave').checkVisibility()"), "there is nothing to sign out of")
    go(browser, "peers/alpha", "alpha")
    browser.find("h3", "Polls")
    check(not [text for text in browser.texts("main button") if text == "Poll now"], "nothing can be done")
    status, _, body = get(beta.page + "api/sync", {"Content-Type": "application/json", "Federation-Page": "1"}, "POST", b"{}")
    check(status == 403 and json.loads(body)["error"]["code"] == "page_only_shows", f"{status} {body}")


def timed(step, *arguments):
    began = time.monotonic()
    step(*arguments)
    print(f"page: {step.__name__}: {time.monotonic() - began:.1f} s", flush=True)


def main(program, scratch, axe=None):
    scene = Scene(program, scratch)
    browser = None
    try:
        browser = Browser()
        source = pathlib.Path(axe).read_text() if axe else None
        for step in (signing_in, the_ring_is_shown, by_keyboard, the_history_is_plotted, events_come_live, holes_and_what_is_held_are_told):
            timed(step, scene, browser)
        timed(everybody_gets_in, scene, browser, source)
        for step in (a_divergence_is_resolved, the_theme_is_chosen, nothing_else_is_asked, without_a_key_it_only_shows):
            timed(step, scene, browser)
    finally:
        if browser:
            browser.close()
        scene.stop()


def everybody_of_a_divergence(browser, axe):
    browser.find("main textarea")
    for scheme in ("light", "dark"):
        browser.scheme(scheme, motion="reduce")
        check(not browser.evaluate(contrasts)["faint"], f"divergence, {scheme}: too faint")
    browser.scheme("light")
    check(browser.evaluate(names_of_all) == [], "divergence: without a name")
    browser.size(320, 640)
    fits(browser, 320, "divergence")
    browser.size(1280, 900)
    if axe:
        found = browser.evaluate(keeps_out)
        check(found == [], f"divergence: axe-core: {found}")


if __name__ == "__main__":
    main(*sys.argv[1:])
