// What was done: the list with its filters, what is filtered as a file, and whether the record is sound.

import { get, query } from "./api.js";
import { picker } from "./checks.js";
import { h, shown, toast } from "./dom.js";
import { act } from "./form.js";
import { KINDS, said, short } from "./kinds.js";
import { managed } from "./membership.js";
import { list } from "./table.js";
import { count, when } from "./time.js";
import { link } from "./tokens.js";

/** How much a file holds at the most: pages, and events on each. */
const CSV = { pages: 10, limit: 10_000 };
const JSON_ = { pages: 50, limit: 200 };
/** How long a walk along very many events may take, in milliseconds. */
const LONG = 300_000;
const most = ({ pages, limit }) => count(pages * limit);

const CREDENTIALS = {
  local: "at the command line, or jeton itself", password: "by password", session: "signed in", token: "by token",
  nobody: "nobody known",
};

/** Who did it, by what credential, and from where. */
function who({ actor, actor_username: name, actor_user: user, actor_token: token, address, organization }, near) {
  const person = name ? h("a", { href: query("#/events", { actor: name, ...near(organization) }) }, shown(name))
    : user && h("span", { title: user }, "a user who is gone");
  return [person && h("div", person),
    h("div.small.soft", CREDENTIALS[actor] ?? shown(actor), token && [" ", link(token, short(token))],
      address && [" from ", shown(address)])];
}

/** To what it was done. */
function about({ object_kind: kind, object, organization }, near) {
  if (!object) return h("span.soft", "none");
  return h("span", `${kind} `, kind === "token" ? link(object, short(object))
    : h("a", { href: query("#/events", { object, ...near(organization) }) }, short(object)));
}

/** `near(organization)` is what keeps a link within it, for who asks about one at a time. */
const columns = (near) => [
  { name: "What", header: true, cell: (event) => [said(event), h("div.small.soft", h("code", event.kind))] },
  { name: "When", sort: "sequence", cell: ({ at, sequence }) => [
    when(at), h("div.small.soft", `${new Date(at).toLocaleString("en-GB")} · № ${sequence}`)] },
  { name: "Who", cell: (event) => who(event, near) },
  { name: "About", cell: (event) => about(event, near) },
  { name: "Organization", cell: ({ organization }) => organization && shown(organization) },
];

export async function view(context) {
  const { session } = context;
  const slugs = await managed(context);
  const kind = context.asked.get("kind") ?? "";
  const kinds = KINDS.some(([value]) => value === kind) ? KINDS : [...KINDS, [kind, kind]];
  const near = (organization) => (session.operator ? {} : { organization });
  let last = {};

  function asked({ since, until, organization, ...values }) {
    last = { ...values, since: instant(since), until: instant(until),
      organization: organization || (session.operator ? "" : slugs[0]) };
    return last;
  }

  // Who operates nothing asks about one organization: the list's own place says which.
  if (!session.operator && !context.asked.get("organization")) context.asked.set("organization", slugs[0]);
  const place = picker(session, slugs, {});
  const options = [...place.querySelectorAll("option")].map((option) => [option.value, option.textContent]);
  const found = await list(context, {
    path: "/v1/events", one: "event", sort: "-sequence", columns: columns(near), asked, total: false,
    key: ({ sequence }) => sequence,
    filters: [
      { name: "kind", label: "What", type: "select", options: kinds },
      { name: "actor", label: "Who", type: "search", placeholder: "a username", autocomplete: "off" },
      { name: "since", label: "Since", type: "datetime-local" },
      { name: "until", label: "Until", type: "datetime-local" },
    ],
    more: [
      options.length > 1 && { name: "organization", label: "Organization", type: "select", options },
      { name: "token", label: "Token, by its id or number", autocomplete: "off" },
      { name: "object", label: "About, by its id", autocomplete: "off" },
    ].filter(Boolean),
    empty: "Nothing was done yet.",
  });

  return h("div.stack",
    h("h1", "Events"),
    found.element,
    h("div.columns",
      h("section.card", h("h2", "Save them"),
        h("p", `What is filtered above: up to ${most(CSV)} events as a table, or up to ${most(JSON_)} as JSON.`),
        h("div.row", act("Save as CSV", () => save(last, "csv", csv)),
          act("Save as JSON", () => save(last, "json", json)))),
      session.operator && check()));
}

/** A moment of the reader's as the API has it. */
function instant(text) {
  const at = new Date(text ?? "");
  return Number.isNaN(at.valueOf()) ? "" : at.toISOString();
}

/** Whether the record is whole and as it was written. */
function check() {
  const verdict = h("p", { role: "status", hidden: true });

  async function verify() {
    verdict.hidden = true;
    const { sound, count: good, first_bad: bad, problem } = await get("/v1/events/verify", { patience: LONG });
    const events = count(good, "event");
    verdict.className = sound ? "note" : "refusal";
    verdict.textContent = sound ? `The record is sound: ${events}, each as it was written, and none missing.`
      : `The record isn't sound from event ${bad} on: ${problem}. Before it, ${events} ${good === 1 ? "is" : "are"}.`;
    verdict.hidden = false;
  }

  return h("section.card", h("h2", "Is the record whole?"),
    h("p", "Each event is linked to the one before. This walks along all of them."),
    h("div.row", act("Check the record", verify)), verdict);
}

/** Saves what `read` gathers, as a file. */
async function save(asked, ending, read) {
  const { parts, events, more, type } = await read(asked);
  const url = URL.createObjectURL(new Blob(parts, { type }));
  h("a", { href: url, download: `jeton-events-${new Date().toISOString().slice(0, 10)}.${ending}` }).click();
  // The browser reads it a moment later.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  const rest = more ? " There are more: narrow the filter to get at those." : "";
  toast(`${count(events, "event")} saved.${rest}`);
}

async function csv(asked) {
  const parts = [];
  let events = 0;
  let path = query("/v1/events", { ...asked, format: "csv", limit: CSV.limit });
  for (let page = 0; path && page < CSV.pages; page += 1) {
    const { text, link: next } = await get(path, { raw: "text/csv", patience: LONG });
    // Each page names its columns anew. No value has a line's end in it.
    const rows = text.split("\r\n").slice(page === 0 ? 0 : 1).join("\r\n");
    events += text.split("\r\n").length - 2;
    parts.push(rows);
    path = /^<([^>]+)>; rel="next"$/.exec(next ?? "")?.[1];
  }
  return { parts, events, more: Boolean(path), type: "text/csv" };
}

async function json(asked) {
  const items = [];
  let cursor = "";
  for (let page = 0; cursor !== null && page < JSON_.pages; page += 1) {
    const found = await get(query("/v1/events", { ...asked, cursor, limit: JSON_.limit }));
    items.push(...found.items);
    cursor = found.next_cursor;
  }
  const parts = [JSON.stringify(items, null, 2), "\n"];
  return { parts, events: items.length, more: cursor !== null, type: "application/json" };
}
