// The kinds of events in words.

import { h, shown } from "./dom.js";
import { link } from "./tokens.js";

/** Of each: its kind, what the filter calls it, and the event as a sentence. */
const WORDS = {
  token: ["tokens", {
    created: "A token was made",
    relabelled: "A token's labels were changed",
    disabled: "A token was disabled",
    enabled: "A token was enabled",
    deleted: "A token was deleted",
    rotated: "A token got a successor",
    rotation_committed: "A successor was used: it took over",
    rotation_undone: "A rotation was undone",
    superseded_presented: "A replaced token was still presented",
    idle_announced: "An unused token was announced to end",
    leaked: "A token was found in the open",
  }],
  revocation: ["revocations", { carried_out: "Many tokens were ended in one call" }],
  user: ["users", {
    created: "A user was made",
    updated: "A user was changed",
    disabled: "A user was disabled",
    enabled: "A user was enabled",
    deleted: "A user was deleted",
    erased: "A user's data was erased",
    password_set: "A password was set",
    operator_made: "A user became an operator",
    operator_unmade: "A user is an operator no more",
  }],
  organization: ["organizations", {
    created: "An organization was made",
    updated: "An organization was changed",
    owned: "An organization got an owner",
    disabled: "An organization was switched off",
    enabled: "An organization was switched on",
    policy_changed: "A policy was changed",
    privileges_changed: "An organization's privileges were changed",
  }],
  module: ["modules", {
    added: "A module was added",
    renamed: "A module was renamed",
    removed: "A module was removed",
  }],
  member: ["members", {
    added: "A user joined an organization",
    changed: "A member's rights were changed",
    removed: "A member was taken out",
  }],
  session: ["sessions", { begun: "A user signed in", ended: "A session ended" }],
  feed: ["calendar feeds", { created: "A calendar feed was made", removed: "A calendar feed was removed" }],
  events: ["the record", { pruned: "The oldest events were removed" }],
  sign_in: ["refused sign-ins", {
    refused: "A wrong password",
    throttled: "Tries to sign in weren't looked at: too many wrong ones before",
  }],
  journal: ["restores", {
    replayed: "An older database learned what was revoked since",
    resurrection_accepted: "What the journal knew was forgotten",
  }],
};

/** What the filter offers: everything, each thing, and each kind. */
export const KINDS = [["", "everything"], ...Object.entries(WORDS).flatMap(([thing, [name, deeds]]) => [
  [`${thing}.`, `All of ${name}`],
  ...Object.entries(deeds).map(([deed, words]) => [`${thing}.${deed}`, `– ${words}`]),
])];

/** An id by its end: what is made in the same hour begins alike. */
export function short(id) {
  return h("code", { title: id }, `…${id.slice(-8)}`);
}

const ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** An event as a sentence, and what else is on record of it: fields that changed, or names and their values. */
export function said({ kind, detail }) {
  const [thing, deed] = kind.split(".");
  const parts = detail.split(" ").filter(Boolean).map((part) => {
    const [name, value] = part.split(/=(.*)/s);
    if (value === undefined) return shown(name);
    return [shown(name), ": ", ID.test(value) ? link(value, short(value)) : shown(value)];
  });
  const more = parts.flatMap((part, at) => (at > 0 ? [", ", part] : [part]));
  return [WORDS[thing]?.[1][deed] ?? shown(kind), parts.length > 0 && h("div.small", more)];
}
