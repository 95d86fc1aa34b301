// A new token: the form, and its secret, which is shown once and kept nowhere but in what is shown.

import { get, post, query, segment } from "./api.js";
import { announce, copyButton, h, shown, tags } from "./dom.js";
import { act, field, form, lines } from "./form.js";
import { count, seconds, span } from "./time.js";

const DAY = 86_400;

export async function view(context) {
  return h("div", { class: "stack" }, h("h1", null, "New token"), await mint(context));
}

/** The form as a card; what it makes takes its place. */
export async function mint(context, title = null) {
  const { user, organization } = context.session;
  const { items } = await get(query("/v1/organizations", { limit: 200 }));
  const home = organization.slug;
  const slugs = [...new Set([home, ...items.map(({ slug }) => slug)])];
  const card = h("section", { class: "card medium", "aria-label": title ?? "New token" });
  const details = h("div", { class: "stack" });
  const wanted = field({ label: "Organization", name: "organization", type: "select", options: slugs.map((slug) => [slug, slug]), value: home, onchange: () => choose(wanted.querySelector("select").value).catch(() => {}) });
  let attempt = { body: null, key: null };

  async function choose(slug) {
    const at = `/v1/organizations/${segment(slug)}`;
    const own = slug === home ? user : get(`${at}/members/${segment(user.username)}`).catch(() => null);
    const [policy, modules, member] = await Promise.all([get(`${at}/policy`), get(`${at}/modules`), own]);
    details.replaceChildren(...[
      refusals(slug, policy, slug === home ? user : null),
      lifetime(policy),
      privileges(member?.privileges ?? null),
      limits(),
      more(policy, modules.items),
    ].filter(Boolean));
  }
  await choose(home);

  async function make(values, element) {
    const body = asked(values, element);
    const text = JSON.stringify(body);
    // The same wish again has the same key: what was made by a request whose answer was lost is given again.
    if (attempt.body !== text) attempt = { body: text, key: crypto.randomUUID() };
    const made = await post("/v1/tokens", body, { idempotencyKey: attempt.key });
    attempt = { body: null, key: null };
    const again = async () => card.replaceWith(await mint(context, title));
    card.replaceChildren(panel(context, made, again));
    card.classList.add("secret");
    card.querySelector("button").focus();
    announce("The token is made. Copy it now: it is shown this once.");
  }

  const words = field({ label: "Name", name: "name", hint: "What it is for: nightly report, CI of the shop, …", required: true, maxlength: 200, "data-first": true, autocomplete: "off" });
  card.append(form({ action: "Make the token", act: make }, title && h("h2", null, title), words, slugs.length > 1 && wanted, details));
  return card;
}

/** Why nothing can be minted, where that is known before it is tried. */
function refusals(slug, policy, user) {
  const allowed = user?.may_issue ?? (policy.issuers === "members" || user?.role === "administrator" || user?.operator);
  const why = !policy.api_access ? `API access of ${slug} is switched off: nothing is minted there.`
    : user && !allowed && `In ${slug} administrators make tokens, and members whom they let. Ask one of them for it.`;
  return why && h("p", { class: "note warn" }, why);
}

function lifetime({ max_lifetime, default_lifetime, allow_never }) {
  const [most, usual] = [seconds(max_lifetime) / DAY, seconds(default_lifetime) / DAY];
  const days = most >= 1 ? `1 to ${Math.floor(most)}` : `Less than a day: leave it empty for ${span(default_lifetime)}`;
  return field({
    label: "Lifetime in days", name: "lifetime", type: "number", step: 1, min: allow_never ? -1 : 1, max: most >= 1 ? Math.floor(most) : 0,
    value: Number.isInteger(usual) ? Math.min(usual, Math.floor(most)) : "", placeholder: span(default_lifetime),
    hint: `${days}${allow_never ? "; −1 for one that never expires" : ""}.`,
  });
}

function privileges(held) {
  const choice = (value, words, checked) => h("label", { class: "check" },
    h("input", { type: "radio", name: "which", value, checked, onchange: (event) => { some.hidden = event.target.value !== "some"; } }), h("span", null, words));
  const wide = held === null || held.some((privilege) => privilege.includes("*"));
  const some = h("div", { class: "stack", hidden: true },
    h("div", { class: "checks" }, (held ?? []).map((privilege) => h("label", { class: "check" },
      h("input", { type: "checkbox", name: "privileges", value: privilege }), h("code", null, privilege)))),
    wide && field({ label: "Narrower ones", name: "narrower", type: "textarea", hint: "One a line, such as orders:read. * stands for any domain or any action.", spellcheck: "false" }));
  const plain = held?.filter((privilege) => !privilege.startsWith("jeton:"));
  return h("fieldset", null, h("legend", null, "Privileges"),
    choice("all", [`All that you hold${held ? ": " : " there"}`, plain && h("div", null, tags(plain, 12))], true),
    choice("some", "Only some of them", false), some, h("div", { class: "wrong" }));
}

