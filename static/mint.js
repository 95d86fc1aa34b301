// A new token: the form, and its secret, which is shown once and kept nowhere but in what is shown.

import { below, get, post, segment } from "./api.js";
import { announce, copyButton, h, nodes, shown, tags } from "./dom.js";
import { act, confirm, field, form, lines, told } from "./form.js";
import { at, organizations } from "./membership.js";
import { count, seconds, span } from "./time.js";

export async function view(context) {
  return h("div.stack", h("h1", "New token"), await mint(context));
}

/** The form as a card; what it makes takes its place. */
export async function mint(context, title = null) {
  const { user, organization } = context.session;
  const home = organization?.slug;
  const all = await organizations(context);
  const slugs = [...new Set([home, ...all.map(({ slug }) => slug)])].filter(Boolean);
  if (slugs.length === 0) return h("p.note", "You are in no organization, and tokens are made in one.");
  const card = h("section.card.medium", { "aria-label": title ?? "New token" });
  const rest = h("div.stack");
  let attempt = { text: null, key: null };
  let turn = 0;

  async function choose(slug) {
    const mine = ++turn;
    const path = at(slug);
    const own = slug === home ? user : get(`${path}/members/${segment(user.username)}`).catch(() => null);
    const [policy, modules, member] = await Promise.all([get(`${path}/policy`), get(`${path}/modules`), own]);
    // Another one may have been chosen since.
    if (mine !== turn) return;
    const typed = [...rest.querySelectorAll("[name]:not([type=checkbox], [type=radio], [name=lifetime])")];
    rest.replaceChildren(...nodes([
      refused(slug, policy, member), lifetime(policy), privileges(member?.privileges), limits(),
      more(policy, modules.items),
    ]));
    for (const { name, value } of typed) {
      const control = rest.querySelector(`[name="${name}"]`);
      if (control) control.value = value;
    }
  }

  async function make(values, element) {
    const body = asked(values, element);
    const text = JSON.stringify(body);
    // The same wish again has the same key: what was made by a request whose answer was lost is given again.
    if (attempt.text !== text) attempt = { text, key: crypto.randomUUID() };
    const made = await post("/v1/tokens", body, { idempotencyKey: attempt.key });
    attempt = { text: null, key: null };
    card.replaceChildren(panel(context, made, async () => card.replaceWith(await mint(context, title))));
    card.classList.add("secret");
    card.querySelector("button").focus();
    announce("The token is made. Copy it now: it is shown this once.");
  }

  await choose(slugs[0]);
  const onchange = ({ target }) => choose(target.value).catch((error) => {
    rest.replaceChildren(h("p.note.warn", told(error)));
  });
  card.append(form({ action: "Make the token", act: make },
    title && h("h2", title),
    field({ label: "Name", name: "name", hint: "What it is for: nightly report, CI of the shop.",
      required: true, maxlength: 200, autocomplete: "off", "data-first": true }),
    (slugs.length > 1 || !home) && field({ label: "Organization", name: "organization", type: "select", value: slugs[0],
      options: slugs.map((slug) => [slug, slug]), onchange }),
    rest));
  return card;
}

/** Why nothing can be made, where that is known before it is tried. */
function refused(slug, { api_access, issuers }, member) {
  const by = { members: true, admins: !member || member.operator || member.role === "administrator" };
  const may = member?.may_issue ?? by[issuers];
  const why = !api_access ? `API access of ${slug} is switched off: no token is made there.`
    : !may && `In ${slug} administrators make tokens, and whom they let. Ask one of them.`;
  return why && h("p.note.warn", why);
}

function lifetime({ max_lifetime, default_lifetime, allow_never }) {
  const [most, usual] = [max_lifetime, default_lifetime].map((text) => seconds(text) / 86_400);
  const max = Math.floor(most);
  const hint = max > 0 ? `1 to ${max}${allow_never ? ", or −1 for one that never expires" : ""}.`
    : `Tokens live less than a day here: leave it empty for ${span(default_lifetime)}.`;
  return field({
    label: "Lifetime in days", name: "lifetime", type: "number", hint, max, min: allow_never ? -1 : 1,
    value: Number.isInteger(usual) ? Math.min(usual, max) : "", placeholder: span(default_lifetime),
  });
}

function check(type, name, value, words, rest = {}) {
  return h("label.check", h("input", { type, name, value, ...rest }), h("span", words));
}

function privileges(held = null) {
  const onchange = ({ target }) => { some.hidden = target.value !== "some"; };
  const wide = held?.some((privilege) => privilege.includes("*")) ?? true;
  const some = h("div.stack", { hidden: true },
    h("div.checks", held?.map((each) => check("checkbox", "privileges", each, h("code", each)))),
    wide && field({ label: "Narrower ones", name: "narrower", type: "textarea", spellcheck: "false",
      hint: "One a line, such as orders:read. * stands for any domain or any action." }));
  const all = held && h("div", tags(held.filter((privilege) => !privilege.startsWith("jeton:")), 12));
  return h("fieldset", h("legend", "Privileges"),
    check("radio", "which", "all", ["All that you hold", all], { checked: true, onchange }),
    check("radio", "which", "some", "Only some of them", { onchange }), some, h("div.wrong"));
}

