// The ring as this node knows it: itself, its peers and how each link is. What the others say to each other it does
// not know, and draws as unknown.

import { el, svg, show, heading, table, count, counted, bytes, moment } from "./dom.js";
import { standing, lagWords, lagText, names, warning } from "./words.js";
import { link as reasonLink } from "./reasons.js";

/// More would overlap. Those that are not well come first; the table has all.
const DRAWN = 28;
/// From here on there is room for an ellipse with names beside it.
const WIDE = 620;
const URGENT = ["failing", "waits", "unmet", "aside", "well", "paused"];

function node(x, y, radius, peer, stand, anchor, dx, dy) {
  const label = `${peer.name}: ${stand.words}; ${lagWords(peer)}`;
  return svg("a", { href: `#/peers/${encodeURIComponent(peer.name)}`, class: `node ${stand.kind}`, "aria-label": label, "data-k": `node ${peer.name}` },
    svg("title", null, label),
    svg("circle", { cx: x, cy: y, r: radius }),
    svg("text", { x, y: y + 6, class: "sign", "text-anchor": "middle", "aria-hidden": "true" }, stand.sign),
    svg("text", { x: x + dx, y: y + dy, class: "name", "text-anchor": anchor, "aria-hidden": "true" }, short(peer.name)),
    svg("text", { x: x + dx, y: y + dy + 15, class: "fact", "text-anchor": anchor, "aria-hidden": "true" },
      stand.reason && stand.kind === "failing" ? stand.reason : stand.kind === "well" ? lagWords(peer) : stand.word));
}

const short = (name, most = 18) => (name.length > most ? `${name.slice(0, most - 1)}…` : name);

function self(x, y, radius, status) {
  return svg("g", { class: "node self" }, svg("circle", { cx: x, cy: y, r: radius }),
    svg("text", { x, y: y + 4, class: "sign", "text-anchor": "middle" }, "this"),
    svg("text", { x, y: y + radius + 18, class: "name", "text-anchor": "middle" }, short(status.node.name)));
}

/// Peers on an ellipse around this node.
function wide(status, peers, others, width) {
  const height = Math.min(520, 330 + peers.length * 12);
  const [cx, cy, rx, ry] = [width / 2, height / 2 - 8, Math.min(width / 2 - 150, 90 + height / 2), height / 2 - 62];
  const lines = [];
  const nodes = [];
  peers.forEach((peer, index) => {
    const angle = (-90 + (360 * (index + 0.5)) / peers.length) * (Math.PI / 180);
    const [x, y] = [cx + rx * Math.cos(angle), cy + ry * Math.sin(angle)];
    const stand = standing(peer);
    lines.push(svg("line", { class: `link ${stand.kind}`, x1: cx, y1: cy, x2: x, y2: y }));
    const side = Math.cos(angle);
    const [anchor, dx, dy] = Math.abs(side) < 0.25
      ? ["middle", 0, Math.sin(angle) < 0 ? -38 : 36]
      : side > 0 ? ["start", 26, -2] : ["end", -26, -2];
    nodes.push(node(x, y, 18, peer, stand, anchor, dx, dy));
  });
  const among = peers.length > 1 ? svg("ellipse", { class: "unknown", cx, cy, rx, ry }) : null;
  const far = others.map((id, index) => {
    const x = 20 + index * 26;
    return svg("g", { class: "node other" }, svg("title", null, `${id}: known by its events alone`),
      svg("circle", { cx: x, cy: height - 14, r: 8 }), svg("text", { x, y: height - 9, class: "sign", "text-anchor": "middle" }, "?"));
  });
  return { width, height, parts: [among, lines, self(cx, cy, 30, status), nodes, far] };
}

/// One below the other, where there is no room beside each other.
function narrow(status, peers, others, width) {
  const step = 58;
  const lines = [];
  const nodes = [];
  const trunk = 34;
  peers.forEach((peer, index) => {
    const y = 108 + index * step;
    const stand = standing(peer);
    lines.push(svg("path", { class: "trunk", d: `M${trunk} ${y - (index === 0 ? 50 : step)}V${y}` }),
      svg("line", { class: `link ${stand.kind}`, x1: trunk, y1: y, x2: 92, y2: y }));
    nodes.push(node(108, y, 16, peer, stand, "start", 26, -2));
  });
  const height = 108 + Math.max(0, peers.length - 1) * step + 40 + (others.length ? 30 : 0);
  const far = others.slice(0, Math.floor((width - 20) / 26)).map((id, index) => svg("g", { class: "node other" },
    svg("title", null, `${id}: known by its events alone`),
    svg("circle", { cx: 20 + index * 26, cy: height - 14, r: 8 }),
    svg("text", { x: 20 + index * 26, y: height - 9, class: "sign", "text-anchor": "middle" }, "?")));
  const own = svg("g", { class: "node self" }, svg("circle", { cx: trunk, cy: 34, r: 24 }),
    svg("text", { x: trunk, y: 38, class: "sign", "text-anchor": "middle" }, "this"),
    svg("text", { x: trunk + 34, y: 38, class: "name" }, short(status.node.name)));
  return { width, height, parts: [lines, own, nodes, far] };
}

