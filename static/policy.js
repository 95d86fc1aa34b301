// An organization's policy: what tokens it allows, in words, and the form that changes it.

import { badge, facts, h } from "./dom.js";
import { edit } from "./edit.js";
import { field } from "./form.js";
import { count, span } from "./time.js";

const ISSUERS = {
  admins: "its administrators, and whom they let",
  members: "all of its members, but for whom an administrator said no",
};

const LEAKED = {
  record: "it is put on record",
  disable: "it is disabled",
  delete: "it is deleted",
};

/** A policy as facts. */
export function policy(of) {
  const idle = of.max_idle && `after ${span(of.max_idle)} without use; deleted after twice that`;
  return facts(
    ["API access", of.api_access ? badge("on", "good") : badge("off: every token fails, and none is made", "warn")],
    ["Who makes tokens", h("span", ISSUERS[of.issuers])],
    ["Tokens a user may have", h("span", count(of.quota))],
    ["Longest life", h("span", span(of.max_lifetime))],
    ["Life if none is said", h("span", span(of.default_lifetime))],
    ["Tokens that never expire", of.allow_never ? "allowed" : "not allowed"],
    ["Disabled when unused", idle || "never"],
    ["Found where others can read it", h("span", LEAKED[of.on_leak])],
  );
}

/** Asks for another policy of an organization. */
export function changePolicy(path, current, again) {
  edit("Change the policy", {
    path: `${path}/policy`, current, again, wide: true,
    done: () => "The policy is changed.",
    part: (organization) => ({ ...organization.policy, max_idle: organization.policy.max_idle ?? "never" }),
    read: (values) => ({ ...values, api_access: "api_access" in values, allow_never: "allow_never" in values,
      quota: Number(values.quota) }),
    fields,
  });
}

function fields(of) {
  const life = "Such as 90m, 12h, 30d or 52w; from 1s to 36525d.";
  const one = (label, name, hint, rest) => field({
    label, name, hint, value: of[name], required: true, autocomplete: "off", spellcheck: "false", ...rest });
  return [
    h("p.soft", "It governs what is made from now on; API access and what becomes of unused tokens hold at once, for "
      + "those that there are too."),
    field({ label: "API access", name: "api_access", type: "checkbox", checked: of.api_access,
      hint: "Off, every token of it fails its next check and none is made; on again, they are as before." }),
    one("Who makes tokens", "issuers", "Whether a single member may is said where members are.", {
      type: "select", options: Object.entries(ISSUERS) }),
    one("Tokens a user may have", "quota", "0 to 10,000,000 that live at a time.", {
      type: "number", min: 0, max: 10_000_000 }),
    one("Longest life", "max_lifetime", life),
    one("Life if none is said", "default_lifetime", `${life} Cut to the longest.`),
    field({ label: "Tokens may never expire", name: "allow_never", type: "checkbox", checked: of.allow_never }),
    one("Disabled when unused for", "max_idle",
      "A span like those above, or never. What is unused for twice as long is deleted; each is announced before."),
    one("When a token is found where others can read it", "on_leak", null, {
      type: "select", options: Object.entries(LEAKED) }),
  ];
}
