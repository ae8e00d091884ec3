// Clocks and holes, origin by origin.

import { el, svg, show, heading, table, count, counted, moment } from "./dom.js";
import { names } from "./words.js";

const PROOF = { proven: "proved by its signed chain", unconfirmed: "as far as its numbers say", none: "" };

/// The numbers of an origin as a strip: gaps stand out as gaps, and stand in words beside it.
function strip(origin, label) {
  const highest = origin.highest ?? 0;
  if (highest === 0) return null;
  const width = 200;
  const place = (number) => (number / highest) * width;
  const holes = (origin.holes ?? []).map((hole) =>
    svg("rect", {
      class: "hole", x: Math.min(width - 2, place(hole.first - 1)), y: 0, height: 12,
      width: Math.max(2, place(hole.last) - place(hole.first - 1)),
    }));
  return svg("svg", { class: "strip", viewBox: `0 0 ${width} 12`, preserveAspectRatio: "none", role: "img",
    "aria-label": `Numbers 1 to ${count(highest)} of ${label}: ${origin.missing ? counted(origin.missing, "number") + " missing" : "all here"}` },
    svg("rect", { class: "whole", x: 0, y: 0, width, height: 12 }), holes);
}

function numbersOf(origin) {
  if (origin.numbers === "none") return "gives no numbers: nothing can be said";
  if (origin.numbers === "complete") return `all ${count(origin.highest)} are here`;
  return `${counted(origin.missing, "number")} missing of ${count(origin.highest)}`;
}

function holes(origin, label) {
  const list = origin.holes ?? [];
  if (list.length === 0) return "none";
  const rows = list.map((hole) => [
    hole.first === hole.last ? count(hole.first) : `${count(hole.first)} to ${count(hole.last)}`,
    count(hole.last - hole.first + 1), moment(hole.since), PROOF[hole.proof] ?? hole.proof,
  ]);
  return el("details", { "data-k": `holes ${origin.origin}` }, el("summary", null, counted(list.length, "hole")),
    table(`Holes of ${label}`, ["Numbers", { text: "Missing", number: true }, "Noticed", "Known how"], rows, { quiet: true }));
}

export function clocksView(root, { status }) {
  const name = names(status);
  const clock = status.vclock ?? {};
  const origins = status.origins ?? [];
  const known = new Map(origins.map((origin) => [origin.origin, origin]));
  const ids = [...new Set([...origins.map((origin) => origin.origin), ...Object.keys(clock)])];
  const rows = ids.map((id) => {
    const origin = known.get(id) ?? { origin: id, numbers: "none" };
    const label = id === status.node.id ? `${name(id)} (this node)` : name(id) ?? "(not a peer)";
    return [
      [el("strong", null, label), el("br"), el("code", { class: "id" }, id)],
      count(origin.events), clock[id] === undefined ? "–" : count(clock[id]),
      [numbersOf(origin), " ", strip(origin, label)],
      origin.numbers === "none" ? "" : PROOF[origin.proof] ?? origin.proof, holes(origin, label),
    ];
  });
  const missing = origins.reduce((sum, origin) => sum + (origin.missing ?? 0), 0);
  show(root, heading("Clocks and holes"),
    el("p", { class: "lead" }, missing === 0
      ? "Of every origin that numbers its events, every number up to its highest is here."
      : `${counted(missing, "number")} missing. A hole is asked for at every peer; it may also be a number that its origin never gave.`),
    table("Origins: whose events are here, and what is missing", [
      "Origin", { text: "Events here", number: true }, { text: "Clock", number: true }, "Numbers", "Known how", "Holes",
    ], rows, { cards: true }));
}
