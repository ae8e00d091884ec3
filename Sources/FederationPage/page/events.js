// Live events: what reaches the log, as it does.

import { el, show, heading, counted, say } from "./dom.js";
import { ask } from "./node.js";
import { names } from "./words.js";

const KEPT = 200;
/// Events of one answer.
const TOLD = 100;
const MARKS = { invalid: "not signed by its origin", unsigned: "unsigned", unknown_key: "unknown key", provisional_key: "key not met" };

function row(event, titles, name, isNew) {
  const marks = [event.hold ? `held: ${event.hold}` : "", event.stub ? "stub" : "", event.early ? "early" : "", MARKS[event.verified] ?? ""].filter(Boolean);
  const received = new Date(event.received_at);
  return el("li", { class: isNew ? "event new" : "event" },
    el("time", { datetime: event.received_at, title: event.received_at }, received.toLocaleTimeString("en-GB", { hourCycle: "h23" })),
    el("span", { class: "action" }, event.action), " ",
    el("strong", null, titles[event.trace_id] || event.trace_id), " ",
    el("span", { class: "quiet" }, `by ${name(event.origin) ?? event.origin_name ?? event.origin}`, event.peer ? ` by way of ${event.peer}` : ", written here",
      marks.length ? ` (${marks.join(", ")})` : ""));
}

export async function eventsView(root, context) {
  const name = names(context.status);
  const list = el("ol", { class: "events sheet", reversed: true, "aria-label": "The last events, the newest first" });
  const state = el("p", { class: "quiet" }, "Looking at the log …");
  let stopped = false;
  const button = el("button", { type: "button", "aria-pressed": "false", onclick: () => {
    stopped = !stopped;
    button.setAttribute("aria-pressed", String(stopped));
    state.textContent = stopped ? "Paused: new events wait." : "New events come by themselves.";
    if (stopped) waiting?.abort(); else wake();
  } }, "Pause");
  show(root, heading("Live events"), el("div", { class: "choice" }, button, state), list);

  let wake = () => {};
  /// The request that is held; given up where nobody wants its answer now.
  let waiting = null;
  const signal = context.signal;
  signal.addEventListener("abort", () => waiting?.abort());
  // A tab that nobody looks at holds no connection: a browser has six for all tabs of one address.
  const seen = () => document.visibilityState === "visible";
  document.addEventListener("visibilitychange", () => { if (seen()) wake(); else waiting?.abort(); }, { signal });
  const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
  let after;
  let first = true;
  const loop = async () => {
    while (!signal.aborted) {
      while ((stopped || !seen()) && !signal.aborted) await new Promise((done) => { wake = done; signal.addEventListener("abort", done, { once: true }); });
      if (signal.aborted) return;
      let news;
      waiting = new AbortController();
      let passed = 0;
      try {
        news = await ask("events", { after, wait: first ? undefined : 1 }, waiting.signal);
        // Where there are more than one answer tells of, the page goes on with the log's last events.
        if (news.more && news.events.length >= TOLD) {
          const last = await ask("events", {}, waiting.signal);
          passed = Math.max(0, last.through - last.events.length - (after ?? last.through));
          news = last;
          list.replaceChildren();
        }
      } catch (error) {
        if (error.status === 401) return;
        if (error.name === "AbortError") continue;
        state.textContent = "The node does not answer; asking again …";
        await pause(2000);
        continue;
      }
      after = news.through;
      if (first || news.events.length) {
        list.prepend(...news.events.map((event) => row(event, news.titles, name, !first)).reverse());
        while (list.children.length > KEPT) list.lastElementChild.remove();
        if (!first) say(`${counted(news.events.length, "new event")}: ${news.titles[news.events.at(-1).trace_id] || news.events.at(-1).trace_id}`);
      }
      if (passed) state.textContent = `${counted(passed, "event")} came faster than they can be shown, and were passed over.`;
      else if (!stopped) state.textContent = list.children.length ? "New events come by themselves." : "The log is empty. New events come by themselves.";
      // Without room to wait for news it is asked for every other second.
      await pause(news.held ? 500 : 2000);
      first = false;
    }
  };
  loop();
  return { settled: true };
}
