// Divergences: what the versions say, side by side, and resolving.

import { el, show, heading, table, count, counted, moment, say, fresh } from "./dom.js";
import { ask, tell, Refused, requestID } from "./node.js";
import { names, failure } from "./words.js";

export async function divergencesView(root, context) {
  if (context.argument) return divergenceView(root, context);
  const { records, more } = await ask("divergences", {}, context.signal);
  context.signal.throwIfAborted();
  const name = names(context.status);
  show(root, heading("Divergences"), records.length === 0
    ? el("p", { class: "lead" }, "None: nobody has edited a record without knowing of another's edit.")
    : [el("p", { class: "lead" }, "Two nodes have edited these records without knowing of each other. Both edits are kept until a person decides."),
      table("Diverged records", ["Record", { text: "Versions", number: true }, "Of", "Changed", "State"], records.map((record) => [
        el("a", { href: `#/divergences/${encodeURIComponent(record.id)}`, "data-k": record.id }, record.title || record.id),
        count(record.heads.length), name(record.origin) ?? record.origin, moment(record.updated), record.lifecycle,
      ]), { cards: true }),
      more ? el("p", null, "There are more: ", el("code", null, "federation divergences"), " lists them all.") : null]);
}

/// Lines that are shown of one text, and versions that are shown at all: more would end the tab.
const LINES = 20_000;
const VERSIONS = 8;

/// The first lines of a text.
function lines(text) {
  const found = text.split("\n", LINES + 1);
  return found.slice(0, LINES);
}

/// Which lines of `text` are not in `other`, in order: a longest common subsequence, unless both are very long.
function differing(text, other) {
  const [a, b] = [lines(text), lines(other)];
  const marked = a.map((line) => [line, true]);
  if (a.length * b.length > 4_000_000) {
    const there = new Set(b);
    return a.map((line) => [line, !there.has(line)]);
  }
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i][j] = a[i] === b[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) { marked[i][1] = false; i++; j++; } else if (lengths[i + 1][j] >= lengths[i][j + 1]) i++; else j++;
  }
  return marked;
}

function body(version, others, writer) {
  if (version.body === undefined) return el("p", { class: "lead" }, "Its text is not here (any more).");
  const marked = others.length === 0 ? lines(version.body).map((line) => [line, false]) : differing(version.body, others[0].body ?? "");
  return [cut(version.body), el("pre", { class: "text", tabindex: "0", role: "region", "aria-label": `Text of the version of ${writer}` }, marked.map(([line, differs], index) => {
    const end = index < marked.length - 1 ? "\n" : "";
    return differs && line.trim() !== "" ? [el("mark", null, line), end] : line + end;
  }))];
}

const cut = (text) => (text.split("\n", LINES + 1).length > LINES ? el("p", null, `Its first ${count(LINES)} lines are shown.`) : null);

/// Asks before it is done: it is an event that every node gets.
function confirm(question, button) {
  return new Promise((done) => {
    const id = fresh("confirm");
    const dialog = el("dialog", { "aria-labelledby": id },
      el("p", { id }, question),
      el("div", { class: "choice" },
        el("button", { type: "button", class: "primary", onclick: () => { dialog.close("yes"); } }, button),
        el("button", { type: "button", onclick: () => dialog.close("no") }, "Cancel")));
    dialog.addEventListener("close", () => { dialog.remove(); done(dialog.returnValue === "yes"); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

async function divergenceView(root, context) {
  const { argument, page, status } = context;
  let record;
  try { record = await ask("record", { id: argument }, context.signal); } catch (error) {
    if (!(error instanceof Refused) || error.status === 401 || error.code === "unreachable") throw error;
    context.signal.throwIfAborted();
    return show(root, heading("No such record"), el("p", null, failure(error)));
  }
  context.signal.throwIfAborted();
  const name = names(status);
  const back = el("p", { class: "back" }, el("a", { href: "#/divergences" }, "All divergences"));
  const versions = record.versions ?? [];
  const report = el("p", { class: "report", role: "alert" });
  if (!record.diverged) {
    show(root, back, heading(record.title || record.id), el("p", { class: "lead" }, "This record is not diverged: what it says now is below."),
      facts(record), cut(record.body ?? ""), el("pre", { class: "text", tabindex: "0", role: "region", "aria-label": "Text of the record" }, lines(record.body ?? "").join("\n")));
    return { settled: true };
  }
  const writer = (version) => name(version.origin) ?? version.origin_name ?? version.origin;
  // One and the same decision has one name until it is answered: that it was sent twice makes it no second event.
  const requests = new Map();
  const finish = async (what, question, button) => {
    report.textContent = "";
    if (!(await confirm(question, button))) return;
    const decision = JSON.stringify(what);
    if (!requests.has(decision)) requests.set(decision, requestID());
    try {
      await tell("resolve", { id: record.id, heads: record.heads, request: requests.get(decision), ...what });
      say("Resolved.");
      await context.again();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.code !== "unreachable") requests.delete(decision);
      report.textContent = failure(error);
    }
  };
  const drawn = versions.slice(-VERSIONS);
  const columns = drawn.map((version, index) => {
    const id = fresh("version");
    const shown = index === drawn.length - 1;
    return el("article", { class: "sheet version", "aria-labelledby": id },
      el("h2", { id }, `Version of ${writer(version)}`),
      el("p", { class: "quiet" }, moment(version.timestamp), shown ? "; shown as the record until it is resolved" : "", el("br"), el("code", { class: "id" }, version.event)),
      version.title !== undefined ? el("p", null, el("strong", null, version.title)) : null,
      body(version, drawn.filter((other) => other !== version), writer(version)),
      page.asks_for_key && version.body !== undefined ? el("button", { type: "button", "data-k": `keep ${version.event}`,
        onclick: () => finish({ accept: version.event }, `Resolve "${record.title}" with the version of ${writer(version)}? The other ${versions.length === 2 ? "one stays" : "ones stay"} in the log.`, "Keep this version") }, `Keep the version of ${writer(version)}`) : null);
  });
  const id = fresh("text");
  const text = el("textarea", { id, rows: "12", spellcheck: "true" });
  text.value = versions.at(-1)?.body ?? "";
  const write = el("form", { class: "sheet", onsubmit: (event) => { event.preventDefault(); finish({ body: text.value }, `Resolve "${record.title}" with the text that you wrote?`, "Resolve with this text"); } },
    el("h2", null, "Or one text of both"), el("label", { for: id }, "The text that the record will have"), text,
    el("button", { type: "submit" }, "Resolve with this text"));
  show(root, back, heading(record.title || record.id), facts(record), el("p", { class: "lead" }, `${counted(versions.length, "version")}. Marked lines are not in the ${versions.length === 2 ? "other" : "first other"} version.`,
    versions.length > drawn.length ? ` The last ${drawn.length} are shown; federation show has all.` : ""),
    report, el("div", { class: "versions" }, columns),
    page.asks_for_key ? write : el("p", { class: "sheet" }, "This page only shows. ", el("code", null, `federation resolve ${record.id}`), " resolves; so does this page once it has a key (", el("code", null, "page.key_file"), ")."));
  return { settled: true };
}

const facts = (record) => el("p", { class: "quiet" }, el("code", { class: "id" }, record.id), ` · ${record.type}${record.tier ? ` · ${record.tier}` : ""} · ${record.lifecycle}${record.tags?.length ? ` · ${record.tags.join(", ")}` : ""}`);
