// Asking the node. The key is in no URL; it is kept as long as this tab is open.

const KEY = "federation page key";

export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (text) => sessionStorage.setItem(KEY, text),
  forget: () => sessionStorage.removeItem(KEY),
};

/// An answer that is none: `code` is the node's word for it, or `unreachable`.
export class Refused extends Error {
  constructor(status, error) {
    super(error?.code ?? `status ${status}`);
    this.status = status;
    this.code = error?.code ?? `status_${status}`;
    this.facts = error ?? {};
  }
}

/// After this long an answer is none: a tunnel that has died says nothing. What is held for news takes half a minute.
const PATIENCE = 20_000;
const PATIENCE_HELD = 70_000;

async function perform(path, options, patience = PATIENCE) {
  const headers = { Accept: "application/json", ...options.headers };
  if (key.get()) headers.Authorization = `Bearer ${key.get()}`;
  const late = AbortSignal.timeout(patience);
  const signal = options.signal ? AbortSignal.any([options.signal, late]) : late;
  let response;
  try {
    response = await fetch(path, { ...options, headers, signal, cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer" });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new Refused(0, { code: "unreachable" });
  }
  let json = null;
  try { json = await response.json(); } catch {
    options.signal?.throwIfAborted();
    // An answer without a body says no less by its status; one that broke off is none.
    if (response.ok) throw new Refused(0, { code: "unreachable" });
  }
  if (!response.ok) throw new Refused(response.status, json?.error);
  return json;
}

export function ask(route, parameters = {}, signal = undefined) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== undefined)).toString();
  return perform(`/api/${route}${query ? `?${query}` : ""}`, { method: "GET", signal }, parameters.wait ? PATIENCE_HELD : PATIENCE);
}

export const tell = (route, body) =>
  perform(`/api/${route}`, {
    method: "POST", headers: { "Content-Type": "application/json", "Federation-Page": "1" }, body: JSON.stringify(body),
  }, PATIENCE_HELD);

/// Names a write, so that one that is sent twice is done once.
export function requestID() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return "page-" + [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
