// Keeps a view as the server has it.
//
// By asking every few seconds with the tag of what is shown, which costs an answer without a body where nothing
// changed. Not by server-sent events: an EventSource can't send the header that proves where a request comes from, and
// each tab would hold one of the six connections that a browser has for a host.
//
// It stops while the tab is hidden and while the server can't be reached. It keeps nobody signed in: a tab that is left
// open asks for the password in the end.

import { get, reach } from "./api.js";

const EVERY = 5_000;

const polls = new Set();

document.addEventListener("visibilitychange", () => document.hidden || askAll());
reach.addEventListener("back", askAll);

function askAll() {
  for (const poll of polls) poll();
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

  async function ask(watching) {
    clearTimeout(timer);
    const mine = ++turn;
    try {
      const value = await get(where(), { signal: context.signal, watching });
      // A later question may have been answered first.
      if (mine === turn && !context.signal.aborted && value !== last) {
        last = value;
        render(value);
      }
    } catch (error) {
      // What was asked for a view that is left is nobody's any more.
      if (error.name !== "AbortError") throw error;
    } finally {
      if (mine === turn && polls.has(poll)) timer = setTimeout(poll, every);
    }
  }

  function poll() {
    clearTimeout(timer);
    if (context.signal.aborted) return;
    if (document.hidden || reach.since || document.querySelector("[data-asks]:not([hidden])")) {
      timer = setTimeout(poll, every);
    } else {
      ask(true).catch(() => {});
    }
  }

  await ask();
  polls.add(poll);
  timer = setTimeout(poll, every);
  context.signal.addEventListener("abort", () => {
    clearTimeout(timer);
    polls.delete(poll);
  });
  return () => ask(false);
}

/** Puts other children in, unless they look the same: what is selected or has the focus stays. */
export function swap(element, ...children) {
  const fresh = element.cloneNode(false);
  fresh.append(...children);
  if (!fresh.isEqualNode(element)) element.replaceChildren(...fresh.childNodes);
}
