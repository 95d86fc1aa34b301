// The organizations that the signed-in user manages or is in, and the form for a new one.

import { post, segment } from "./api.js";
import { badge, h, plain, shown, tags, toast } from "./dom.js";
import { dialog, field, form, lines } from "./form.js";
import { list } from "./table.js";
import { date } from "./time.js";

/** Whether an organization's tokens can be good. */
export function state({ enabled, policy }) {
  if (!enabled) return badge("disabled", "warn");
  return policy.api_access ? badge("enabled", "good") : badge("API access off", "warn");
}

const COLUMNS = [
  { name: "Name", header: true, cell: ({ slug, name }) => [
    h("a", { href: `#/organizations/${segment(slug)}` }, shown(name)), h("div.small.soft", slug)] },
  { name: "State", cell: state },
  { name: "Owner", cell: ({ owner }) => (owner ? shown(owner) : h("span.soft", "nobody")) },
  { name: "Privileges", cell: ({ privileges }) => tags(privileges, 3) },
  { name: "Number", cell: ({ number }) => number },
  { name: "Made", cell: ({ created_at }) => date(created_at) },
];

export async function view(context) {
  const { operator } = context.session;
  const found = await list(context, {
    path: "/v1/organizations", one: "organization", columns: COLUMNS, total: false, dim: ({ enabled }) => !enabled,
  });
  return h("div.stack",
    h("div.head", h("h1", operator ? "Organizations" : "Your organizations"),
      operator && h("button.primary", { type: "button", onclick: make }, "New organization")),
    found.element);
}

/** Asks for a new organization, and goes to it. */
function make() {
  const element = dialog("New organization", form({
    action: "Make the organization",
    cancel: () => element.close(),
    async act({ slug, name, description, owner, privileges }) {
      const some = lines(privileges);
      await post("/v1/organizations", {
        slug, name: name || undefined, description, owner: owner || undefined,
        privileges: some.length > 0 ? some : undefined,
      });
      element.close();
      toast(`${plain(slug)} is made.`);
      location.hash = `#/organizations/${segment(slug)}`;
    },
  },
  field({ label: "Slug", name: "slug", required: true, maxlength: 63, autocomplete: "off", autocapitalize: "none",
    spellcheck: "false", hint: "Its short name in requests: a–z, 0–9 and -. It stays as it is for good." }),
  field({ label: "Name", name: "name", maxlength: 200, autocomplete: "off", hint: "The slug, if it is left empty." }),
  field({ label: "Description", name: "description", type: "textarea" }),
  field({ label: "Owner", name: "owner", autocomplete: "off", autocapitalize: "none", spellcheck: "false",
    hint: "The name of a user, who becomes its administrator." }),
  field({ label: "Privileges", name: "privileges", type: "textarea", spellcheck: "false",
    hint: "What is to exist in it, one a line, such as orders:read. *:*, if it is left empty." })));
}
