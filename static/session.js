// Who is signed in: the form, signing in again over a view, and signing out. Nothing of it is kept but in memory.

import { ApiError, del, exchange, forget, whenAsked } from "./api.js";
import { h } from "./dom.js";
import { dialog, field, form } from "./form.js";

/** What the server says of the session: `user`, `organization`, `privileges`, `operator`, `manages` and its instants. */
export let session = null;

/** Takes up the question that first.js asked; whether somebody is signed in. */
export async function begin() {
  const response = await globalThis.first.session;
  if (response?.ok) session = await response.json();
  else if (response?.status !== 401) session = await exchange("GET", "/v1/session").catch(() => null);
  return session !== null;
}

/** Signs in, or throws why not. */
export async function signIn(username, password) {
  try {
    session = await exchange("POST", "/v1/session", { username, password });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    throw Object.assign(error, { message: "No user has this name and password. Check both, capital letters too" });
  }
}

/** Ends the session and drops everything that was loaded. */
export async function signOut() {
  await del("/v1/session").catch((error) => {
    if (error.status !== 401) throw error;
  });
  // Without a fragment it is another document: a whole load, in which nothing of this one is left.
  location.replace("/");
}

// A page that the browser kept whole may show what somebody else has loaded.
addEventListener("pageshow", (event) => event.persisted && location.reload());

let asking = null;

whenAsked((ended) => {
  asking ??= ask(ended).finally(() => { asking = null; });
  return asking;
});

/** Asks for the password over the view, which keeps what was typed; whether somebody who may has signed in. */
function ask(ended) {
  const before = session;
  return new Promise((resolve) => {
    let good = false;
    const text = ended
      ? "Your session has ended. What you see and typed here stays; sign in to go on."
      : "This can't be undone, so type your password again. You signed in a while ago.";
    const element = dialog(ended ? "Sign in again" : "Is it still you?", form({
      action: ended ? "Sign in" : "Go on",
      cancel: () => element.close(),
      async act({ username, password }) {
        await signIn(username, password);
        if (session.user.id !== before.user.id) {
          forget();
          location.reload();
          return;
        }
        good = true;
        element.close();
      },
    }, h("p", null, text),
    field({ label: "Username", name: "username", value: before.user.username, autocomplete: "username", autocapitalize: "none", spellcheck: "false", readonly: !ended, required: true }),
    field({ label: "Password", name: "password", type: "password", autocomplete: "current-password", autofocus: true, required: true })),
    { "data-asks": true, onclose: () => {
      signedOut.hidden = good || !ended;
      resolve(good);
    } });
  });
}

/** Stands in the banner once somebody chose not to sign in again; while it does, nothing is asked by itself. */
const signedOut = h("div", { hidden: true, class: "row" },
  h("span", null, "You are signed out. What is shown is from before."),
  h("button", { type: "button", onclick: () => { asking ??= ask(true).finally(() => { asking = null; }); } }, "Sign in"));

export { signedOut };
