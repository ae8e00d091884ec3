// Peers, and one peer with its history.

import { el, show, heading, table, count, counted, moment, say } from "./dom.js";
import { ask, tell, Refused } from "./node.js";
import { standing, lagText, failure } from "./words.js";
import { explained } from "./reasons.js";
import { standingCell } from "./ring.js";
import { Span, polls, reasons, events, behind, durations, spark } from "./plots.js";

const HISTORY_EVERY = 20000;
/// Peers of one sheet of the list.
const LISTED = 100;
let cached = { of: undefined, at: 0, peers: new Map() };
/// The last day of each peer that is listed, drawn once for each answer.
let sparks = { at: 0, from: 0, known: new Map(), drawn: new Map() };
let from = 0;

/// With the reasons of failures by name.
const withReasons = (step) =>
  step.failures ? { ...step, failures: Object.fromEntries(step.failures.map((each) => [each.reason, each.polls])) } : step;

/// The history does not change as fast as the status is asked for.
async function history(peer, signal) {
  if (cached.of === peer && Date.now() - cached.at < HISTORY_EVERY) return cached.peers;
  const answer = await ask("history", { peer }, signal);
  cached = { of: peer, at: Date.now(), peers: new Map(answer.peers.map((each) => [each.name, each.history.map(withReasons)])) };
  return cached.peers;
}

/// The last day of the peers from a place of the list on.
async function lastDay(from, signal) {
  if (sparks.from === from && Date.now() - sparks.at < HISTORY_EVERY) return sparks;
  const answer = await ask("history/day", { from }, signal);
  const steps = (each) => each.history.map((step) => ({ ...step, failures: step.failed ? { all: step.failed } : undefined }));
  sparks = { at: Date.now(), from, known: new Map(answer.peers.map((each) => [each.name, steps(each)])), drawn: new Map() };
  return sparks;
}

function drawnSpark({ at, known, drawn }, name) {
  if (!drawn.has(name)) drawn.set(name, spark(known.get(name) ?? [], name, at));
  return drawn.get(name);
}

/// Which peers of many are listed.
function sheets(total, context) {
  if (total <= LISTED) return null;
  const turn = (to, label) => el("button", { type: "button", "data-k": `sheet ${label}`, disabled: to < 0 || to >= total,
    onclick: () => { from = to; context.again(); } }, label);
  return el("div", { class: "choice", role: "group", "aria-label": "Which peers are listed" }, turn(from - LISTED, "Those before"),
    el("span", null, `${count(from + 1)} to ${count(Math.min(total, from + LISTED))} of ${counted(total, "peer")}`), turn(from + LISTED, "Those after"));
}

export async function peersView(root, context) {
  if (context.argument) return peerView(root, context);
  const { status } = context;
  if (from >= status.peers.length) from = 0;
  const day = await lastDay(from, context.signal);
  context.signal.throwIfAborted();
  show(root, heading("Peers"),
    status.peers.length === 0 ? el("p", { class: "lead" }, "No peers yet. ", el("code", null, "federation add-peer NAME ENDPOINT"), " adds one.")
      : table("Peers, how each is, and its last day", ["Peer", "How it is", "The last day", "Behind by", "Failures in a row", "Last well", "Where"],
        status.peers.slice(from, from + LISTED).map((peer) => [
          el("a", { href: `#/peers/${encodeURIComponent(peer.name)}`, "data-k": `peer ${peer.name}` }, peer.name), standingCell(peer),
          drawnSpark(day, peer.name), lagText(peer), count(peer.consecutive_failures), moment(peer.last_success),
          peer.comes_to_us ? "comes to us" : peer.endpoint,
        ]), { cards: true }),
    sheets(status.peers.length, context), announced(status));
}

function announced(status) {
  const rows = (status.announced ?? []).map((each) => [each.name, each.endpoint ?? "", each.by ?? each.from ?? "", el("code", null, `federation add-peer ${each.name} --announced`)]);
  return rows.length === 0 ? null : table("Nodes that others have told this one of", ["Name", "Where", "By", "To add it"], rows, { cards: true });
}

/// Which span the plots show; kept while the page is open.
let chosen = "day";

function spans(steps, width, now) {
  return chosen === "day" ? new Span(steps, { from: now - 86400000, to: now, label: "the last day", width })
    : new Span(steps, { from: now - 8 * 86400000, to: now, label: "the last eight days", width });
}

