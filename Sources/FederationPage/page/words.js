// Words for what the node says in codes.

import { bytes, count, counted, ago, lasting } from "./dom.js";

const WARNINGS = {
  copied: "This database is a copy: the node writes nothing until somebody chooses (federation help identity).",
  behind: "This database is older than what the node has published: it writes nothing (federation help identity).",
  damaged: "The database is damaged: nothing is written to it any more (federation help recover).",
  store_quota: "The database has reached its quota (store.max_size): own writes are refused, and what peers have waits there.",
  disk_full: "The disk is full, or nearly: own writes are refused, and what peers have waits there.",
  signature_invalid: "Events are here that their origin did not sign as they are.",
  equivocation: "An origin has given one number to two events that it signed.",
  frozen_origin: "An origin has named two successors of its key, and is frozen (federation help trust-key).",
  clock_full: "The vector clock is full (256 nodes).",
  own_number_far: "An event names a number of ours far beyond what we ever gave; it is not followed.",
  own_clock_slow: "Most peers write ahead of this node's clock: it is probably slow.",
};

export const warning = (each) => WARNINGS[each.code] ?? each.code;

const FAILURES = {
  key: "That is not the page's key.",
  page_only_shows: "This page only shows. With a key of its own (page.key_file) it also writes.",
  unreachable: "The node does not answer. It is asked again every few seconds.",
  heads_changed: "Somebody else has changed this record meanwhile: look at it again.",
  not_diverged: "This record is not diverged any more.",
  unknown_record: "There is no such record.",
  unknown_version: "There is no such version any more: look at the record again.",
  unknown_row: "That is not in quarantine any more.",
  unknown_peer: "There is no peer of that name.",
  stopped: "The node has stopped writing.",
  copied: "This database is a copy: the node writes nothing until somebody chooses.",
  store: "The database could not be used; the node's log says why.",
  too_large: "The text is too large.",
  immutable: "This record may not be changed any more.",
  source_locked: "This record belongs to its source and may not be changed here.",
  purged: "This record was purged.",
  trashed: "This record is in the trash.",
};

export const failure = (error) => FAILURES[error.code] ?? `The node refused (${error.code}).`;

const STATES = {
  idle: "rests until its next poll", greeting: "is being greeted", pulling: "is being read", replaying: "is being taken in",
  waiting: "is tried again later", paused: "is paused", stopped: "is not polled", following: "is followed live",
  pending: "waits for a person", busy: "has asked to be left alone for a while",
};

/// What the peer has and we have not, in few words: what it has not said is not known, and no guess.
export function lagWords(peer) {
  if (!peer.lag) return "lag not known";
  const { events, current } = peer.lag;
  const words = events === 0 ? "up to date" : `${counted(events, "event")} behind`;
  return current ? words : `${words} when last heard`;
}

/// The same with its bytes, the age of the oldest event and how long a backfill will take, as far as each is known.
export function lagText(peer) {
  if (!peer.lag) return "not known";
  const { events, bytes: size, seconds, observed_at: at, current } = peer.lag;
  const more = [size ? bytes(size) : "", seconds ? `the oldest ${lasting(seconds * 1000)} old` : "",
    peer.progress ? `${count(peer.progress.pulled)} pulled` : "",
    peer.progress?.events_per_second ? `${peer.progress?.events_per_second} events a second` : "",
    peer.progress?.seconds_to_go !== undefined ? `${lasting(peer.progress?.seconds_to_go * 1000)} to go` : "", current ? "" : `as of ${ago(at)}`].filter(Boolean);
  return `${events === 0 ? "none" : counted(events, "event")}${more.length ? ` (${more.join(", ")})` : ""}`;
}

/// How a link is: one of `well`, `aside`, `failing`, `waits`, `unmet`, `paused`, with a sign and words of its own, so
/// that no colour has to be seen.
export function standing(peer) {
  const failures = peer.consecutive_failures ?? 0;
  const reason = failures > 0 ? peer.last_error?.reason : peer.push?.reason;
  if (peer.mode === "paused" || peer.state === "paused") return { kind: "paused", sign: "‖", word: "paused", words: "paused" };
  if (reason) {
    const detail = peer.last_success ? `last well ${ago(peer.last_success)}` : "never met";
    return { kind: "failing", sign: "✕", word: "failing", reason, detail, words: `failing: ${reason}, ${detail}` };
  }
  if (peer.state === "pending") return { kind: "waits", sign: "?", word: "waits for a person", detail: `federation pair ${peer.name}`, words: `waits for a person: federation pair ${peer.name}` };
  if (!peer.last_success) {
    return { kind: "unmet", sign: "…", word: "not met yet", words: peer.comes_to_us ? "has not come yet" : "not met yet" };
  }
  const aside = (peer.held ?? 0) + (peer.refused ?? 0) + (peer.deferred ?? 0);
  const doing = peer.comes_to_us ? "comes to us" : STATES[peer.state] ?? "";
  if (aside > 0) {
    return { kind: "aside", sign: "!", word: "well, with events aside", reason: peer.last_error?.reason,
      detail: `${counted(aside, "event")} of it not applied`, words: `well; ${counted(aside, "event")} of it not applied` };
  }
  return { kind: "well", sign: "✓", word: "well", detail: doing, words: doing ? `well; ${doing}` : "well" };
}

/// What the ring calls a node: this one, a peer, or only an identity.
export function names(status) {
  const known = new Map([[status.node.id, status.node.name]]);
  for (const peer of status.peers) if (peer.id) known.set(peer.id, peer.name);
  return (id) => known.get(id);
}

export const kinds = { held: "held: in the log, not applied", refused: "refused: not in the log", deferred: "waits for its time" };

export const share = (part, whole) => (whole === 0 ? "" : `${count(part)} of ${count(whole)}`);