function limits() {
  return h("details", null, h("summary", null, "Limits: from where, for what, how often"), h("div", { class: "columns" },
    field({ label: "Only from these networks", name: "limits.networks.allow", type: "textarea", placeholder: "10.0.0.0/8", hint: "One a line; empty for from everywhere.", spellcheck: "false" }),
    field({ label: "Not from these", name: "limits.networks.deny", type: "textarea", spellcheck: "false" }),
    field({ label: "Only for these routes", name: "limits.routes", type: "textarea", placeholder: "GET api.example/v1/reports/*", hint: "Method, host and path, one a line; * for any.", spellcheck: "false" }),
    field({ label: "Not before", name: "limits.not_before", type: "datetime-local", hint: "In your own time." }),
    field({ label: "Uses in all", name: "limits.uses", type: "number", min: 1 }),
    field({ label: "Uses in a period", name: "limits.rate", placeholder: "100/min", hint: "Such as 10/s, 100/min, 1000/h or 10000/day." })));
}

function more(policy, modules) {
  return h("details", null, h("summary", null, "More"), h("div", { class: "stack" },
    field({ label: "Description", name: "description", type: "textarea" }),
    modules.length > 0 && h("fieldset", null, h("legend", null, "Modules"), h("div", { class: "checks" }, modules.map((module) =>
      h("label", { class: "check" }, h("input", { type: "checkbox", name: "modules", value: module.number }), h("span", null, shown(module.name), " ", h("small", null, module.number))))), h("div", { class: "wrong" })),
    field({ label: "Disable it when unused for days", name: "max_idle", type: "number", min: 1, hint: policy.max_idle ? `The organization does so after ${span(policy.max_idle)}.` : "Empty for never." }),
    field({ label: "Restricted", name: "restricted", type: "checkbox", hint: "It reads and revokes itself at jeton, and nothing more there." })));
}

/** The form as the API has it; what is left empty is left to the server. */
function asked(values, element) {
  const all = (name) => new FormData(element).getAll(name);
  const of = (name) => values[`limits.${name}`]?.trim() || undefined;
  const networks = { allow: lines(of("networks.allow") ?? ""), deny: lines(of("networks.deny") ?? "") };
  const routes = lines(of("routes") ?? "");
  const limits = {
    networks: networks.allow.length + networks.deny.length > 0 ? networks : undefined,
    routes: routes.length > 0 ? routes : undefined,
    not_before: of("not_before") && new Date(of("not_before")).toISOString(),
    uses: of("uses") && Number(of("uses")),
    rate: of("rate"),
  };
  const days = (name) => (values[name] ? `${Number(values[name])}d` : undefined);
  const chosen = [...all("privileges"), ...lines(values.narrower ?? "")];
  return {
    name: values.name,
    description: values.description || undefined,
    organization: values.organization,
    lifetime: values.lifetime === "-1" ? "never" : days("lifetime"),
    privileges: values.which === "some" ? chosen : undefined,
    modules: all("modules").length > 0 ? all("modules") : undefined,
    limits: Object.values(limits).some((limit) => limit !== undefined) ? limits : undefined,
    restricted: values.restricted ? true : undefined,
    max_idle: days("max_idle"),
  };
}

/** What was made, with its secret: in the text of two elements, which are emptied when the view is left. */
export function panel(context, made, again) {
  const secret = h("code", { tabindex: "0", translate: "no", "aria-label": "The token" }, made.token);
  const line = h("pre", { tabindex: "0", translate: "no" }, `curl -H "Authorization: Bearer ${made.token}" ${location.origin}/v1/tokens/self`);
  const answer = h("pre", { hidden: true, tabindex: "0", role: "status" });
  const release = context.hold({
    title: "The token isn't copied yet",
    text: "It is shown this once. Who leaves without it has to make another.",
    action: "Leave without it", danger: true,
  });
  context.signal.addEventListener("abort", () => {
    release();
    element.replaceChildren();
  });

  async function use() {
    const response = await fetch("/v1/tokens/self", {
      headers: { Authorization: `Bearer ${secret.textContent}` }, cache: "no-store", credentials: "omit",
    }).catch(() => null);
    const body = await response?.json().catch(() => null);
    answer.textContent = response ? `${response.status} ${response.statusText}\n${JSON.stringify(body, null, 2)}` : "jeton can't be reached.";
    answer.hidden = false;
  }

  const element = h("div", { class: "stack", oncopy: release },
    h("h2", null, "Copy the token now"),
    h("p", null, shown(made.name), " is made. This is the only time that its secret is shown: jeton keeps a hash of it and can't show it again."),
    secret,
    h("div", { class: "row" }, copyButton("Copy the token", secret, { primary: true, oncopied: release })),
    h("h3", null, "Use it"),
    line,
    h("div", { class: "row" }, copyButton("Copy the line", line, { oncopied: release }), act("Try it now", use)),
    made.limits.uses !== null && h("p", { class: "hint" }, `Trying it takes one of its ${count(made.limits.uses, "use")}.`),
    answer,
    h("div", { class: "row" }, h("a", { href: `#/tokens/${made.id}` }, "Show what it may do"), again && act("Make another", () => leave(again), { kind: "quiet" })));

  async function leave(how) {
    await how();
    release();
  }
  return element;
}
