// The page: signs in, shows what the signed-in user may do, and goes from view to view by what stands behind the `#`.
//
// How to write a view:
//  1. A file exports `async function view(context)`, which returns an element whose one h1 names the view. Its line
//     goes into ROUTES below, its `modulepreload` into index.html.
//  2. `context`: `session` (`user`, `organization`, `operator`, `manages`); `params`, what stood for `:name` in the
//     path; `asked`, the address's query, and `write(query)`, which changes it; `signal`, aborted when the view is
//     left; and `hold(question)`, which asks before it is left, until what that returned is called.
//  3. dom.js: `h("p.note", { title }, ...children)` makes everything. What somebody else wrote goes through
//     `shown(text)`, or `plain(text)` in a title. `badge`, `tags`, `facts`, `toast` and `copyButton` are parts.
//  4. api.js: `get`, `post`, `patch`, `put`, `del` throw an `ApiError` whose `words` may be shown; `{ version }` is
//     the If-Match; `query(path, {...})` and `segment(text)` make paths.
//  5. live.js: `await watch(context, path, render)` keeps what it renders true, and returns what asks at once.
//  6. table.js: `await list(context, { path, one, columns, filters })` is a whole list, live, with its `.element`;
//     `table({ caption, columns })` is `.element` and `.update(items)`.
//  7. form.js: `form({ action, act }, field({ label, name, hint }))` shows a refusal at its field; `act(label, does)`
//     is a button that does something; `dialog`, `confirm` and `confirmByName` ask.
//  8. time.js: `when`, `date`, `exactly`, `span`, `count`. style.css: `.stack`, `.row`, `.head`, `.card`, `.columns`,
//     `.note`.

import { view as account } from "./account.js";
import { query, reach } from "./api.js";
import { view as checks } from "./checks.js";
import { announce, h, shown } from "./dom.js";
import { view as events } from "./events.js";
import { act, button, confirm, sends, told } from "./form.js";
import { view as mint } from "./mint.js";
import { view as organization } from "./organization.js";
import { view as organizations } from "./organizations.js";
import { view as revocations } from "./revocations.js";
import { begin, session, signedOut, signIn, signOut } from "./session.js";
import { view as token } from "./token.js";
import { view as tokens } from "./tokens.js";
import { view as user } from "./user.js";
import { view as users } from "./users.js";

/** Each view: its path, what the navigation calls it where it does, and who `may` see it where not everybody. */
const ROUTES = [
  { path: "tokens", label: "Tokens", view: tokens },
  { path: "tokens/new", view: mint },
  { path: "tokens/:id", view: token },
  { path: "users", label: "Users", view: users, may: (who) => who.manages },
  { path: "users/:name", view: user, may: (who) => who.manages },
  { path: "organizations", label: "Organizations", view: organizations },
  { path: "organizations/:slug", view: organization },
  { path: "checks", label: "Checks", may: ({ manages }) => manages, view: checks },
  { path: "events", label: "Events", may: ({ manages }) => manages, view: events },
  { path: "revocations", label: "Incident", view: revocations },
  { path: "account", label: "Account", view: account },
];

const main = document.getElementById("main");
const nav = document.querySelector("nav");
let leaving = new AbortController();
let held = null;
let stands = null;

const allowed = ({ may }) => may?.(session) ?? true;

