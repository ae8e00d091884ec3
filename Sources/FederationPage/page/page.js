// The page: which view is shown, how often the node is asked, signing in and out, the theme.

import { el, show, heading, say, counted } from "./dom.js";
import { ask, key, Refused } from "./node.js";
import { failure } from "./words.js";
import { ringView } from "./ring.js";
import { peersView } from "./peers.js";
import { clocksView } from "./clocks.js";
import { divergencesView } from "./records.js";
import { quarantineView } from "./quarantine.js";
import { eventsView } from "./events.js";
import { reasonsView } from "./reasons.js";

const VIEWS = { ring: ringView, peers: peersView, clocks: clocksView, divergences: divergencesView, quarantine: quarantineView, events: eventsView, reasons: reasonsView };
const EVERY = 3000;
const main = document.getElementById("main");
const banner = document.getElementById("banner");

let page = null;
let status = null;
let shown = { view: null, argument: null, settled: false, controller: null, busy: false };
let timer = null;
/// Raised by signing in and out: what was asked before is not shown after.
let turn = 0;

// MARK: The theme

const THEME = "federation page theme";
const theme = document.getElementById("theme");
theme.value = localStorage.getItem(THEME) ?? "auto";
const dress = () => { document.documentElement.dataset.theme = theme.value; };
theme.addEventListener("change", () => { localStorage.setItem(THEME, theme.value); dress(); });
dress();

// MARK: Where one is

function place() {
  const [view, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  let argument = null;
  try { argument = rest.length ? decodeURIComponent(rest.join("/")) : null; } catch { /* an address that is none */ }
  return { view: Object.hasOwn(VIEWS, view) ? view : "ring", argument };
}

function isSelecting() {
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && main.contains(selection.anchorNode);
}

async function draw(moved) {
  if (!status || shown.busy && !moved) return;
  const { view, argument } = place();
  if (moved || view !== shown.view || argument !== shown.argument) {
    shown.controller?.abort();
    shown = { view, argument, settled: false, controller: new AbortController(), busy: false };
    moved ||= "link";
    for (const link of document.querySelectorAll("#views a")) {
      if (link.dataset.view === view) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
    }
  }
  // Whoever is selecting a text is not drawn over; it goes on when nothing is selected.
  if (shown.settled || !moved && isSelecting()) return;
  const mine = shown;
  mine.busy = true;
  try {
    const outcome = await VIEWS[view](main, { status, page, argument, signal: mine.controller.signal, again: () => {
      if (mine !== shown) return null;
      mine.settled = false;
      return look();
    } });
    if (mine !== shown) return;
    mine.settled = outcome?.settled ?? false;
    if (moved) {
      document.title = `${main.querySelector("h1")?.textContent ?? "federation"} · ${status.node.name}`;
      // Whoever has come here by a link hears where; whoever has just opened the page begins at its top.
      if (moved === "link" && !outcome?.focused) main.querySelector("h1")?.focus();
    }
  } catch (error) {
    if (mine === shown) trouble(error);
  } finally {
    mine.busy = false;
  }
}

// MARK: Asking

function top() {
  const words = { ok: ["✓", "all is well", "well"], degraded: ["!", "not all is well", "failing"], stopped: ["✕", "stopped writing", "failing"] };
  const [sign, text, kind] = words[status.state] ?? ["?", status.state, "waits"];
  document.getElementById("brand").textContent = status.node.name;
  show(document.getElementById("standing"), el("span", { class: `badge ${kind}` }, el("span", { "aria-hidden": "true" }, `${sign} `), text));
  const aside = status.held + status.refused + status.deferred;
  const number = (id, value, noun) => {
    const place = document.getElementById(id);
    show(place, value ? [el("span", { "aria-hidden": "true" }, String(value)), el("span", { class: "aside" }, ` (${counted(value, noun)})`)] : null);
  };
  number("count-divergences", status.divergences, "record");
  number("count-quarantine", aside, "event");
  document.getElementById("foot").textContent = `federation ${status.node.version} · ${status.node.id}`;
}

async function look() {
  clearTimeout(timer);
  const mine = turn;
  try {
    const facts = page ?? await ask("page");
    if (mine !== turn) return;
    page = facts;
    if (page.asks_for_key && !key.get()) return signIn(false);
    const before = status?.state;
    const news = await ask("status");
    if (mine !== turn) return;
    status = news;
    banner.textContent = "";
    document.getElementById("views").hidden = false;
    document.getElementById("leave").hidden = !(page.asks_for_key && key.get());
    top();
    if (before && before !== status.state) say(`The node: ${document.getElementById("standing").textContent}`);
    await draw(shown.view === null ? "start" : false);
  } catch (error) {
    if (mine !== turn) return;
    trouble(error);
  }
  if (mine !== turn) return;
  if (document.visibilityState === "visible") {
    clearTimeout(timer);
    timer = setTimeout(look, EVERY);
  }
}

function trouble(error) {
  if (error.name === "AbortError") return;
  if (error.status === 401) return signIn(key.get() !== "");
  banner.textContent = error instanceof Refused ? failure(error) : `The page itself has failed: ${error.message}`;
  // What was well is not known to be so any more.
  if (error.code === "unreachable" && status) {
    show(document.getElementById("standing"), el("span", { class: "badge waits" }, el("span", { "aria-hidden": "true" }, "? "), "no answer"));
  }
  if (!(error instanceof Refused)) console.error(error);
}

document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible" && page) look(); });
window.addEventListener("hashchange", () => draw("link"));
let resizing = null;
window.addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(() => draw(false), 150); });

// MARK: Signing in

function signIn(wasWrong) {
  turn += 1;
  clearTimeout(timer);
  shown.controller?.abort();
  shown = { view: null, argument: null, settled: false, controller: null, busy: false };
  [page, status] = [null, null];
  document.getElementById("views").hidden = true;
  document.getElementById("leave").hidden = true;
  show(document.getElementById("standing"));
  if (wasWrong) key.forget();
  const field = el("input", { id: "key", type: "password", autocomplete: "current-password", required: true, "aria-describedby": "key-report" });
  const form = el("form", { class: "sheet sign-in", onsubmit: (event) => {
    event.preventDefault();
    key.set(field.value.trim());
    look();
  } }, heading("Sign in"), el("input", { type: "text", autocomplete: "username", value: "federation", hidden: true }), el("label", { for: "key" }, "The key of this page"), field,
  el("p", { id: "key-report", class: "report", role: "alert" }, wasWrong ? "That is not the page's key." : ""),
  el("p", { class: "quiet" }, "It stands in the file that ", el("code", null, "page.key_file"), " names. It is kept until this tab is closed, and is in no address."),
  el("button", { type: "submit", class: "primary" }, "Sign in"));
  show(main, form);
  banner.textContent = "";
  document.title = "Sign in · federation";
  field.focus();
}

document.getElementById("leave").addEventListener("click", () => { key.forget(); signIn(false); });

look();
