// All tokens that the signed-in user may see, and the form for the first one where there is none.

import { expiries } from "./checks.js";
import { badge, h, shown, tags } from "./dom.js";
import { mint } from "./mint.js";
import { list } from "./table.js";
import { date, daysFromNow, when } from "./time.js";

const KINDS = { active: "good", expired: "off", disabled: "warn", deleted: "bad" };
const CAUSES = { idle: "nobody used it", leak: "found in the open", undone: "its rotation was undone" };

/** A token's state and why it has it. */
export function state({ status, cause, waits_until, superseded_by }) {
  const rotated = waits_until ? "waits for its first use" : superseded_by && "replaced";
  const more = CAUSES[cause] ?? (status === "active" && rotated);
  return [badge(status, KINDS[status]), more && h("div.small.soft", more)];
}

/** When, from where and by what a token was last used. */
export function lastUse(token) {
  if (!token.last_used_at) return when(null);
  const from = [token.last_used_address, token.last_used_agent].filter(Boolean);
  return [when(token.last_used_at), from.length > 0 && h("div.small.soft", shown(from.join(" · ")))];
}

/** When a token ends. */
export function expiry(token) {
  if (!token.expires_at) return badge("never", "warn");
  return [when(token.expires_at), h("div.small.soft", date(token.expires_at))];
}

/** A token by its id. */
export function link(id, words = h("code", id)) {
  return id && h("a", { href: `#/tokens/${id}` }, words);
}

const COLUMNS = [
  { name: "Name", sort: "name", header: true, cell: (token) => [
    link(token.id, shown(token.name)), h("div.small.soft", token.number)] },
  { name: "State", cell: state },
  { name: "Owner", cell: (token) => shown(token.owner) },
  { name: "Organization", cell: (token) => shown(token.organization) },
  { name: "Privileges", cell: (token) => tags(token.privileges, 3) },
  { name: "Made", sort: "created_at", cell: (token) => date(token.created_at) },
  { name: "Expires", sort: "expires_at", cell: expiry },
  { name: "Last use", sort: "last_used_at", cell: lastUse },
];

/** What the API is asked for by what is filtered; `by` is the last day, in UTC. */
function asked({ expires, by, unused, ...values }) {
  const status = values.status || (expires > 0 || by ? "active" : "");
  const last = Date.parse(by);
  const after = last && new Date(last + 86_400_000).toISOString();
  const expires_before = after || (expires > 0 ? daysFromNow(Number(expires)) : "");
  return { ...values, status, expires_before, unused_since: unused > 0 ? daysFromNow(-unused) : "" };
}

export async function view(context) {
  const { operator, manages } = context.session;
  const states = [["", "all but deleted"], ...Object.keys(KINDS).map((word) => [word, word])];
  const columns = manages ? COLUMNS : COLUMNS.filter(({ name }) => name !== "Owner");
  const found = await list(context, {
    path: "/v1/tokens", one: "token", sort: "-created_at", columns, asked,
    dim: (token) => token.status !== "active",
    filters: [
      { name: "name", label: "Name", type: "search", placeholder: "part of it", autocomplete: "off" },
      { name: "status", label: "State", type: "select", options: states },
    ],
    more: [
      manages && { name: "owner", label: "Owner", autocomplete: "off" },
      { name: "organization", label: "Organization", autocomplete: "off" },
      { name: "privilege", label: "Privilege, to the letter", autocomplete: "off" },
      { name: "expires", label: "Expires within days", type: "number", min: 1 },
      { name: "by", label: "Expires by the end of", type: "date", hint: "A day in UTC." },
      { name: "unused", label: "Unused for days", type: "number", min: 1 },
    ].filter(Boolean),
    empty: "No token yet.",
  });
  // Who has none came to make one.
  const title = operator ? "Tokens" : manages ? "Tokens you manage" : "Your tokens";
  return h("div.stack",
    h("div.head", h("h1", title),
      !found.none && h("a.button.primary", { href: "#/tokens/new" }, "New token")),
    found.none ? [
      await mint(context, "Make your first token"),
      h("p", h("a", { href: "#/tokens?status=deleted" }, "Tokens that were deleted")),
    ] : [found.element, !manages && (await expiries(context)).element]);
}