function facts(peer) {
  const key = peer.key ?? {};
  const rows = [
    ["Where", peer.comes_to_us ? "comes to us" : peer.endpoint], ["Mode", peer.mode], ["Wire", peer.wire], ["Interval", peer.interval],
    ["Identity", peer.id ?? "not met yet"], ["Key", key.fingerprint ? `${key.fingerprint}${key.pin ? ` (${key.pin})` : ""}` : "none"],
    ["Program", peer.version ? `${peer.version}${peer.version_skew ? `, ${peer.version_skew} than ours` : ""}` : "not known"],
    ["Last seen", moment(peer.last_seen)], ["Last well", moment(peer.last_success)], ["Last event", peer.last_event ?? "none"],
    ["Behind by", lagText(peer)], ["Failures in a row", count(peer.consecutive_failures)],
    ["Next poll", peer.state === "following" ? "at once, when it has news" : peer.next_poll_in ? `in ${peer.next_poll_in}` : "–"],
    ["Compared", peer.in_sync ? [`equal, ${counted(peer.in_sync.events, "event")}, `, moment(peer.in_sync.at)] : "not yet"],
    ["Of it not applied", `${count(peer.held)} held, ${count(peer.refused)} refused, ${count(peer.deferred)} deferred`],
  ];
  if (peer.push) rows.push(["Pushed to it", `${peer.push.state}${peer.push.reason ? `: ${peer.push.reason}` : ""}`]);
  return el("dl", { class: "facts sheet" }, rows.map(([name, value]) => [el("dt", null, name), el("dd", null, value)]));
}

async function why(peer, signal) {
  const stand = standing(peer);
  if (!stand.reason) return null;
  const error = peer.last_error ?? {};
  return el("section", { class: "sheet problems", "aria-labelledby": "why" },
    el("h2", { id: "why" }, stand.kind === "failing" ? "Why it is not syncing: " : "What is not applied: ", el("code", null, stand.reason)),
    error.observed_at ? el("p", null, "Seen ", moment(error.observed_at), error.event_id ? [", event ", el("code", null, error.event_id)] : "", ".") : null,
    await explained(stand.reason, signal),
    el("p", null, "More of it: ", el("code", null, `federation why ${peer.name}`), "."));
}

async function peerView(root, context) {
  const { status, page, argument } = context;
  const peer = status.peers.find((each) => each.name === argument);
  if (!peer) return show(root, heading("No such peer"), el("p", null, "There is no peer ", el("code", null, argument), " (any more)."));
  const [known, cause] = await Promise.all([history(peer.name, context.signal), why(peer, context.signal)]);
  context.signal.throwIfAborted();
  const width = Math.max(250, Math.floor(root.clientWidth >= 900 ? (root.clientWidth - 16) / 2 : root.clientWidth) - 34);
  const steps = known.get(peer.name) ?? [];
  const span = spans(steps, width, Date.now());
  const choose = (value, label) => el("button", { type: "button", "aria-pressed": chosen === value ? "true" : "false", "data-k": `span ${value}`,
    onclick: () => { chosen = value; context.again(); } }, label);
  const report = el("p", { class: "report", role: "status" });
  show(root, el("p", { class: "back" }, el("a", { href: "#/peers", "data-k": "back" }, "All peers")), heading(peer.name),
    el("p", { class: "lead" }, standingCell(peer), " ", standing(peer).detail ?? ""),
    page.asks_for_key && peer.mode !== "paused" && !peer.comes_to_us ? el("p", null, el("button", { type: "button", "data-k": "sync", onclick: () => pollNow(peer, report, context) }, "Poll now"), report) : null,
    cause, el("h2", null, "History"),
    el("div", { class: "choice", role: "group", "aria-label": "How far back" }, choose("day", "Last day"), choose("week", "Eight days")),
    steps.length === 0 ? el("p", null, "No poll has ended yet.") : el("div", { class: "plots" },
      [polls, reasons, events, behind, durations].map((plot) => plot(span, peer.name))),
    el("h2", null, "Facts"), facts(peer));
}

async function pollNow(peer, report, context) {
  report.textContent = "Asked …";
  try {
    const answer = await tell("sync", { peers: [peer.name] });
    const result = answer.peers[0] ?? {};
    const text = result.ok ? `Polled: ${counted(result.applied ?? 0, "new event")}.` : `It failed: ${result.reason ?? "it is busy, or waits for a person"}.`;
    cached.at = 0;
    await context.again();
    say(text);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    report.textContent = failure(error);
  }
}