function graph(status, width) {
  const ranked = [...status.peers].sort((a, b) => URGENT.indexOf(standing(a).kind) - URGENT.indexOf(standing(b).kind));
  const drawn = new Set(ranked.slice(0, DRAWN).map((peer) => peer.name));
  const peers = status.peers.filter((peer) => drawn.has(peer.name));
  const name = names(status);
  const others = (status.origins ?? []).map((origin) => origin.origin).filter((id) => !name(id)).slice(0, 16);
  const { height, parts } = (width >= WIDE ? wide : narrow)(status, peers, others, width);
  const kinds = {};
  for (const peer of status.peers) { const { word } = standing(peer); kinds[word] = (kinds[word] ?? 0) + 1; }
  const summary = `The ring as ${status.node.name} knows it: ${counted(status.peers.length, "peer")}` +
    Object.entries(kinds).map(([word, number]) => `, ${number} ${word}`).join("");
  return el("figure", { class: "sheet ring" },
    svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": summary }, parts),
    el("figcaption", null,
      status.peers.length > DRAWN ? `${DRAWN} of ${count(status.peers.length)} peers are drawn, those that are not well first. ` : "",
      status.peers.length > 1 && width >= WIDE ? "Dotted: what the others say to each other is not known here. " : "",
      others.length ? "? : origins that are known by their events alone; who speaks to them is not known here." : ""));
}

function tile(label, value, href, kind) {
  const inside = [el("span", { class: "value" }, value), el("span", { class: "label" }, label)];
  return href ? el("a", { class: `tile ${kind ?? ""}`, href, "data-k": `tile ${label}` }, inside) : el("div", { class: `tile ${kind ?? ""}` }, inside);
}

function tiles(status) {
  const expected = status.peers.filter((peer) => standing(peer).kind !== "paused");
  const well = expected.filter((peer) => ["well", "aside"].includes(standing(peer).kind)).length;
  const aside = status.held + status.refused + status.deferred;
  const missing = (status.origins ?? []).reduce((sum, origin) => sum + (origin.missing ?? 0), 0);
  return el("div", { class: "tiles" },
    tile("events", count(status.events), "#/events"), tile("records", count(status.records)),
    tile("peers are well", `${well} of ${expected.length}`, "#/peers", well < expected.length ? "bad" : ""),
    tile("divergences", count(status.divergences), "#/divergences", status.divergences ? "warn" : ""),
    tile("numbers missing", count(missing), "#/clocks", missing ? "warn" : ""),
    tile("not applied", count(aside), "#/quarantine", aside ? "warn" : ""),
    status.disk ? tile("on disk", bytes(status.disk.database + status.disk.write_ahead_log)) : null);
}

function problems(status) {
  const lines = (status.warnings ?? []).map(warning);
  for (const key of status.config?.needs_restart ?? []) lines.push(`${key} has changed in the configuration: it needs a restart.`);
  for (const line of status.config?.problems ?? []) lines.push(line);
  if (lines.length === 0) return null;
  return el("section", { class: "sheet problems", "aria-labelledby": "problems" }, el("h2", { id: "problems" }, "To be looked at"),
    el("ul", null, lines.map((line) => el("li", null, line))));
}

export function standingCell(peer) {
  const stand = standing(peer);
  return [el("span", { class: `badge ${stand.kind}` }, el("span", { "aria-hidden": "true" }, `${stand.sign} `), stand.word),
    stand.reason ? [" ", reasonLink(stand.reason)] : null];
}

export function links(status) {
  return table("Links of this node", ["Peer", "How it is", "Behind by", "Last well", "Next poll", "Wire"],
    status.peers.map((peer) => [
      el("a", { href: `#/peers/${encodeURIComponent(peer.name)}`, "data-k": `link ${peer.name}` }, peer.name), standingCell(peer),
      lagText(peer), moment(peer.last_success), peer.state === "following" ? "at once" : peer.next_poll_in ?? "–", peer.wire,
    ]), { cards: true });
}

export function ringView(root, { status }) {
  const width = Math.max(260, Math.floor(root.clientWidth) - 2);
  show(root, heading(`The ring of ${status.node.name}`), tiles(status), problems(status),
    status.peers.length ? [graph(status, width), links(status)]
      : el("p", { class: "lead" }, "No peers yet. ", el("code", null, "federation add-peer NAME ENDPOINT"), " adds one."));
}
