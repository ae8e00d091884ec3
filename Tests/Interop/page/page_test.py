"""Looks at the page of a real node in Debian's chromium, as people do.

    page_test.py PROGRAM SCRATCH [AXE]

AXE is the source of axe-core, which looks for what keeps people out. Ends with 0 where everything was as it should be, and
prints what was measured.
"""
import json, pathlib, sys, time

from browser import Browser, Failed
from ring import Node, free_port, get, until
from looks import contrasts, keeps_out, names_of_all, overflow

KEY = "a-key-of-the-page-alone"
EVIL = '<img src=x onerror="document.title=`owned`"><script>document.title="owned"</script>'
VIEWS = ["", "peers", "peers/beta", "peers/gone", "clocks", "divergences", "quarantine", "events", "reasons", "reasons/network_refused"]


def check(is_so, what):
    if not is_so:
        raise Failed(what)


class Scene:
    """alpha is looked at; beta is well, gone is not there, rests is paused, and one record has diverged."""

    def __init__(self, program, scratch):
        self.alpha, self.beta = (Node(program, scratch, name) for name in ("alpha", "beta"))
        self.alpha.show_page()
        self.alpha.add_peer("beta", self.beta.endpoint)
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
        until("gone has failed", lambda: self.alpha.peer("gone").get("consecutive_failures", 0) > 1)

    def stop(self):
        for node in (self.alpha, self.beta):
            node.stop()


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
    labels = [each.label for each in browser.all("a.node")]
    check(len(labels) == 3, f"each peer is drawn: {labels}")
    for name, words in [("beta", "well"), ("gone", "network_refused"), ("rests", "paused")]:
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
    browser.press("Enter")
    browser.find("h1", "Reasons")
    browser.until("the reason has the focus", lambda: browser.focused().text == "network_refused")


def the_history_is_plotted(scene, browser):
    go(browser, "peers/gone", "gone")
    browser.find("h3", "Polls")
    plots = [each.label for each in browser.all("svg.plot")]
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
    steps = scene.alpha.facts("history", "gone")["peers"][0]["history"]
    check(sum(each["polls"] for step in steps for each in step["failures"]) > 0, f"history says so too: {steps}")
    check(all("lag" not in step for step in steps), "what nobody said is no number")


def events_come_live(scene, browser):
    go(browser, "events", "Live events")
    browser.find("ol.events li")
    scene.beta.put("# News of beta\n")
    row = browser.find("ol.events li", "News of beta")
    check("by way of beta" in row.text, row.text)
    check(browser.all("ol.events li")[0].text == row.text, "the newest is the first")
    browser.until("it is said", lambda: "News of beta" in browser.run("return document.getElementById('said').textContent"))
    button = browser.find("main button", "Pause")
    button.click()
    scene.beta.put("# More news\n")
    until("alpha has it", lambda: scene.alpha.facts("records", "--search", "More news")["records"])
    check(not [each for each in browser.all("ol.events li") if "More news" in each.text], "nothing comes while it is paused")
    browser.find("main button", "Pause").click()
    browser.find("ol.events li", "More news")


def a_divergence_is_resolved(scene, browser):
    go(browser, "divergences", "Divergences")
    browser.find("main table a").click()
    versions = [each.text for each in browser.find("main .versions") and browser.all("main article")]
    check(len(versions) == 2 and any("rye bread" in text for text in versions) and any("oat milk" in text for text in versions), f"{versions}")
    marked = [each.text for each in browser.all("main mark")]
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
    check(not [each for each in browser.all("main button") if each.text == "Poll now"], "nothing can be done")
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
        for step in (signing_in, the_ring_is_shown, by_keyboard, the_history_is_plotted, events_come_live):
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
