// What a token left behind: its checks, where it was found, what it has minted, and what was done with it.

import { query } from "./api.js";
import { history } from "./checks.js";
import { badge, h, nodes, shown, tags } from "./dom.js";
import { swap, watch } from "./live.js";
import { source } from "./rotate.js";
import { table } from "./table.js";
import { count, when } from "./time.js";
import { expiry, lastUse, link, state } from "./tokens.js";

/** Its own checks over time. */
export async function checks(context, { id }) {
  const { element } = await history(context, Object.fromEntries(context.asked), () => ({ token: id }));
  return element;
}

/** Where it was found, if anywhere. */
export async function leaks(context, { id }) {
  const rows = table({
    caption: "Where it was found", key: ({ at, url }) => `${at} ${url}`,
    columns: [
      // No link: whoever reported it chose where it leads.
      { name: "Where", header: true, cell: ({ url }) => (url ? shown(url) : "not said") },
      { name: "In what", cell: (leak) => leak.source && shown(leak.source) },
      { name: "Called", cell: ({ type }) => shown(type) },
      { name: "Reported", cell: ({ at }) => when(at) },
      { name: "By", cell: ({ address }) => source(address) },
    ],
  });
  const element = h("section.card", h("h2", badge("Found in the open", "bad")),
    h("p", "Others can read it, or could: replace it."), rows.element);
  await watch(context, `/v1/tokens/${id}/leaks`, ({ items }) => {
    element.hidden = items.length === 0;
    rows.update(items, count(items.length, "place"));
  });
  return element;
}

/** What it has minted, and they in turn, if anything. */
export async function descendants(context, { id }) {
  const rows = table({
    caption: "Minted by it", dim: (token) => token.status !== "active",
    columns: [
      { name: "Name", header: true, cell: (token) => [link(token.id, shown(token.name)),
        h("div.small.soft", token.number)] },
      { name: "State", cell: state },
      { name: "Minted by", cell: ({ depth, parent }) => (depth === 1 ? "this one" : link(parent)) },
      { name: "Privileges", cell: ({ privileges }) => tags(privileges, 3) },
      { name: "Expires", cell: expiry },
      { name: "Last use", cell: lastUse },
    ],
  });
  const element = h("section.card", h("h2", "What it has minted"), rows.element,
    h("p", h("a", { href: query("#/revocations", { minted_by: id }) }, "End it and all that it has minted")));
  await watch(context, query(`/v1/tokens/${id}/descendants`, { limit: 200, total: true }), ({ items, total }) => {
    element.hidden = items.length === 0;
    const first = total > items.length ? `, the first ${items.length} of them here` : "";
    rows.update(items, `${count(total, "token")} minted by it, and by those in turn${first}`);
  });
  return element;
}

/** What it was given beside what was asked of it. */
export async function privileges(context, { id }) {
  const found = h("div.stack");
  const element = h("section.card", h("h2", "What it was asked for"), found);
  await watch(context, `/v1/tokens/${id}/privileges`, (use) => {
    const { granted, demanded, never, since, asked_openly_at: openly } = use;
    element.hidden = granted.length === 0 && demanded.length === 0;
    const asked = demanded.map((each) => h("li", h("code", shown(each.privilege)), " ", when(each.last_at)));
    swap(found, ...nodes([
      h("p.soft", "Since ", when(since), "."),
      asked.length > 0 ? h("ul", asked) : h("p", "Nobody asked it for a privilege."),
      never.length > 0 && [h("h3", badge("Never asked for", "warn")), tags(never, 20)],
      openly && h("p.note", "Somebody asked about it without saying for what, last ", when(openly),
        ": any of its privileges may have been used then."),
    ]));
  });
  return element;
}

/** Where it is told what was done with it, to who may read that. */
export async function record({ session }, { id, organization }) {
  const asked = { token: id, organization: session.operator ? "" : organization };
  return session.manages && h("p", h("a", { href: query("#/events", asked) }, "What was done by it and to it"));
}
