// Who is signed in: the form, signing in again over a view, and signing out. It is kept in memory alone.

import { del, exchange, forget, whenAsked } from "./api.js";
import { h } from "./dom.js";
import { button, dialog, field, form } from "./form.js";

/** The server's word on it: `user`, `organization`, `privileges`, `operator`, `manages` and its instants. */
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
    if (error.status === 401) error.message = "No user has this name and password: check both";
    throw error;
  }
}

/** Ends the session and drops everything that was loaded. */
export async function signOut() {
  await del("/v1/session").catch((error) => {
    if (error.status !== 401) throw error;
  });
  // Without a fragment it is another document: a whole load, in which nothing of this one is left.
  location.replace(location.pathname);
}

// What the browser kept whole, or what stands in another tab, may be of another user than who is signed in by now.
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
document.addEventListener("visibilitychange", async () => {
  if (document.hidden || !session || asking) return;
  const now = await exchange("GET", "/v1/session", undefined, { watching: true }).catch(() => null);
  if (now && now.user.id !== session.user.id) location.reload();
  if (!now) return;
  // Signed in again in another tab.
  session = now;
  signedOut.hidden = true;
});

let asking = null;

/** Asks for the password, but for one at a time. */
function askOnce(ended) {
  asking ??= ask(ended).finally(() => { asking = null; });
  return asking;
}
whenAsked(askOnce);

/** Asks over the view, which keeps what was typed; resolves to whether the same user has signed in. */
function ask(ended) {
  const before = session.user;
  return new Promise((resolve) => {
    let good = false;
    const name = { autocomplete: "username", autocapitalize: "none", spellcheck: "false", readonly: !ended };
    const secret = { type: "password", autocomplete: "current-password", autofocus: true, required: true };
    const element = dialog(ended ? "Sign in again" : "Is it still you?", form({
      action: ended ? "Sign in" : "Go on",
      cancel: () => element.close(),
      async act({ username, password }) {
        await signIn(username, password);
        if (session.user.id !== before.id) {
          forget();
          location.reload();
          return;
        }
        good = true;
        element.close();
      },
    },
    h("p", ended ? "Your session has ended. What stands here stays as it is; sign in to go on."
      : "You signed in a while ago, and this needs your password once more."),
    field({ label: "Username", name: "username", value: before.username, required: true, ...name }),
    field({ label: "Password", name: "password", ...secret })), {
      "data-asks": true,
      onclose() {
        signedOut.hidden = good || !ended;
        resolve(good);
      },
    });
  });
}

/** Stands in the banner for whoever didn't sign in again; while it does, nothing is asked by itself. */
export const signedOut = h("div.row", { hidden: true, "data-asks": true },
  h("span", "You are signed out. What is shown is from before."), button("Sign in", () => askOnce(true)));
