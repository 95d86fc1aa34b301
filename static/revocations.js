// Many tokens ended in one call: first what that would be, and then exactly that.

import { post, query } from "./api.js";
import { badge, h, shown } from "./dom.js";
import { act, confirm, field, form, wrong } from "./form.js";
import { managed } from "./membership.js";
import { source } from "./rotate.js";
import { table } from "./table.js";
import { count, when } from "./time.js";
import { link } from "./tokens.js";

const KINDS = { active: "good", disabled: "warn", deleted: "bad" };
const DEEDS = {
  disable: { verb: "Disable", done: "disabled", words: "disable them: they can be enabled again" },
  delete: { verb: "Delete", done: "deleted", words: "delete them, for good" },
};
const INSTANTS = ["created_after", "created_before"];

const COLUMNS = [
  { name: "Name", header: true, cell: (token) => [
    link(token.id, shown(token.name)), h("div.small.soft", token.number)] },
  { name: "State", cell: ({ status }) => badge(status, KINDS[status]) },
  { name: "Owner", cell: ({ owner }) => shown(owner) },
  { name: "Organization", cell: ({ organization }) => shown(organization) },
  { name: "Last use", cell: ({ last_used_at: at }) => when(at) },
  { name: "Used from, in the last week", cell: ({ used_from: from }) => from.length > 0 && h("ul", from.map((each) =>
    h("li", [source(each.address), each.agent && [" · ", shown(each.agent)]],
      h("span.small.soft", ` ${count(each.count, "use")}, `, when(each.last_at))))) },
];

export async function view(context) {
  const { session, asked } = context;
  const place = h("div.stack");
  let turn = 0;
  const manages = session.manages ? await managed(context) : [];

  const free = { autocomplete: "off", spellcheck: "false" };
  const plain = (name, label, rest) =>
    field({ label, name: `filter.${name}`, value: asked.get(name) ?? "", ...free, ...rest });
  const element = form({ class: "card", action: "Show what that is", act: plan, oninput: drop },
    h("p", "Say which tokens; all that you say must hold of each. Nothing is ended yet: first you see what would be."),
    h("div.columns",
      session.manages && plain("owner", "Owner", { hint: "A username." }),
      plain("organization", "Organization", { hint: "Its slug." }),
      plain("privilege", "Privilege", { placeholder: "orders:write", hint: "As it was given, to the letter." }),
      plain("minted_by", "A token and all that it minted", { hint: "Its id or number." }),
      plain("last_address", "Last used from", { placeholder: "10.0.0.0/8", hint: "An address or a network." }),
      plain("id_prefix", "Id begins with", { hint: "8 to 32 of its digits, as logs have them." }),
      plain("created_after", "Made since", { type: "datetime-local", hint: "In your time." }),
      plain("created_before", "Made before", { type: "datetime-local", hint: "In your time." })),
    field({ label: "What is to be done", name: "action", type: "select", value: asked.get("action") ?? "disable",
      options: Object.entries(DEEDS).map(([value, { words }]) => [value, words]) }));

  /** A plan is of what was asked, and not of what is typed since. */
  function drop() {
    turn += 1;
    place.replaceChildren();
  }

  async function plan(values) {
    const given = Object.entries(values).filter(([name, value]) => name.startsWith("filter.") && value.trim());
    if (given.length === 0) throw wrong("", "Say something of the tokens: nothing said would be all of them.");
    const typed = Object.fromEntries(given.map(([name, value]) => [name.slice("filter.".length), value.trim()]));
    context.write({ ...typed, action: values.action });
    const filter = { ...typed };
    for (const name of INSTANTS) if (filter[name]) filter[name] = new Date(filter[name]).toISOString();
    await look({ filter, action: values.action });
  }

  /** Shows the plan as it is now; `note` says why once more. */
  async function look(wish, note = null) {
    const { verb, done } = DEEDS[wish.action];
    const mine = ++turn;
    const found = await post("/v1/revocations", { ...wish, dry_run: true });
    // It is of what was asked, and something else stands in the form by now.
    if (mine !== turn) return;
    const these = found.count === 1 ? "it" : `these ${count(found.count)}`;
    show(h("section.card",
      h("h2", found.count === 0 ? "No token is like that" : `${count(found.count, "token")} would be ${done}`),
      note && h("p.note.warn", note),
      found.count === 0 ? h("p", "Only what you may change counts, and what has expired is dead as it is.") : [
        doomed(found),
        h("div.row", act(`${verb} ${these}`, () => carryOut(wish, found), "danger")),
      ]));
  }

  async function carryOut(wish, { count: number, digest }) {
    const { verb, done } = DEEDS[wish.action];
    const wanted = String(number);
    let ended = null;
    let shifted = false;
    const began = new Date();
    const control = field({ label: ["How many are they? Type ", h("b", wanted), " to go on"], name: "typed",
      inputmode: "numeric", autocomplete: "off" });
    await confirm({
      title: `${verb} ${count(number, "token")}?`, action: `${verb} ${number === 1 ? "it" : "them"}`, danger: true,
      text: wish.action === "delete" ? "Whatever uses them fails from its next request on, for good."
        : "Whatever uses them fails from its next request on, until somebody enables them again.",
      async act() {
        try {
          ended = await post("/v1/revocations", { ...wish, dry_run: false, digest });
        } catch (error) {
          if (error.code !== "plan_shifted") throw error;
          shifted = true;
        }
      },
    }, control, ({ typed }) => {
      if (typed.replace(/[\s,.]/g, "") !== wanted) throw wrong("typed", "This isn't how many they are.");
    });
    if (shifted) {
      await look(wish, `Nothing was ${done}: meanwhile others match, or some no more. This is what it would be now.`);
    } else if (ended) {
      show(h("section.card",
        h("h2", `${count(ended.count, "token")} ${ended.count === 1 ? "is" : "are"} ${done}`),
        doomed(ended), event(wish, began)));
    }
  }

  /** Where the record has it: in the organization that was named, or in one's own. */
  function event({ filter }, began) {
    const named = filter.organization ?? session.organization?.slug;
    if (!session.operator && !manages.includes(named)) return null;
    // An hour of grace: the server's clock is another.
    const since = new Date(began - began.getTimezoneOffset() * 60_000 - 3_600_000).toISOString().slice(0, 16);
    const asked = { kind: "revocation.", actor: session.user.username, since };
    const organization = session.operator ? "" : named;
    return h("p", h("a", { href: query("#/events", { ...asked, organization }) }, "What the record says of it"));
  }

  function show(card) {
    place.replaceChildren(card);
    const title = card.querySelector("h2");
    title.tabIndex = -1;
    title.focus();
  }

  return h("div.stack", h("h1", "End many tokens"), element, place);
}

function doomed({ tokens, more, count: number }) {
  const rows = table({ caption: "Tokens", columns: COLUMNS });
  const words = `${count(number, "token")}, the oldest first`;
  rows.update(tokens, more ? `${words}; the first ${count(tokens.length)} are shown` : words);
  return rows.element;
}
