// docs/reasons.md, as the node serves it, shown as text: headings, paragraphs, lists, tables, and within a line code,
// strong words and the words of links. Nothing of it is markup.

import { el, show, heading } from "./dom.js";
import { Refused } from "./node.js";

let loaded = null;

/// Kept once it is here; what could not be had is asked for again.
async function load(signal) {
  if (loaded !== null) return loaded;
  try {
    const answer = await fetch("/reasons.md", { signal: AbortSignal.any([signal, AbortSignal.timeout(20_000)]), referrerPolicy: "no-referrer" });
    if (!answer.ok) throw new Error();
    loaded = await answer.text();
  } catch {
    signal.throwIfAborted();
    throw new Refused(0, { code: "unreachable" });
  }
  return loaded;
}

function inline(text) {
  const parts = [];
  const pattern = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\([^)]*\)/g;
  let last = 0;
  for (const match of text.matchAll(pattern)) {
    parts.push(text.slice(last, match.index));
    if (match[1] !== undefined) parts.push(el("code", null, match[1]));
    else if (match[2] !== undefined) parts.push(el("strong", null, match[2]));
    else parts.push(match[3]);
    last = match.index + match[0].length;
  }
  parts.push(text.slice(last));
  return parts;
}

function block(lines) {
  if (lines[0].startsWith("|")) {
    const cells = (line) => line.replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
    const rows = lines.filter((line) => !/^\|[-| :]+\|$/.test(line)).map(cells);
    return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": rows[0].join(", ") },
      el("table", null,
        el("thead", null, el("tr", null, rows[0].map((cell) => el("th", { scope: "col" }, inline(cell))))),
        el("tbody", null, rows.slice(1).map((row) => el("tr", null, row.map((cell) => el("td", null, inline(cell))))))));
  }
  if (lines[0].startsWith("- ")) {
    const items = [];
    for (const line of lines) {
      if (line.startsWith("- ")) items.push(line.slice(2));
      else items[items.length - 1] += ` ${line.trim()}`;
    }
    return el("ul", null, items.map((item) => el("li", null, inline(item))));
  }
  return el("p", null, inline(lines.join(" ")));
}

/// The sections: [{ name, blocks }], the first without a name.
function sections(text) {
  const found = [{ name: "", level: 1, blocks: [] }];
  let lines = [];
  const end = () => { if (lines.length) found.at(-1).blocks.push(lines); lines = []; };
  for (const line of text.split("\n")) {
    const head = /^(#+) (.*)$/.exec(line);
    if (head) {
      end();
      if (head[2] !== "Reasons" || found.length > 1) found.push({ name: head[2], blocks: [] });
    } else if (line.trim() === "") end();
    else lines.push(line);
  }
  end();
  return found;
}

/// What is said of one reason, for whoever meets it elsewhere on the page.
export async function explained(reason, signal) {
  const section = sections(await load(signal)).find((each) => each.name === reason);
  return section ? section.blocks.map(block) : [];
}

export const link = (reason) => el("a", { href: `#/reasons/${encodeURIComponent(reason)}`, class: "reason" }, reason);

export async function reasonsView(root, { argument, signal }) {
  const all = sections(await load(signal));
  signal.throwIfAborted();
  show(root, heading("Reasons"), all.map((section) => section.name === ""
    ? section.blocks.map(block)
    : el("section", { id: `reason-${section.name}`, class: "sheet" },
      el("h2", { tabindex: "-1" }, /^[a-z_]+$/.test(section.name) ? el("code", null, section.name) : section.name),
      section.blocks.map(block))));
  if (!argument) return { settled: true };
  const section = document.getElementById(`reason-${argument}`);
  section?.scrollIntoView({ block: "start" });
  section?.querySelector("h2").focus();
  return { settled: true, focused: Boolean(section) };
}
