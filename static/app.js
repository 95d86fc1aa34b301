// The page: signs in, shows what the signed-in user may do, and goes from view to view by what stands behind the `#`.
//
// How to write a view:
//  1. A file `NAME.js` exports `async function view(context)` and returns an element whose one h1 names the view.
//  2. Its line goes into ROUTES below, and its `modulepreload` into index.html.
//  3. `context` has `session` (`user`, `organization`, `operator`, `manages`), `params` (what stood for `:name` in the path),
//     `asked` (the address's query), `write(query)` to keep state there, `signal` (aborted when the view is left), and
//     `hold(question)`, which asks before the view is left, until what it returned is called.
//  4. Everything is made by `h(tag, properties, ...children)` of dom.js; what somebody else wrote goes through `shown(text)`,
//     or `plain(text)` in a title or a label. Also there: `badge`, `tags`, `facts`, `toast`, `copyButton`.
//  5. `get`, `post`, `patch`, `put` and `del` of api.js throw an `ApiError`, whose `words` may be shown; `{version}` is the
//     If-Match. Paths are built by `query(path, {...})` and `segment(text)`.
//  6. `await watch(context, path, render)` of live.js keeps what it renders true; it returns a function that asks at once.
//  7. `await list(context, {path, one, columns, filters, ...})` of table.js is a whole list: filters, sorting, pages, live.
//     `table({caption, columns, key})` is the table alone: `.element` and `.update(items)`.
//  8. `form({action, act}, field({label, name, hint}), ...)` of form.js shows a refusal at the field of that name by
//     itself; `act(label, does)` is a button that does the same; `dialog`, `confirm` and `confirmByName` ask.
//  9. `when`, `date`, `exactly`, `span` and `count` of time.js say instants, spans and numbers.
// 10. Colours, spaces and parts are style.css's: `.stack`, `.row`, `.head`, `.card`, `.columns`, `.note`, `.empty`.

import { view as account } from "./account.js";
import { reach } from "./api.js";
import { announce, h, shown } from "./dom.js";
import { act, confirm, sends } from "./form.js";
import { view as mint } from "./mint.js";
import { begin, session, signedOut, signIn, signOut } from "./session.js";
import { view as token } from "./token.js";
import { view as tokens } from "./tokens.js";

/** Each view: its path, where the navigation names it by what, and whom it is for. */
const ROUTES = [
  { path: "tokens", label: "Tokens", view: tokens },
  { path: "tokens/new", view: mint },
  { path: "tokens/:id", view: token },
  { path: "account", label: "Account", view: account },
];

const main = document.getElementById("main");
const everybody = () => true;
let leaving = new AbortController();
let held = null;
let stands = null;

