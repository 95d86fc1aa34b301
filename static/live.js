// Keeps a view as the server has it.
//
// By asking every few seconds with the tag of what is shown, which costs an answer without a body where nothing
// changed. Not by server-sent events: an EventSource can't send the header that proves where a request comes from, and
// each tab would hold one of the six connections that a browser has for a host.
//
// It stops while the tab is hidden, while the server can't be reached, and where nobody has touched the page for a
// while: else a tab left open would keep its session from ever ending by itself.

import { get, reach } from "./api.js";

const EVERY = 5_000;
const AWAY = 10 * 60_000;

let touched = Date.now();
const watching = new Set();

for (const kind of ["pointerdown", "pointermove", "keydown", "scroll", "focus"]) {
  addEventListener(kind, () => {
    const wasAway = isAway();
    touched = Date.now();
    if (wasAway) askAll();
  }, { passive: true, capture: true });
}
document.addEventListener("visibilitychange", () => document.hidden || askAll());
reach.addEventListener("back", askAll);

function isAway() {
  return Date.now() - touched > AWAY;
}

function askAll() {
  for (const ask of watching) ask();
}

/**
 * Asks for `path` (a text, or a function that says it) now and every few seconds until the view is left, and calls
 * `render` with the first answer and each that is another. Resolves after the first, to a function that asks at once,
 * after a change or with another path; its failures are the caller's, later ones are passed over: the next may be
 * better.
 */
export async function watch(context, path, render, every = EVERY) {
  let last;
  let timer;
  let turn = 0;
  const where = () => (typeof path === "function" ? path() : path);

  async function ask() {
    clearTimeout(timer);
    const mine = ++turn;
    try {
      const value = await get(where(), { signal: context.signal });
      // A later question may have been answered first.
      if (mine === turn && !context.signal.aborted && value !== last) {
        last = value;
        render(value);
      }
    } catch (error) {
      // What was asked for a view that is left is nobody's any more.
      if (error.name !== "AbortError") throw error;
    } finally {
      if (mine === turn && watching.has(poll)) timer = setTimeout(poll, every);
    }
  }

  function poll() {
    clearTimeout(timer);
    if (context.signal.aborted) return;
    if (document.hidden || reach.since || isAway() || document.querySelector("[data-asks]:not([hidden])")) {
      timer = setTimeout(poll, every);
    } else {
      ask().catch(() => {});
    }
  }

  await ask();
  watching.add(poll);
  timer = setTimeout(poll, every);
  context.signal.addEventListener("abort", () => {
    clearTimeout(timer);
    watching.delete(poll);
  });
  return ask;
}
