// The rotation of a token: a successor is made, both are watched, and the old one goes.

import { del, get, post } from "./api.js";
import { announce, badge, facts, h, nodes, shown, toast } from "./dom.js";
import { act, button, confirmByName, field, form } from "./form.js";
import { swap, watch } from "./live.js";
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
export async function rotation(context, { id, owner }, { again, follow }) {
  const path = `/v1/tokens/${id}`;
  const progress = h("div.stack");
  const place = h("div.stack");
  const element = h("section.card", h("h2", "Rotation"), progress, place);
  const offer = offered(context, id, () => Promise.all([look(), again()]));
  const own = owner === context.session.user.username;
  let token = null;
  let waits = false;
  let over = false;

  function render() {
    swap(place, ...nodes([whence(token)]));
    const { status, superseded_by, waits_until } = token;
    offer.update(token.name, own && status === "active" && !superseded_by && !waits_until, waits);
    element.hidden = [progress, place, offer.element].every((each) => each.childElementCount === 0);
  }

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
    await again();
  }

  element.append(offer.element);
  follow((fresh) => {
    token = fresh;
    render();
  });
  const look = await watch(context, `${path}/stragglers`, (found) => {
    const is = found.successor !== null && token.status !== "deleted";
    waits = is && !found.superseded_at;
    if (!over) progress.replaceChildren(...nodes([is && underway(found, finish)]));
    render();
  });
  return element;
}

/** What a token has come in the place of, if anything. */
function whence({ waits_until, replaces }) {
  if (waits_until) {
    return h("p", "It waits for its first use, until ", when(waits_until), ". Then ", link(replaces),
      " gives way to it; else it is deleted.");
  }
  return replaces && h("p", "It has come in the place of ", link(replaces), ".");
}

/**
 * A button that opens the form, which what it has made takes the place of. `update(name, may, more)` says what the
 * token is called by now, whether it can be rotated, and whether a successor waits that another takes the place of.
 */
function offered(context, id, done) {
  const element = h("div.stack");
  let offer = [];
  let opened = false;
  let called = "";
  let attempt = { text: null, key: null };

  function update(name, may, more) {
    called = name;
    offer = may ? [
      h("p", more ? "Another successor takes the place of the one that waits, which is deleted."
        : "A successor gets all that this token has, and a secret of its own."),
      h("div.row", button(more ? "Rotate anew" : "Rotate", open)),
    ] : [];
    if (!opened) swap(element, ...offer);
  }

  function open() {
    opened = true;
    element.replaceChildren(asked({ cancel: close, make }));
    element.querySelector("input:checked").focus();
  }

  function close() {
    opened = false;
    element.replaceChildren(...offer);
    element.querySelector("button")?.focus();
  }

  async function make({ mode, window, linger }) {
    const body = { mode, window: mode === "now" ? undefined : window.trim() || undefined };
    if (mode === "on_first_use") body.linger = linger.trim() || undefined;
    const text = JSON.stringify(body);
    // The same wish again has the same key: what was made by a request whose answer was lost is given again.
    if (attempt.text !== text) attempt = { text, key: crypto.randomUUID() };
    let made;
    const send = async () => {
      made = await post(`/v1/tokens/${id}/rotate`, body, { idempotencyKey: attempt.key });
    };
    if (mode === "now") {
      await confirmByName({
        title: "Rotate at once?", name: called, action: "Rotate", act: send,
        text: "Whatever uses this token fails from its next request on, until it has the new one.",
      });
    } else {
      await send();
    }
    if (!made) return;
    element.replaceChildren(h("div.card.secret", panel(context, made)));
    element.querySelector("button").focus();
    announce("The successor is made. Copy it now: it is shown this once.");
    await done();
  }

  return { element, update };
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
