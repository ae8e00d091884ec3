// Making elements. Whatever comes from a node is put in as text or as an attribute's value, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
  return node;
}

export const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

const usable = (root) => [...root.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")];

/// Puts new children in; what had the focus, what was unfolded and how far tables
/// were scrolled stays so. Elements are known again by `data-k`, or else
/// by their kind, their text and their turn among those of the same.
export function show(root, ...children) {
  const alike = (one) => usable(root).filter((other) => other.tagName === one.tagName && other.textContent === one.textContent);
  const had = root.contains(document.activeElement) && document.activeElement !== root ? document.activeElement : null;
  const active = had?.dataset.k;
  const turn = had && !active ? alike(had).indexOf(had) : -1;
  const scrolled = new Map([...root.querySelectorAll(".scroll[data-k], pre.text[data-k]")].map((each) => [each.dataset.k, [each.scrollLeft, each.scrollTop]]));
  const open = new Map([...root.querySelectorAll("details[data-k]")].map((each) => [each.dataset.k, each.open]));
  root.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  for (const each of root.querySelectorAll("details[data-k]")) if (open.has(each.dataset.k)) each.open = open.get(each.dataset.k);
  for (const each of root.querySelectorAll(".scroll[data-k], pre.text[data-k]")) {
    const [left, top] = scrolled.get(each.dataset.k) ?? [0, 0];
    if (left || top) [each.scrollLeft, each.scrollTop] = [left, top];
  }
  // Whoever has scrolled on since stays where they read.
  const again = active ? [...root.querySelectorAll("[data-k]")].find((each) => each.dataset.k === active) : turn >= 0 ? alike(had)[turn] : null;
  again?.focus({ preventScroll: true });
}

/// A table with a caption. `columns` are texts, or { text, number } for numbers; cells are texts or nodes.
export function table(caption, columns, rows, options = {}) {
  const heads = columns.map((column) => (typeof column === "string" ? { text: column } : column));
  const body = rows.map((cells) =>
    el("tr", null, cells.map((cell, index) => {
      const head = heads[index];
      const attributes = { class: head.number ? "number" : null, "data-head": head.text };
      return index === 0 ? el("th", { scope: "row", ...attributes }, cell) : el("td", attributes, cell);
    })));
  // A region that scrolls is one that the keyboard reaches.
  return el("div", { class: "scroll" + (options.cards ? " cards" : ""), tabindex: "0", role: "region", "aria-label": caption, "data-k": `table ${caption}` },
    el("table", null,
      el("caption", { class: options.quiet ? "aside" : null }, caption),
      el("thead", null, el("tr", null, heads.map((head) => el("th", { scope: "col", class: head.number ? "number" : null }, head.text)))),
      el("tbody", null, body)));
}

const numbers = new Intl.NumberFormat("en");
export const count = (number) => numbers.format(number ?? 0);
export const counted = (number, noun, many = noun + "s") => `${count(number)} ${number === 1 ? noun : many}`;

export function bytes(number) {
  for (const [unit, size] of [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (number >= size) return `${(Math.floor(number / (size / 10)) / 10).toString()} ${unit}`;
  }
  return `${count(number)} B`;
}

/// How long ago, in one unit.
export function ago(text, now = Date.now()) {
  const then = Date.parse(text);
  if (Number.isNaN(then)) return text || "never";
  return `${lasting(Math.max(0, now - then))} ago`;
}

export function lasting(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${count(Math.floor(seconds / 86400))} days`;
}

/// A moment: how long ago it was, and the time itself for whoever points at it or reads it out.
export const moment = (text) => (text ? el("time", { datetime: text, title: text }, ago(text)) : "never");

/// Said by screen readers when they have time for it.
export function say(text) {
  const said = document.getElementById("said");
  said.textContent = "";
  setTimeout(() => { said.textContent = text; }, 50);
}

export const heading = (text, ...rest) => el("h1", { tabindex: "-1", "data-k": "h1" }, text, ...rest);

let number = 0;
/// An id that no other element has.
export const fresh = (word) => `${word}-${++number}`;
