// Runs before anything is painted: asks who is signed in while the modules still come, and keeps the sign-in form out
// of sight where the address leads to a view, so that a reload by somebody signed in doesn't show it for a moment.
"use strict";

const { classList } = document.documentElement;
if (location.hash.length > 2) {
  classList.add("waiting");
  // Should the modules never come, what there is is better than nothing.
  setTimeout(() => classList.remove("waiting"), 5_000);
}

globalThis.first = {
  session: fetch("v1/session", { headers: { "Jeton-Page": "1" }, cache: "no-store" }).catch(() => null),
  // A form that was sent before the modules were there; app.js takes it up.
  sent: null,
};

// No form of this page is ever sent by the browser itself: what is typed would end in the address.
document.addEventListener("submit", (event) => {
  event.preventDefault();
  if (globalThis.first) globalThis.first.sent = event.target;
});
