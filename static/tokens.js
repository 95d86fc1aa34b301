// All tokens that the signed-in user may see, and the form for the first one where there is none.

import { badge, h, shown, tags } from "./dom.js";
import { mint } from "./mint.js";
import { list } from "./table.js";
import { date, daysFromNow, when } from "./time.js";

const KINDS = { active: "good", expired: "off", disabled: "warn", deleted: "bad" };
const CAUSES = { idle: "nobody used it", leak: "it was found where others can read it", undone: "its rotation was undone" };

/** A token's state: its status, or what it waits for. */
export function state(token) {
  const why = CAUSES[token.cause];
  const word = why ? `${token.status}: ${why}` : token.status;
  const more = token.status === "active" && (token.waits_until ? "waits for its first use" : token.superseded_by ? "replaced" : null);
  return [badge(word, KINDS[token.status]), more && h("div", { class: "small soft" }, more)];
}

/** When, from where and by what a token was last used. */
export function lastUse(token) {
  if (!token.last_used_at) return when(null);
  const from = [token.last_used_address, token.last_used_agent].filter(Boolean);
  return [when(token.last_used_at), from.length > 0 && h("div", { class: "small soft" }, shown(from.join(" · ")))];
}

/** When a token ends. */
export function expiry(token) {
  if (!token.expires_at) return badge("never", "warn");
  return [when(token.expires_at), h("div", { class: "small soft" }, date(token.expires_at))];
}

const COLUMNS = [
  { name: "Name", sort: "name", header: true, cell: (token) => [
    h("a", { href: `#/tokens/${token.id}` }, shown(token.name)), h("div", { class: "small soft" }, token.number)] },
  { name: "State", cell: state },
  { name: "Owner", cell: (token) => shown(token.owner) },
  { name: "Organization", cell: (token) => shown(token.organization) },
  { name: "Privileges", cell: (token) => tags(token.privileges, 3) },
  { name: "Made", sort: "created_at", cell: (token) => date(token.created_at) },
  { name: "Expires", sort: "expires_at", cell: expiry },
  { name: "Last use", sort: "last_used_at", cell: lastUse },
];

/** What the API is asked for by what is filtered. */
function asked({ expires, unused, ...values }) {
  const soon = Number(expires) > 0 && { expires_before: daysFromNow(Number(expires)), status: values.status || "active" };
  return { ...values, ...soon, unused_since: Number(unused) > 0 ? daysFromNow(-Number(unused)) : "" };
}

export async function view(context) {
  const { operator, manages } = context.session;
  const columns = manages ? COLUMNS : COLUMNS.filter(({ name }) => name !== "Owner");
  const found = await list(context, {
    path: "/v1/tokens", one: "token", sort: "-created_at", columns, asked,
    dim: (token) => token.status !== "active",
    filters: [
      { name: "name", label: "Name", type: "search", placeholder: "part of it", autocomplete: "off" },
      { name: "status", label: "State", type: "select", options: [["", "all but deleted"], ...Object.keys(KINDS).map((word) => [word, word])] },
    ],
    more: [
      manages && { name: "owner", label: "Owner", autocomplete: "off" },
      { name: "organization", label: "Organization", autocomplete: "off" },
      { name: "privilege", label: "Privilege, to the letter", autocomplete: "off" },
      { name: "expires", label: "Expires within days", type: "number", min: 1 },
      { name: "unused", label: "Unused for days", type: "number", min: 1 },
    ].filter(Boolean),
    empty: () => "No token yet.",
  });
  // Who has none came to make one.
  return h("div", { class: "stack" },
    h("div", { class: "head" }, h("h1", null, operator ? "Tokens" : manages ? "Tokens you manage" : "Your tokens"),
      !found.none && h("a", { class: "button primary", href: "#/tokens/new" }, "New token")),
    found.none ? [
      await mint(context, "Make your first token"),
      h("p", { class: "soft" }, "Tokens that were deleted are ", h("a", { href: "#/tokens?status=deleted" }, "still told of"), "."),
    ] : found.element);
}
