// What is not applied: held, refused, deferred.

import { el, show, heading, table, count, moment, say } from "./dom.js";
import { ask, tell, Refused } from "./node.js";
import { kinds, failure } from "./words.js";
import { link as reasonLink } from "./reasons.js";

/// The row that is looked at.
let opened = null;

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

async function entry(context, row) {
  const report = el("p", { class: "report", role: "status" });
  let found;
  try { found = await ask("quarantine/entry", { row }, context.signal); } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return el("section", { class: "sheet" }, el("p", { role: "status" }, failure(error)));
  }
  const retry = async () => {
    try {
      const result = await tell("quarantine/retry", { row });
      const text = result.applied ? "It is applied now." : `It is not applied: ${result.reason}.`;
      if (result.applied) opened = null;
      await context.again();
      say(text);
      report.textContent = text;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      report.textContent = failure(error);
    }
  };
  return el("section", { class: "sheet", "aria-labelledby": "entry" }, el("h2", { id: "entry", tabindex: "-1" }, `Event ${found.event_id || found.row}`),
    el("p", null, kinds[found.kind] ?? found.kind, ", ", reasonLink(found.reason), " (", el("code", null, found.code), "), of ", found.peer || "this node", ", seen ", moment(found.first_seen)),
    el("pre", { class: "text", "data-k": "bytes", tabindex: "0", role: "region", "aria-label": "The event as it came" }, pretty(found.bytes ?? "")),
    el("div", { class: "choice" },
      context.page.asks_for_key ? el("button", { type: "button", "data-k": "retry", onclick: retry }, "Try again") : null,
      el("button", { type: "button", "data-k": "close", onclick: () => { opened = null; context.again(); } }, "Close")), report);
}

export async function quarantineView(root, context) {
  const { entries } = await ask("quarantine", {}, context.signal);
  entries.reverse();
  const looked = opened ? await entry(context, opened) : null;
  context.signal.throwIfAborted();
  show(root, heading("Quarantine"), entries.length === 0
    ? el("p", { class: "lead" }, "Nothing is held, refused or deferred.")
    : [el("p", { class: "lead" }, "Events that are not applied here. What is held is in the log and is passed on; what was refused is kept as evidence; what waits for its time is tried then."),
      table("Events that are not applied", ["Event", "What", "Why", "Code", "Of", "Record", "Since", { text: "Times", number: true }, "More"], entries.map((each) => [
        el("code", { class: "id" }, each.event_id || `row ${each.row}`), each.kind, reasonLink(each.reason), el("code", null, each.code), each.peer || "this node",
        each.trace_id, moment(each.first_seen), count(each.count),
        el("button", { type: "button", "data-k": `open ${each.row}`, "aria-label": `Look at event ${each.event_id || each.row}`,
          onclick: async () => { opened = each.row; await context.again(); document.getElementById("entry")?.focus(); } }, "Look"),
      ]), { cards: true }),
      entries.length >= 200 ? el("p", null, "These are the newest; there may be more: ", el("code", null, "federation quarantine list"), " lists them all.") : null], looked);
}
