// The users that somebody manages, and the form for a new one.

import { RULE } from "./account.js";
import { get, post, segment } from "./api.js";
import { badge, h, plain, shown, toast } from "./dom.js";
import { dialog, field, form, wrong } from "./form.js";
import { at, managed, ROLES, standing, stated } from "./membership.js";
import { list } from "./table.js";
import { date } from "./time.js";

/** Whether a user can sign in, and whether they operate the whole instance. */
export function state({ active, operator }) {
  return [active ? badge("active", "good") : badge("disabled", "warn"), operator && h("div.small.soft", "operator")];
}

/** First and last name in one. */
export function fullName({ first_name, last_name }) {
  return [first_name, last_name].filter(Boolean).join(" ");
}

const COLUMNS = [
  { name: "Username", sort: "username", header: true, cell: ({ username }) =>
    h("a", { href: `#/users/${segment(username)}` }, shown(username)) },
  { name: "Name", cell: (user) => [
    fullName(user) && h("div", shown(fullName(user))), user.title && h("div.small.soft", shown(user.title))] },
  { name: "E-mail", cell: ({ email }) => email && shown(email) },
  { name: "Organization", cell: ({ organization }) => shown(organization) },
  { name: "Role", cell: ({ role }) => role ?? h("span.soft", "left it") },
  { name: "State", cell: state },
  { name: "Made", sort: "created_at", cell: ({ created_at }) => date(created_at) },
];

export async function view(context) {
  const { operator } = context.session;
  // Who operates the instance sees everybody; any other asks about one organization, which has to be theirs.
  const own = operator ? [] : await managed(context);
  const choice = (label, name, ...options) => ({ label, name, type: "select", options: [["", "any"], ...options] });
  const where = { label: "Organization", name: "organization" };
  const found = await list(context, {
    path: "/v1/users", one: "user", sort: "created_at", columns: COLUMNS,
    dim: ({ active }) => !active,
    asked: (values) => ({ ...values, organization: values.organization || own[0] }),
    filters: [
      { name: "name", label: "Name", type: "search", placeholder: "part of it, or of the e-mail", autocomplete: "off" },
      operator ? { ...where, autocomplete: "off" }
        : { ...where, type: "select", options: own.map((slug, nth) => [nth ? slug : "", slug]) },
      choice("State", "active", ["true", "active"], ["false", "disabled"]),
    ],
    more: [choice("Role", "role", ...ROLES), choice("Operator", "operator", ["true", "yes"], ["false", "no"])],
  });
  return h("div.stack",
    h("div.head", h("h1", operator ? "Users" : "Users you manage"),
      h("button.primary", { type: "button", onclick: () => make(context, own) }, "New user")),
    found.element);
}

/** Asks for a new user, and goes to them. */
async function make(context, own) {
  const { operator, organization } = context.session;
  const home = operator ? organization?.slug ?? "" : own[0];
  const rest = h("div.stack");
  const where = { label: "Organization", name: "organization", value: home, required: true, onchange: choose };
  const personal = (label, name, more) => field({ label, name, autocomplete: "off", maxlength: 100, ...more });

  async function choose({ target }) {
    const place = target.closest(".field").querySelector(".wrong");
    place.textContent = "";
    try {
      const { privileges } = await get(`${at(target.value)}/privileges`);
      rest.replaceChildren(...standing(context.session, privileges));
    } catch (error) {
      rest.replaceChildren();
      place.textContent = error.status === 404 ? "There is no such organization." : error.words;
    }
  }

  const element = dialog("New user", form({
    action: "Make the user",
    cancel: () => element.close(),
    async act(values, form) {
      if (!values.role) throw wrong("organization", "There is no such organization.");
      const { username, password, email, first_name, last_name, title, organization } = values;
      const body = { username, password, first_name, last_name, title, organization, ...stated(values, form) };
      if (body.may_issue === null) delete body.may_issue;
      await post("/v1/users", { ...body, email: email || undefined, operator: values.operator ? true : undefined });
      element.close();
      toast(`${plain(username)} is made.`);
      location.hash = `#/users/${segment(username)}`;
    },
  },
  field({ label: "Username", name: "username", required: true, maxlength: 64, autocomplete: "off",
    autocapitalize: "none", spellcheck: "false", hint: "a–z, 0–9 and . _ @ -. It stays as it is for good." }),
  field({ label: "Password", name: "password", type: "password", required: true, autocomplete: "new-password",
    hint: RULE }),
  h("div.columns", personal("First name", "first_name"), personal("Last name", "last_name"),
    personal("E-mail", "email", { type: "email" }), personal("Title", "title", { hint: "What they do." })),
  operator ? field({ ...where, autocomplete: "off", spellcheck: "false" })
    : field({ ...where, type: "select", options: own.map((slug) => [slug, slug]) }),
  rest,
  operator && field({ label: "Operator", name: "operator", type: "checkbox",
    hint: "They may do everything on the whole instance." })), { wide: true });
  if (home) await choose({ target: element.querySelector("[name=organization]") });
}
