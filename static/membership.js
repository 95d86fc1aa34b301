// What somebody is in an organization: the fields that making a user, adding a member and changing one have in common,
// and where the signed-in user may fill them in.

import { get, query, segment } from "./api.js";
import { h, shown } from "./dom.js";
import { field, lines } from "./form.js";

/** The path of an organization. */
export const at = (slug) => `/v1/organizations/${segment(slug)}`;

/** Every organization that the signed-in user manages or is in. */
export async function organizations({ signal }) {
  const all = [];
  for (let cursor = ""; cursor !== null;) {
    const page = await get(query("/v1/organizations", { limit: 200, cursor }), { signal });
    all.push(...page.items);
    cursor = page.next_cursor;
  }
  return all;
}

/** Whether the signed-in user manages an organization: its members are shown to nobody else. */
export async function administers({ session, signal }, slug) {
  const { user, organization, operator, manages } = session;
  if (operator || !manages) return operator;
  if (slug === organization?.slug) return user.role === "administrator";
  return get(`${at(slug)}/members/${segment(user.username)}`, { signal }).then(() => true, (error) => {
    if ([403, 404].includes(error.status)) return false;
    throw error;
  });
}

/** The slugs of those that somebody manages, which for an operator is all of them; the home first. */
export async function managed(context) {
  const home = context.session.organization?.slug;
  const slugs = (await organizations(context)).map(({ slug }) => slug);
  const own = await Promise.all(slugs.map((slug) => administers(context, slug)));
  return slugs.filter((_, nth) => own[nth]).sort((one, two) => (two === home) - (one === home));
}

/** Whether somebody may issue tokens: what an administrator has said of them, or else the policy. */
export const ISSUES = { true: "may", false: "may not", null: "as the policy says" };

/** What stands between the roles of an organization. */
export const ROLES = [["member", "member"], ["administrator", "administrator"]];

/** The fields of a membership; `of` is what exists in the organization. */
export function standing({ operator }, of, { role = "member", may_issue = null, privileges = [] } = {}) {
  return [
    field({ label: "Role", name: "role", type: "select", options: ROLES, value: role,
      hint: "An administrator manages the organization, its members and their tokens." }),
    field({ label: "Issuing tokens", name: "may_issue", type: "select", value: String(may_issue),
      options: Object.entries(ISSUES).reverse() }),
    grants(operator, of, privileges),
  ];
}

/** What was filled in. */
export function stated({ role, may_issue, narrower = "" }, element) {
  const ticked = new FormData(element).getAll("privileges");
  return { role, may_issue: JSON.parse(may_issue), privileges: [...new Set([...ticked, ...lines(narrower)])] };
}

function grants(operator, of, had) {
  const own = operator ? ["jeton:admin", "jeton:introspect"] : [];
  const all = [...new Set([...of, ...had, ...own])];
  return h("fieldset", h("legend", "Privileges"),
    all.length > 0 ? h("div.checks",
      all.map((each) => h("label.check",
        h("input", { type: "checkbox", name: "privileges", value: each, checked: had.includes(each) }),
        h("code", shown(each))))) : h("p.hint", "The organization has none."),
    of.some((each) => each.includes("*")) && field({ label: "Narrower ones", name: "narrower", type: "textarea",
      spellcheck: "false", hint: "One a line, such as orders:read. * stands for any domain or any action." }),
    h("div.wrong"));
}