function limits() {
  const several = (label, name, hint, placeholder) =>
    field({ label, name: `limits.${name}`, type: "textarea", hint, placeholder, spellcheck: "false" });
  return h("details", h("summary", "Limits: from where, for what, how often"), h("div.columns",
    several("Only from these networks", "networks.allow", "One a line.", "10.0.0.0/8"),
    several("Not from these", "networks.deny", "One a line."),
    several("Only for these routes", "routes", "Method, host and path; * for any.", "GET api.example/v1/*"),
    field({ label: "Not before", name: "limits.not_before", type: "datetime-local", hint: "In your time." }),
    field({ label: "Uses in all", name: "limits.uses", type: "number", min: 1 }),
    field({ label: "Uses in a period", name: "limits.rate", hint: "10/s, 100/min, 1000/h or 10000/day." })));
}

/** What else there is. (A token can be tied to one that makes it, not to a user.) */
function more({ max_idle }, modules) {
  const ends = max_idle ? `The organization does so after ${span(max_idle)}.` : "Empty for never.";
  return h("details", h("summary", "More"), h("div.stack",
    field({ label: "Description", name: "description", type: "textarea" }),
    modules.length > 0 && h("fieldset", h("legend", "Modules"),
      h("div.checks", modules.map(({ number, name }) =>
        check("checkbox", "modules", number, [shown(name), " ", h("small", number)]))),
      h("div.wrong")),
    field({ label: "Disable it when unused for days", name: "max_idle", type: "number", min: 1, hint: ends }),
    field({ label: "Restricted", name: "restricted", type: "checkbox",
      hint: "It reads and revokes itself at jeton, and nothing more there." })));
}

/** The form as the API has it; what is left empty is left to the server. */
function asked(values, element) {
  const all = (name) => new FormData(element).getAll(name);
  const some = (list) => (list.length > 0 ? list : undefined);
  const limit = (name) => values[`limits.${name}`].trim() || undefined;
  const several = (name) => some(lines(values[`limits.${name}`]));
  const days = (name) => (values[name] ? `${Number(values[name])}d` : undefined);
  const begins = limit("not_before");
  return {
    name: values.name,
    description: values.description || undefined,
    organization: values.organization,
    lifetime: values.lifetime === "-1" ? "never" : days("lifetime"),
    privileges: values.which === "some" ? [...all("privileges"), ...lines(values.narrower ?? "")] : undefined,
    modules: some(all("modules")),
    limits: {
      networks: { allow: several("networks.allow"), deny: several("networks.deny") },
      routes: several("routes"),
      not_before: begins && new Date(begins).toISOString(),
      uses: limit("uses") && Number(limit("uses")),
      rate: limit("rate"),
    },
    restricted: values.restricted ? true : undefined,
    max_idle: days("max_idle"),
  };
}

/**
 * What was made, with its secret: in the text of two elements, which are emptied when the view is left. Whoever leaves
 * before it is copied is asked.
 */
export function panel(context, made, again = null) {
  const secret = h("code", { tabindex: "0", translate: "no", "aria-label": "The token" }, made.token);
  const line = h("pre", { tabindex: "0", translate: "no", "aria-label": "A line for the shell" },
    `curl -H "Authorization: Bearer ${made.token}" ${new URL(below("/v1/tokens/self"), document.baseURI)}`);
  const answer = h("pre", { hidden: true, tabindex: "0", role: "status" });
  const question = {
    title: "The token isn't copied yet", action: "Leave without it", danger: true,
    text: "It is shown this once. Who leaves without it has to make another.",
  };
  let kept = false;
  const unheld = context.hold(question);
  function release() {
    kept = true;
    unheld();
  }
  context.signal.addEventListener("abort", () => {
    release();
    element.replaceChildren();
  });

  async function use() {
    const headers = { Authorization: `Bearer ${secret.textContent}` };
    const asked = fetch(below("/v1/tokens/self"), { headers, cache: "no-store", credentials: "omit" });
    const response = await asked.catch(() => null);
    const body = JSON.stringify(await response?.json().catch(() => null), null, 2);
    answer.textContent = response ? `${response.status}\n${body}` : "jeton can't be reached.";
    answer.hidden = false;
  }

  async function leave() {
    if (!kept && !(await confirm(question))) return;
    release();
    await again();
    document.querySelector("[data-first]")?.focus();
  }

  const element = h("div.stack", { oncopy: release },
    h("h2", "Copy the token now"),
    h("p", shown(made.name),
      " is made. Its secret is shown this once: jeton keeps a hash of it, and can't show it again."),
    secret,
    h("div.row", copyButton("Copy the token", secret, release, "primary")),
    h("h3", "Use it"),
    line,
    h("div.row", copyButton("Copy the line", line, release), act("Try it now", use)),
    made.limits.uses && h("p.hint", `Trying it takes one of its ${count(made.limits.uses, "use")}.`),
    answer,
    h("div.row", h("a", { href: `#/tokens/${made.id}` }, "Show what it may do"),
      again && act("Make another", leave, "quiet")));
  return element;
}