/** What stands behind the `#`: a path and a query. */
function address() {
  const [path, asked] = location.hash.replace(/^#\/?/, "").split("?");
  return { path: path || ROUTES[0].path, asked: new URLSearchParams(asked) };
}

/** The route of a path, with what stands in it for `:name`. */
function find(path) {
  const parts = path.split("/");
  for (const route of ROUTES) {
    const params = {};
    const wanted = route.path.split("/");
    const fits = wanted.length === parts.length && wanted.every((part, at) => {
      if (!part.startsWith(":")) return part === parts[at];
      try {
        params[part.slice(1)] = decodeURIComponent(parts[at]);
      } catch {
        return false;
      }
      return parts[at] !== "";
    });
    if (fits && (route.may ?? everybody)(session)) return { route, params };
  }
  return null;
}

/** Goes where the address says, unless the view that stands asks to stay and gets it. */
async function go() {
  if (held) {
    const wanted = location.hash;
    history.replaceState(null, "", stands);
    const { question } = held;
    if (!(await confirm({ ...question }))) return;
    held = null;
    history.replaceState(null, "", wanted);
  }
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const { path, asked } = address();
  const found = find(path);
  stands = location.hash || `#/${path}`;
  navigate(path);
  main.setAttribute("aria-busy", "true");
  let element;
  try {
    element = found ? await found.route.view({ session, asked, signal, params: found.params, write, hold }) : nowhere();
  } catch (error) {
    if (signal.aborted) return;
    if (!error.words) console.error(error);
    element = failed(error);
  }
  if (signal.aborted) return;
  main.removeAttribute("aria-busy");
  show(element);
}

function show(element) {
  main.replaceChildren(element);
  const title = element.querySelector("h1");
  document.title = `${title?.textContent ?? "jeton"} – jeton`;
  title?.setAttribute("tabindex", "-1");
  (element.querySelector("[data-first]") ?? title)?.focus();
  scrollTo(0, 0);
}

/** Keeps a view's state in the address, without going anywhere. */
function write(state) {
  const { path } = address();
  const given = Object.entries(state).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  stands = `#/${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
  history.replaceState(null, "", stands);
}

/** Asks before the view is left; `question` is a `confirm`'s. */
function hold(question) {
  const mine = { question };
  held = mine;
  return () => { if (held === mine) held = null; };
}
addEventListener("beforeunload", (event) => held && event.preventDefault());

function nowhere() {
  return h("div", { class: "stack" }, h("h1", null, "There is nothing here"),
    h("p", null, "Either the address is wrong, or it isn't for you to see. ", h("a", { href: "#/" }, "Go to the start"), "."));
}

function failed(error) {
  const missing = error.status === 404;
  return h("div", { class: "stack" },
    h("h1", null, missing ? "Not found" : "This can't be shown"),
    h("p", { class: "note" }, missing ? "It doesn't exist, or it isn't yours to see." : error.words ?? "The page failed; the browser's console says why."),
    h("div", { class: "row" }, h("button", { type: "button", onclick: go }, "Try again"), h("a", { href: "#/" }, "Go to the start")));
}

function navigate(path) {
  const [top] = path.split("/");
  document.querySelector("nav").replaceChildren(...ROUTES
    .filter((route) => route.label && (route.may ?? everybody)(session))
    .map((route) => h("a", { href: `#/${route.path}`, "aria-current": route.path === top ? "page" : null }, route.label)));
}

/** Shows the frame of who is signed in, and the view. */
function enter() {
  const nav = document.querySelector("nav");
  const who = document.querySelector(".who");
  who.replaceChildren(
    h("a", { href: "#/account", title: "Your account" }, shown(session.user.username)),
    act("Sign out", signOut, { kind: "quiet" }));
  nav.hidden = false;
  who.hidden = false;
  if (location.hash.length <= 2) history.replaceState(null, "", `#/${ROUTES[0].path}`);
  addEventListener("hashchange", go);
  document.addEventListener("click", (event) => {
    // A link to where one is already: the browser does nothing, but who presses it wants it anew.
    if (event.target.closest("a")?.getAttribute("href") === location.hash) go();
  });
  document.documentElement.classList.remove("waiting");
  return go();
}

/** Says since when the server doesn't answer, and when it is asked again. */
function watchReach() {
  const words = h("span");
  const line = h("div", { class: "row", hidden: true }, words,
    h("button", { type: "button", onclick: () => reach.ask() }, "Ask now"));
  const banner = document.getElementById("banner");
  banner.append(line, signedOut);
  const update = () => { banner.hidden = line.hidden && signedOut.hidden; };
  new MutationObserver(update).observe(banner, { subtree: true, attributes: true, attributeFilter: ["hidden"] });
  reach.addEventListener("lost", () => {
    words.textContent = `jeton can't be reached since ${reach.since.toLocaleTimeString("en-GB")}. What is shown is from then. It is asked again by itself.`;
    line.hidden = false;
  });
  reach.addEventListener("back", () => {
    line.hidden = true;
    announce("jeton answers again.");
  });
}

async function start() {
  watchReach();
  if (await begin()) {
    await enter();
    return;
  }
  const element = document.getElementById("sign-in");
  document.documentElement.classList.remove("waiting");
  sends(element, async ({ username, password }) => {
    await signIn(username, password);
    await enter();
  });
  if (globalThis.first.sent) element.requestSubmit();
  else if (document.activeElement === document.body) element.elements.username.focus();
}

start();
