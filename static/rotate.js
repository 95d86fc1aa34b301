// The rotation of a token: a successor is made, both are watched, and the old one goes.

import { del, get, post } from "./api.js";
import { announce, badge, facts, h, nodes, shown, toast } from "./dom.js";
import { act, button, confirmByName, field, form } from "./form.js";
import { watch } from "./live.js";
import { panel } from "./mint.js";
import { table } from "./table.js";
import { count, exactly, when } from "./time.js";
import { link } from "./tokens.js";

const MODES = [
  ["on_first_use", "When the new one is used", `Both are good until then, and this one for the linger after it. If the
    new one isn't used within the window, it is deleted, and this one stays as it is.`],
  ["overlap", "After a while", `Both are good for the window; then this one is dead, whether the new one is used or
    not.`],
  ["now", "At once", "This one is dead as soon as the new one is made. That can't be undone."],
];

/** What a token's view shows of its rotation. */
export async function rotation(context, token, changed) {
  const path = `/v1/tokens/${token.id}`;
  const place = h("div.stack");
  const element = h("section.card", h("h2", "Rotation"), place);
  const own = token.owner === context.session.user.username;
  let ask = null;
  let over = false;

  /** Shows how far it has come, where there is one at all. */
  async function look() {
    if (ask) return ask();
    const progress = h("div.stack");
    const known = await get(`${path}/stragglers`, { signal: context.signal });
    if (known.successor === null) return;
    ask = await watch(context, `${path}/stragglers`, (found) => {
      if (!over) progress.replaceChildren(...nodes([found.successor !== null && underway(found, finish)]));
    });
    place.prepend(progress);

    async function finish() {
      const { change_sequence: version, name } = await get(path);
      const gone = await confirmByName({
        title: "Delete the old token?", name, action: "Delete it for good",
        text: "Its successor stays. Whatever still uses the old one fails from its next request on.",
        act: () => del(path, { version }),
      });
      if (!gone) return;
      over = true;
      progress.replaceChildren(h("p", badge("It is deleted: the rotation is finished", "good")));
      toast("The old token is deleted: the rotation is finished.");
      await changed();
    }
  }

  const made = () => Promise.all([look(), changed()]);
  if (token.status !== "deleted") await look();
  if (token.waits_until) {
    place.append(h("p", "It waits for its first use, until ", when(token.waits_until), ". Then ", link(token.replaces),
      " gives way to it; else it is deleted."));
  } else if (token.replaces) {
    place.append(h("p", "It has come in the place of ", link(token.replaces), "."));
  }
  if (own && token.status === "active" && !token.superseded_by && !token.waits_until) {
    place.append(opening(context, token, made, ask !== null));
  }
  return place.childElementCount > 0 ? element : null;
}

/** A button that opens the form, which what it has made takes the place of. */
function opening(context, token, done, again) {
  const place = h("div.stack",
    h("p", again ? "Another successor takes the place of the one that waits, which is deleted."
      : "A successor gets all that this token has, and a secret of its own."),
    h("div.row", button(again ? "Rotate anew" : "Rotate", open)));
  let attempt = { text: null, key: null };

  function open() {
    const cancel = () => place.replaceWith(opening(context, token, done, again));
    place.replaceChildren(asked({ cancel, make }));
    place.querySelector("input:checked").focus();
  }

  async function make({ mode, window, linger }) {
    const body = { mode, window: mode === "now" ? undefined : window.trim() || undefined };
    if (mode === "on_first_use") body.linger = linger.trim() || undefined;
    const text = JSON.stringify(body);
    // The same wish again has the same key: what was made by a request whose answer was lost is given again.
    if (attempt.text !== text) attempt = { text, key: crypto.randomUUID() };
    let made;
    const send = async () => {
      made = await post(`/v1/tokens/${token.id}/rotate`, body, { idempotencyKey: attempt.key });
    };
    if (mode === "now") {
      await confirmByName({
        title: "Rotate at once?", name: token.name, action: "Rotate", act: send,
        text: "Whatever uses this token fails from its next request on, until it has the new one.",
      });
    } else {
      await send();
    }
    if (!made) return;
    place.replaceChildren(h("div.card.secret", panel(context, made)));
    place.querySelector("button").focus();
    announce("The successor is made. Copy it now: it is shown this once.");
    await done();
  }

  return place;
}

function asked({ cancel, make }) {
  const window = field({ label: "Window", name: "window", placeholder: "24h", spellcheck: "false",
    hint: "1s to 30d; empty for 24h." });
  const linger = field({ label: "Linger", name: "linger", placeholder: "5m", spellcheck: "false",
    hint: "How long this one is good after the new one's first use: 0s to 7d; empty for 5m." });
  const onchange = ({ target }) => {
    window.hidden = target.value === "now";
    linger.hidden = target.value !== "on_first_use";
  };
  return form({ action: "Make the successor", act: make, cancel },
    h("fieldset", h("legend", "When does this token give way?"), MODES.map(([value, words, meaning], at) =>
      h("label.check", h("input", { type: "radio", name: "mode", value, checked: at === 0, onchange }),
        h("span", words, h("br"), h("span.hint", meaning)))), h("div.wrong")),
    h("div.columns", window, linger));
}

/** How far it has come. */
function underway({ successor, superseded_at, dies_at, stragglers, safe_to_finish }, finish) {
  const left = stragglers.length;
  const rows = table({
    caption: "Who still uses the old one", key: ({ address, agent }) => `${address} ${agent}`,
    columns: [
      { name: "By", header: true, cell: ({ agent }) => (agent ? shown(agent) : "no name") },
      { name: "From", cell: ({ address }) => source(address) },
      { name: "Last", cell: ({ last_at }) => when(last_at) },
      { name: "Uses since", cell: (each) => count(each.count) },
    ],
  });
  rows.update(stragglers);
  const dead = dies_at && new Date(dies_at) <= new Date();
  return [
    facts(
      ["Successor", link(successor)],
      ["It took over", superseded_at ? exactly(superseded_at) : "not yet: it waits for its first use"],
      [dead ? "The old one died" : "The old one dies", exactly(dies_at)],
    ),
    left > 0 && rows.element,
    h("p", safe_to_finish ? badge("Safe to finish: the successor is in use, and nothing uses the old one", "good")
      : badge(left > 0 ? `${count(left, "client still uses", "clients still use")} the old one`
        : "The successor isn't used yet", "warn")),
    superseded_at && h("div.row", act("Finish: delete the old one", finish, "danger")),
  ];
}

/** An address that something came from. */
export function source(address) {
  if (address === "others") return "others, that aren't told apart";
  return address ? shown(address) : "a Unix socket";
}
