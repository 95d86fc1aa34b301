// An organization's policy: what tokens it allows, in words, and the form that changes it.

import { patch } from "./api.js";
import { badge, facts, h, toast } from "./dom.js";
import { dialog, field, form } from "./form.js";
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
export function changePolicy(organization, path, again) {
  const of = organization.policy;
  const life = "Such as 90m, 12h, 30d or 52w; from 1s to 36525d.";
  const one = (label, name, hint, rest) => field({
    label, name, hint, value: of[name], required: true, autocomplete: "off", spellcheck: "false", ...rest });
  const element = dialog("Change the policy", form({
    action: "Save",
    cancel: () => element.close(),
    async act(values) {
      const body = { ...values, api_access: "api_access" in values, allow_never: "allow_never" in values,
        quota: Number(values.quota) };
      await patch(`${path}/policy`, body, { version: organization.change_sequence }).finally(again);
      element.close();
      toast("The policy is changed.");
    },
  },
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
    "A span like those above, or never. What is unused for twice as long is deleted; each is announced before.", {
      value: of.max_idle ?? "never" }),
  one("When a token is found where others can read it", "on_leak", null, {
    type: "select", options: Object.entries(LEAKED) })), { wide: true });
}
