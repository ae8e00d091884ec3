// The history of a peer as plots. Behind each stands the same as a table.

import { el, svg, table, count, counted, lasting } from "./dom.js";
import { link as reasonLink } from "./reasons.js";

const HEIGHT = 120;
const LEFT = 44;
const BOTTOM = 20;
const TOP = 8;

/// The steps of a span of time, and where they stand in a plot.
export class Span {
  constructor(steps, { from, to, label, width }) {
    this.from = from;
    this.to = to;
    this.label = label;
    this.width = width;
    this.steps = steps
      .map((step) => ({ ...step, at: Date.parse(step.from), length: step.seconds * 1000 }))
      .filter((step) => step.at + step.length > from && step.at <= to);
  }

  x(time) { return LEFT + ((Math.min(Math.max(time, this.from), this.to) - this.from) / (this.to - this.from)) * (this.width - LEFT - 4); }

  bar(step) {
    const x = this.x(step.at);
    return { x, width: Math.max(1.5, this.x(step.at + step.length) - x - 0.5) };
  }

  when(step) {
    const options = this.to - this.from > 2 * 86400000
      ? { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" } : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    return new Date(step.at).toLocaleString("en-GB", options);
  }

  ticks() {
    const hour = 3600000;
    const every = this.to - this.from > 2 * 24 * hour ? 24 * hour : this.width < 420 ? 6 * hour : 3 * hour;
    const first = new Date(this.from);
    first.setMinutes(0, 0, 0);
    if (every === 24 * hour) first.setHours(0);
    const found = [];
    for (let time = first.getTime(); time <= this.to; time += every) {
      if (time < this.from || this.x(time) > this.width - 24) continue;
      const date = new Date(time);
      if (every !== 24 * hour && date.getHours() % (every / hour) !== 0) { time += hour - every; continue; }
      found.push({ x: this.x(time), text: every === 24 * hour
        ? date.toLocaleDateString("en-GB", { weekday: "short" })
        : date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }) });
    }
    return found;
  }
}