/** What stands behind the `#`: a path and a query. */
function address() {
  const [path, asked] = location.hash.replace(/^#\/?/, "").split("?");
  return { path: path || ROUTES[0].path, asked: new URLSearchParams(asked) };
}

/** The route of a path, with what stands in it for each `:name`. */
function find(path) {
  const parts = path.split("/");
  for (const route of ROUTES.filter(allowed)) {
    const wanted = route.path.split("/");
    const fits = (part, at) => (part.startsWith(":") ? parts[at] : part === parts[at]);
    if (wanted.length === parts.length && wanted.every(fits)) {
      const named = wanted.map((part, at) => [part.slice(1), read(parts[at])]);
      return { route, params: Object.fromEntries(named) };
    }
  }
  return null;
}

function read(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Goes where the address says, unless the view that stands asks to stay and is let. */
async function go() {
  const wanted = location.hash;
  if (held) {
    history.replaceState(null, "", stands);
    if (document.querySelector("dialog") || !(await confirm(held))) return;
    held = null;
    history.replaceState(null, "", wanted);
  }
  leaving.abort();
  // What was asked over the view goes with it; the question for the password is of no view.
  for (const open of document.querySelectorAll("dialog:not([data-asks])")) open.close();
  leaving = new AbortController();
  const { signal } = leaving;
  const { path, asked } = address();
  const found = find(path);
  stands = location.hash || `#/${path}`;
  navigate(path);
  main.ariaBusy = "true";
  let element;
  try {
    const context = { session, asked, signal, params: found?.params, write, hold };
    element = found ? await found.route.view(context) : message("There is nothing here",
      "Either the address is wrong, or it isn't yours to see.");
  } catch (error) {
    if (signal.aborted) return;
    element = error.status === 404 ? message("Not found", "It doesn't exist, or it isn't yours to see.")
      : message("This can't be shown", told(error), button("Try again", go));
  }
  if (signal.aborted) return;
  main.ariaBusy = null;
  main.replaceChildren(element);
  const title = element.querySelector("h1");
  document.title = `${title.textContent} – jeton`;
  title.tabIndex = -1;
  (element.querySelector("[data-first]") ?? title).focus();
  scrollTo(0, 0);
}

function message(title, text, ...more) {
  return h("div.stack", h("h1", title), h("p.note", text),
    h("div.row", more, h("a.button", { href: "#/" }, "Go to the start")));
}

/** Keeps a view's state in the address, without going anywhere. */
function write(state) {
  stands = query(`#/${address().path}`, state);
  history.replaceState(null, "", stands);
}

/** Asks before the view is left; `question` is a `confirm`'s. */
function hold(question) {
  held = question;
  return () => {
    if (held === question) held = null;
  };
}
addEventListener("beforeunload", (event) => held && event.preventDefault());

function navigate(path) {
  const [top] = path.split("/");
  nav.replaceChildren(...ROUTES.filter((route) => route.label && allowed(route)).map((route) =>
    h("a", { href: `#/${route.path}`, "aria-current": route.path === top && "page" }, route.label)));
  nav.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

/** Shows the frame of whoever is signed in, and the view. */
function enter() {
  const who = document.querySelector(".who");
  who.replaceChildren(h("a", { href: "#/account", title: "Your account" }, shown(session.user.username)),
    act("Sign out", signOut, "quiet"));
  who.hidden = false;
  nav.hidden = false;
  if (location.hash.length <= 2) history.replaceState(null, "", `#/${ROUTES[0].path}`);
  addEventListener("hashchange", go);
  document.addEventListener("click", ({ target }) => {
    // A link to where one is already: the browser does nothing, but who presses it wants it anew.
    if (target.closest("a")?.getAttribute("href") === location.hash) go();
  });
  document.documentElement.classList.remove("waiting");
  return go();
}

/** Says since when the server doesn't answer. */
function watchReach() {
  const words = h("span");
  const line = h("div.row", { hidden: true }, words, button("Ask now", () => reach.ask()));
  document.getElementById("banner").append(line, signedOut);
  reach.addEventListener("lost", () => {
    const since = reach.since.toLocaleString("en-GB");
    words.textContent = `jeton can't be reached since ${since}. What is shown is from then.`;
    line.hidden = false;
  });
  reach.addEventListener("back", () => {
    line.hidden = true;
    announce("jeton answers again.");
  });
}

async function start() {
  watchReach();
  document.querySelector(".skip").addEventListener("click", (event) => {
    // What stands behind the `#` is a view's.
    event.preventDefault();
    main.focus();
  });
  if (await begin()) {
    await enter();
    return;
  }
  const form = document.getElementById("sign-in");
  document.documentElement.classList.remove("waiting");
  sends(form, async ({ username, password }) => {
    await signIn(username, password);
    await enter();
  });
  const { sent } = globalThis.first;
  // What was typed is kept nowhere.
  globalThis.first = null;
  if (sent) form.requestSubmit();
  else if (document.activeElement === document.body) form.elements.username.focus();
}

start();
