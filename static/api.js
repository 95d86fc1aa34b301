// Requests to jeton's own API, by the session's cookie.
//
// A refusal is an `ApiError` with the members of its problem document. A session that has ended, and one that is too
// old for what is asked, are met by asking for the password and repeating the request (session.js says how). When the
// server can't be reached, `reach` says since when, asks again by itself, and says when it is back.

/** The server said no: `status`, `code`, `detail`, and `field`, `limit` and the like where it has them. */
export class ApiError extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.detail ?? `the server answered ${status}`);
    Object.assign(this, problem, { status, retryAfter });
  }

  /** A sentence for whoever asked. */
  get words() {
    const wait = this.retryAfter ? ` Try again in ${this.retryAfter} s.` : "";
    if (this.status === 503) return `jeton is busy.${wait || " Try again in a moment."}`;
    if (this.status === 500) return `jeton failed; its log says why (incident ${this.incident ?? "?"}).`;
    if (this.code === "version_stale") return "This was changed meanwhile: look at it again, and retry.";
    return sentence(this.message) + wait;
  }

  /** The same beside the field that it is about. */
  get short() {
    return this.field && sentence(this.message.replace(`${this.field}: `, ""));
  }
}

/** There was no answer at all. */
export class Unreachable extends Error {
  get words() {
    return `jeton can't be reached.${this.cause?.reads ? "" : " Nothing is known of whether this was done."}`;
  }
}

function sentence(text) {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/**
 * Whether the server answers: where it doesn't, `since` is when it last did, and `ask()` asks now rather than in a
 * while. It dispatches `lost` and `back`.
 */
export const reach = Object.assign(new EventTarget(), { since: null, ask: () => {} });
let lastAnswer = new Date();

/** How long an answer may take, in milliseconds. */
const PATIENCE = 20_000;
/** What a proxy says of a server that doesn't answer it. */
const AWAY = [502, 503, 504];

async function lost() {
  if (reach.since) return;
  reach.since = lastAnswer;
  reach.dispatchEvent(new Event("lost"));
  for (let wait = 1; reach.since; wait = Math.min(30, wait * 2)) {
    await new Promise((resolve) => {
      reach.ask = resolve;
      setTimeout(resolve, wait * 1_000);
    });
    const alive = fetch(below("/health/live"), {
      cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(PATIENCE),
    });
    await alive.then(({ ok }) => ok && answered(), () => {});
  }
}

function answered() {
  lastAnswer = new Date();
  if (!reach.since) return;
  reach.since = null;
  reach.dispatchEvent(new Event("back"));
}

/** What asks for the password; set by session.js. Resolves to whether to repeat the request. */
let askForPassword = async () => false;
export function whenAsked(how) {
  askForPassword = how;
}

/** The last answer to each GET, with its tag. */
const kept = new Map();
export function forget() {
  kept.clear();
}

/** A path of jeton's as the page has to ask for it, which a proxy may serve below a path of its own. */
export const below = (path) => path.slice(1);

/**
 * One request as it is, whatever comes back. `watching` is for what the page asks by itself: that keeps nobody signed
 * in. `raw` is another type than JSON: what comes of it is a text, and where it goes on. `patience` is how long the
 * answer may take.
 */
export async function exchange(method, path, body, options = {}) {
  const { version, idempotencyKey, signal, watching, raw, patience = PATIENCE } = options;
  const headers = { "Jeton-Page": watching ? "watching" : "1", Accept: raw ?? "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (version !== undefined) headers["If-Match"] = `"${version}"`;
  if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
  const known = method === "GET" ? kept.get(path) : null;
  if (known) headers["If-None-Match"] = known.tag;
  let response;
  let text;
  const late = AbortSignal.timeout(patience);
  const unreachable = () => {
    lost();
    return new Unreachable("no answer", { cause: { reads: method === "GET" } });
  };
  try {
    response = await fetch(below(path), {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, late]) : late,
      cache: "no-store", credentials: "same-origin", redirect: "error",
    });
    text = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unreachable();
  }
  if (response.ok && raw) return { text, link: response.headers.get("Link") };
  let value = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    // A proxy in between answered, in words of its own.
  }
  if (AWAY.includes(response.status) && !value?.code) throw unreachable();
  answered();
  if (response.status === 304) return known.value;
  if (!response.ok) {
    throw new ApiError(response.status, value ?? {}, Number(response.headers.get("Retry-After")));
  }
  const tag = response.headers.get("ETag");
  if (method === "GET" && tag) {
    if (kept.size > 100) kept.clear();
    kept.set(path, { tag, value });
  }
  return value;
}

async function request(method, path, body, options = {}) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await exchange(method, path, body, options);
    } catch (error) {
      // With its key, the same request makes no second token and gets the reply that was lost.
      if (error instanceof Unreachable && options.idempotencyKey && tries === 0) {
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        continue;
      }
      const ended = ["session_ended", "credential_missing"].includes(error.code);
      const asks = (ended || error.code === "sign_in_again") && tries < 3;
      if (!asks || !(await askForPassword(ended))) throw error;
    }
  }
}

export const get = (path, options) => request("GET", path, undefined, options);
export const post = (path, body = {}, options = {}) => request("POST", path, body, options);
export const patch = (path, body, options) => request("PATCH", path, body, options);
export const put = (path, body, options) => request("PUT", path, body, options);
export const del = (path, options) => request("DELETE", path, undefined, options);

/** A path with what is asked; what is empty is left out. */
export function query(path, asked) {
  const given = Object.entries(asked).filter(([, value]) => (value ?? "") !== "");
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

/** A segment of a path, whatever stands in it. */
export const segment = encodeURIComponent;