function round(most) {
  if (most <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((value) => value >= most);
}

function frame(span, most, format, parts, summary, height = HEIGHT) {
  const y = (value) => TOP + (1 - value / most) * (height - TOP - BOTTOM);
  return svg("svg", { class: "plot", viewBox: `0 0 ${span.width} ${height}`, width: span.width, height, role: "img", "aria-label": summary },
    [0, most / 2, most].map((value) => [
      svg("line", { class: "rule", x1: LEFT, x2: span.width - 4, y1: y(value), y2: y(value) }),
      svg("text", { class: "tick", x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, format(value)),
    ]),
    span.ticks().map((tick) => svg("text", { class: "tick", x: tick.x, y: height - 5, "text-anchor": "middle" }, tick.text)),
    parts(y));
}

function figure(title, span, summary, drawing, columns, rows, key) {
  return el("figure", { class: "sheet" }, el("h3", null, title), drawing,
    el("figcaption", null, summary),
    rows.length ? el("details", { "data-k": `plot ${key}` }, el("summary", null, `${title} as a table`),
      table(`${title}, ${span.label}`, columns, rows, { quiet: true })) : null);
}

const failed = (step) => Object.values(step.failures ?? {}).reduce((sum, number) => sum + number, 0);

function rect(kind, x, width, top, bottom, title) {
  return bottom - top <= 0 ? null : svg("rect", { class: kind, x, width, y: top, height: Math.max(1, bottom - top) }, svg("title", null, title));
}

export function polls(span, peer) {
  const well = span.steps.reduce((sum, step) => sum + (step.succeeded ?? 0), 0);
  const bad = span.steps.reduce((sum, step) => sum + failed(step), 0);
  const most = round(Math.max(1, ...span.steps.map((step) => (step.succeeded ?? 0) + (step.waited ?? 0) + failed(step))));
  const summary = `${counted(well, "poll")} of ${peer} went well, ${count(bad)} failed, ${span.label}.`;
  const drawing = frame(span, most, count, (y) => span.steps.map((step) => {
    const { x, width } = span.bar(step);
    const [good, waited, wrong] = [step.succeeded ?? 0, step.waited ?? 0, failed(step)];
    const title = `${span.when(step)}: ${good} well, ${wrong} failed`;
    return [rect("bar well", x, width, y(good), y(0), title), rect("bar waits", x, width, y(good + waited), y(good), title),
      rect("bar failing", x, width, y(good + waited + wrong), y(good + waited), title)];
  }), summary);
  return figure("Polls", span, [summary, el("span", { class: "legend" }, el("span", { class: "key well" }), "went well ",
    el("span", { class: "key failing" }), "failed (hatched)")], drawing,
    ["From", { text: "Went well", number: true }, { text: "Failed", number: true }, { text: "Waited for a person", number: true }],
    span.steps.map((step) => [span.when(step), count(step.succeeded), count(failed(step)), count(step.waited)]), "polls");
}

export function reasons(span, peer) {
  const totals = new Map();
  for (const step of span.steps) for (const [reason, number] of Object.entries(step.failures ?? {})) totals.set(reason, (totals.get(reason) ?? 0) + number);
  const lanes = [...totals].sort((a, b) => b[1] - a[1]);
  if (lanes.length === 0) {
    return el("figure", { class: "sheet" }, el("h3", null, "Reasons"), el("figcaption", null, `No poll of ${peer} failed, ${span.label}.`));
  }
  const height = lanes.length * 30 + BOTTOM + 4;
  const summary = `Why polls of ${peer} failed, ${span.label}: ` + lanes.map(([reason, number]) => `${reason} ${counted(number, "time")}`).join(", ") + ".";
  const drawing = svg("svg", { class: "plot", viewBox: `0 0 ${span.width} ${height}`, width: span.width, height, role: "img", "aria-label": summary },
    lanes.map(([reason], lane) => {
      const base = lane * 30 + 28;
      const most = Math.max(...span.steps.map((step) => step.failures?.[reason] ?? 0));
      return [svg("line", { class: "rule", x1: LEFT, x2: span.width - 4, y1: base, y2: base }),
        svg("text", { class: "lane", x: 0, y: base - 17 }, reason),
        span.steps.filter((step) => step.failures?.[reason]).map((step) => {
          const { x, width } = span.bar(step);
          const tall = 3 + 9 * (step.failures[reason] / most);
          return rect("bar failing", x, width, base - tall, base, `${span.when(step)}: ${reason} ${counted(step.failures[reason], "time")}`);
        })];
    }),
    span.ticks().map((tick) => svg("text", { class: "tick", x: tick.x, y: height - 5, "text-anchor": "middle" }, tick.text)));
  return figure("Reasons", span, ["Why polls failed: ", lanes.map(([reason, number], index) => [index ? ", " : "", reasonLink(reason), ` ${counted(number, "time")}`]), "."],
    drawing, ["From", "Reasons"],
    span.steps.filter((step) => step.failures).map((step) => [span.when(step), Object.entries(step.failures).map(([reason, number]) => `${reason} (${number})`).join(", ")]), "reasons");
}

export function events(span, peer) {
  const all = span.steps.reduce((sum, step) => sum + (step.events ?? 0), 0);
  const most = round(Math.max(1, ...span.steps.map((step) => step.events ?? 0)));
  const summary = `${counted(all, "new event")} came from ${peer}, ${span.label}.`;
  const drawing = frame(span, most, shortCount, (y) => span.steps.map((step) => {
    const { x, width } = span.bar(step);
    return rect("bar news", x, width, y(step.events ?? 0), y(0), `${span.when(step)}: ${counted(step.events ?? 0, "event")}`);
  }), summary);
  return figure("New events", span, summary, drawing, ["From", { text: "New events", number: true }],
    span.steps.map((step) => [span.when(step), count(step.events)]), "events");
}

export function behind(span, peer) {
  const known = span.steps.filter((step) => step.lag !== undefined);
  const peak = Math.max(0, ...known.map((step) => step.most_lag ?? step.lag));
  const last = known.at(-1);
  const summary = known.length === 0 ? `${peer} did not say what it has, ${span.label}.`
    : `${counted(last.lag, "event")} behind ${peer} at last, ${count(peak)} at most, ${span.label}. Gaps: not known.`;
  const drawing = frame(span, round(Math.max(1, peak)), shortCount, (y) => known.map((step) => {
    const { x, width } = span.bar(step);
    const title = `${span.when(step)}: ${count(step.lag)} behind at last, ${count(step.most_lag)} at most`;
    return [rect("bar most", x, width, y(step.most_lag ?? 0), y(step.lag), title),
      svg("rect", { class: "bar lag", x, width, y: y(step.lag) - 2, height: 3 }, svg("title", null, title))];
  }), summary);
  return figure("Lag", span, summary, drawing, ["From", { text: "Behind at last", number: true }, { text: "At most", number: true }],
    known.map((step) => [span.when(step), count(step.lag), count(step.most_lag)]), "lag");
}

export function durations(span, peer) {
  const timed = span.steps.filter((step) => step.timed);
  const slowest = Math.max(1, ...timed.map((step) => step.slowest_ms ?? 0));
  const mean = (step) => (step.took_ms ?? 0) / step.timed;
  const summary = timed.length === 0 ? `No poll of ${peer} was timed, ${span.label}: those that wait for news are not.`
    : `Polls of ${peer} took ${lasting(timed.reduce((sum, step) => sum + (step.took_ms ?? 0), 0) / timed.reduce((sum, step) => sum + step.timed, 0))} on average, ${lasting(slowest)} at most, ${span.label}.`;
  const drawing = frame(span, round(slowest), lasting, (y) => timed.map((step) => {
    const { x, width } = span.bar(step);
    const title = `${span.when(step)}: ${lasting(mean(step))} on average, ${lasting(step.slowest_ms ?? 0)} at most`;
    return [rect("bar most", x, width, y(step.slowest_ms ?? 0), y(0), title),
      svg("rect", { class: "bar lag", x, width, y: y(mean(step)) - 1.5, height: 3 }, svg("title", null, title))];
  }), summary);
  return figure("How long polls took", span, summary, drawing, ["From", { text: "On average", number: true }, { text: "Slowest", number: true }],
    timed.map((step) => [span.when(step), lasting(mean(step)), lasting(step.slowest_ms ?? 0)]), "durations");
}

const shortCount = (number) => (number >= 1e6 ? `${number / 1e6}M` : number >= 1e3 ? `${number / 1e3}k` : count(number));

/// The last day of a peer in a line, for a list.
export function spark(steps, peer, now, width = 150) {
  const span = new Span(steps, { from: now - 86400000, to: now, label: "the last day", width: width + LEFT + 4 });
  const bad = span.steps.reduce((sum, step) => sum + failed(step), 0);
  const well = span.steps.reduce((sum, step) => sum + (step.succeeded ?? 0), 0);
  return svg("svg", { class: "spark", viewBox: `0 0 ${width} 18`, width, height: 18, role: "img",
    "aria-label": `The last day: ${counted(well, "poll")} went well, ${count(bad)} failed` },
    svg("line", { class: "rule", x1: 0, x2: width, y1: 17.5, y2: 17.5 }),
    span.steps.map((step) => {
      const { x, width: wide } = span.bar(step);
      const wrong = failed(step);
      return wrong ? svg("rect", { class: "bar failing", x: x - LEFT, width: wide, y: 1, height: 16 })
        : svg("rect", { class: "bar well", x: x - LEFT, width: wide, y: 10, height: 7 });
    }));
}
