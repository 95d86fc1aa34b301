// One organization: its labels, what may be done in it, and who is in it. Who is in it sees the most of it and who
// manages it changes it; whether it is on and what privileges it has is the operators' to say.

import { del, post, query, segment } from "./api.js";
import { facts, h, nodes, plain, shown, tags, toast } from "./dom.js";
import { edit } from "./edit.js";
import { button, confirm, field, form } from "./form.js";
import { swap, watch } from "./live.js";
import { members } from "./members.js";
import { administers, at } from "./membership.js";
import { modules } from "./modules.js";
import { state } from "./organizations.js";
import { changePolicy, policy } from "./policy.js";
import { table } from "./table.js";
import { count, exactly } from "./time.js";

export async function view(context) {
  const { operator, manages } = context.session;
  const path = at(context.params.slug);
  const own = await administers(context, context.params.slug);
  let organization = null;
  const name = h("h1");
  const mood = h("div");
  const actions = h("div.row");
  const about = h("section.card", { "aria-label": "About the organization" });
  const rules = h("div");
  const held = operator ? privileges(path, () => again()) : readOnly();
  const again = await watch(context, path, (fresh) => {
    organization = fresh;
    swap(name, shown(organization.name));
    swap(mood, ...nodes([state(organization)]));
    swap(about, known(organization, own, manages));
    swap(rules, policy(organization.policy));
    swap(actions, ...nodes([own && button("Edit", () => relabel(path, () => organization, again)),
      operator && button(organization.enabled ? "Disable" : "Enable", enable)]));
    held.update(organization.privileges);
  });

  async function enable() {
    const { enabled, change_sequence: version } = organization;
    const done = await confirm({
      title: enabled ? "Disable this organization?" : "Enable this organization?", danger: enabled,
      action: enabled ? "Disable" : "Enable",
      text: enabled ? "Every token of it fails its next check, and no new one is made. Enabling brings them back."
        : "Its tokens that were good before are good again.",
      act: () => post(`${path}/${enabled ? "disable" : "enable"}`, {}, { version }).finally(again),
    });
    if (done) toast(enabled ? "Disabled: its tokens fail their next check." : "Enabled.");
  }

  return h("div.stack",
    h("div", h("a", { href: "#/organizations" }, "Organizations"), h("div.head", name, actions), mood),
    about,
    h("section.card",
      h("div.head", h("h2", "Policy"),
        own && button("Change the policy", () => changePolicy(path, () => organization, again))),
      rules),
    h("section.card", h("h2", "Privileges"),
      h("p.soft", "What exists in it: nobody holds more there."), held.element),
    await modules(context, path, own),
    own && await members(context, path, () => organization));
}

function known(organization, own, manages) {
  const { slug, owner } = organization;
  const text = (value, lines) => value && shown(value, lines);
  return facts(
    ["Slug", h("code", slug)],
    ["Number", organization.number],
    ["Id", h("code", organization.id)],
    ["Description", text(organization.description, true)],
    ["Picture", text(organization.image)],
    ["Owner", owner && (manages ? h("a", { href: `#/users/${segment(owner)}` }, shown(owner)) : shown(owner))],
    ["Made", exactly(organization.created_at)],
    ["Changed", organization.change_sequence > 0 && exactly(organization.updated_at)],
    ["Tokens", h("a", { href: query("#/tokens", { organization: slug }) }, own ? "Its tokens" : "Your tokens there")],
    ["What was done", own && h("a", { href: query("#/events", { organization: slug }) }, "Its events")],
  );
}

/** Asks for other labels. */
function relabel(path, current, again) {
  edit("Edit the organization", {
    path, current, again,
    done: ({ name }) => `${plain(name)} is saved.`,
    fields: ({ name, description, image, owner }) => [
      field({ label: "Name", name: "name", value: name, required: true, maxlength: 200 }),
      field({ label: "Description", name: "description", type: "textarea", value: description }),
      field({ label: "URL of a picture", name: "image", value: image }),
      field({ label: "Owner", name: "owner", value: owner ?? "", autocomplete: "off", spellcheck: "false",
        hint: "The name of a user: one of its administrators." }),
    ],
  });
}

/** What exists in it. */
function readOnly() {
  const element = h("div");
  return { element, update: (list) => swap(element, ...nodes([tags(list, 20)])) };
}

/** The same for operators: added and taken away one by one. */
function privileges(path, again) {
  const rows = table({
    caption: "Privileges",
    key: (privilege) => privilege,
    columns: [
      { name: "Privilege", header: true, cell: (privilege) => h("code", shown(privilege)) },
      { name: "Action", cell: (privilege) => button("Remove", () => remove(privilege)) },
    ],
  });

  async function remove(privilege) {
    const done = await confirm({
      title: `Remove ${privilege}?`, action: "Remove it", danger: true,
      text: "Whoever holds it holds it no more, tokens and members, until it is added again.",
      act: () => del(`${path}/privileges/${segment(privilege)}`).finally(again),
    });
    if (done) toast(`${privilege} is removed.`);
  }

  const add = form({
    action: "Add",
    async act({ privilege }) {
      await post(`${path}/privileges`, { privilege: privilege.trim() }).finally(again);
      add.reset();
      toast(`${plain(privilege)} is added.`);
    },
  },
  field({ label: "Another privilege", name: "privilege", required: true, maxlength: 128, autocomplete: "off",
    spellcheck: "false", hint: "Such as orders:read. * stands for any domain or any action." }));
  const element = h("div.stack", rows.element, add);
  return { element, update: (list) => rows.update(list, count(list.length, "privilege")) };
}
