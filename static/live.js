// Keeps a view as the server has it.
//
// By asking every few seconds with the tag of what is shown, which costs an answer without a body where nothing
// changed. Not by server-sent events: an EventSource can't send the header that proves where a request comes from, and
// each tab would hold one of the six connections that a browser has for a host.
//
// It stops while the tab is hidden and while the server can't be reached. It keeps nobody signed in: a tab that is left
// open asks for the password in the end.

import { get, reach, Unreachable } from "./api.js";
import { toast } from "./dom.js";

const EVERY = 5_000;

const polls = new Set();
let resting = 0;

document.addEventListener("visibilitychange", () => document.hidden || askAll());
reach.addEventListener("back", askAll);

function askAll() {
  for (const poll of polls) poll();
}

/**
 * Asks for `path` (a text, or a function that says it) now and every few seconds until the view is left, and calls
 * `render` with the first answer and each that is another. Resolves after the first, to a function that asks at once,
 * after a change or with another path: what was done is done whether or not that is answered, so it only says that what
 * is shown is old, or leaves it to its caller what to say.
 */
export async function watch(context, path, render, every = EVERY) {
  let last;
  let timer;
  let turn = 0;
  let failures = 0;
  const where = () => (typeof path === "function" ? path() : path);

  async function ask(watching) {
    clearTimeout(timer);
    const mine = ++turn;
    try {
      const value = await get(where(), { signal: context.signal, watching });
      failures = 0;
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
    if (document.hidden || resting || reach.since || document.querySelector("[data-asks]:not([hidden])")) {
      timer = setTimeout(poll, every);
      return;
    }
    ask(true).catch((error) => {
      failures += 1;
      // Once may be chance.
      if (failures === 2) old(error);
    });
  }

  await ask();
  context.signal.throwIfAborted();
  polls.add(poll);
  timer = setTimeout(poll, every);
  context.signal.addEventListener("abort", () => {
    clearTimeout(timer);
    polls.delete(poll);
  });
  return (failed = old) => ask(false).catch(failed);
}

/** Says that what is shown is old; that nobody answers at all is said already. */
function old(error) {
  if (error instanceof Unreachable) return;
  toast(`What is shown isn't up to date: ${error.words ?? error.message}`);
}

/** Does something in which nothing should be asked by itself: between the end of a session and the next one, say. */
export async function undisturbed(does) {
  resting += 1;
  try {
    return await does();
  } finally {
    resting -= 1;
  }
}

/**
 * Puts other children in, and leaves alone what looks the same: what is selected, open or has the focus stays. What
 * listens in them may be as old as the first of their kind: it should take from its view what may change.
 */
export function swap(element, ...children) {
  const fresh = document.createDocumentFragment();
  fresh.append(...children);
  patch(element, fresh);
}

function patch(element, fresh) {
  const others = [...fresh.childNodes];
  [...element.childNodes].slice(others.length).forEach((gone) => gone.remove());
  others.forEach((other, at) => {
    const child = element.childNodes[at];
    if (!child) element.append(other);
    else if (child.isEqualNode(other)) return;
    else if (!alike(child, other)) child.replaceWith(other);
    else if (child.nodeType === Node.TEXT_NODE) child.data = other.data;
    else {
      // What is open is the reader's, what is busy is about to be done.
      const kept = (name) => name === "open" || (name === "class" && child.classList.contains("busy"));
      for (const { name } of [...child.attributes]) {
        if (!other.hasAttribute(name) && !kept(name)) child.removeAttribute(name);
      }
      for (const { name, value } of other.attributes) if (!kept(name)) child.setAttribute(name, value);
      patch(child, other);
    }
  });
}

/** Whether one can become the other; what is filled in can't. */
function alike(one, other) {
  return one.nodeName === other.nodeName && !["INPUT", "SELECT", "TEXTAREA"].includes(one.nodeName);
}
