// The members of an organization, for whoever manages it: who they are there, and what they may.

import { del, get, patch, post, segment } from "./api.js";
import { badge, h, plain, shown, tags, toast } from "./dom.js";
import { changed } from "./edit.js";
import { act, button, confirm, dialog, field, form, wrong } from "./form.js";
import { ISSUES, ROLES, standing, stated } from "./membership.js";
import { list } from "./table.js";
import { date } from "./time.js";

/** They as a card; `organization()` is it as it is now. */
export async function members(context, path, organization) {
  const choice = (label, name, ...options) => ({ label, name, type: "select", options: [["", "any"], ...options] });
  const found = await list(context, {
    path: `${path}/members`, one: "member", sort: "created_at",
    key: ({ user_id }) => user_id, dim: ({ active }) => !active,
    columns: [
      { name: "Username", sort: "username", header: true, cell: ({ user }) =>
        h("a", { href: `#/users/${segment(user)}` }, shown(user)) },
      { name: "Role", cell: ({ role }) => role },
      { name: "Issuing tokens", cell: ({ may_issue }) => ISSUES[may_issue] },
      { name: "Privileges", cell: ({ privileges }) => tags(privileges, 3) },
      { name: "State", cell: ({ active }) => (active ? badge("active", "good") : badge("disabled", "warn")) },
      { name: "Since", cell: ({ created_at }) => date(created_at) },
      { name: "Action", cell: (member) => h("div.row",
        act("Change", () => change(member)), button("Remove", () => remove(member))) },
    ],
    filters: [
      { name: "name", label: "Name", type: "search", placeholder: "part of it, or of the e-mail", autocomplete: "off" },
      choice("Role", "role", ...ROLES),
      choice("Issuing tokens", "may_issue", ["true", ISSUES.true], ["false", ISSUES.false]),
      { name: "privilege", label: "Privilege, to the letter", autocomplete: "off" },
    ],
  });
  const one = (id) => `${path}/members/${segment(id)}`;

  function add() {
    const element = dialog("Add a member", form({
      action: "Add",
      cancel: () => element.close(),
      async act({ user, ...values }, form) {
        const body = { user: user.trim(), ...stated(values, form) };
        if (body.may_issue === null) delete body.may_issue;
        await post(`${path}/members`, body).catch((error) => {
          throw error.status === 404 ? wrong("user", "No user whom you may see has this name.") : error;
        });
        element.close();
        toast(`${plain(user)} is a member now.`);
        await found.again();
      },
    },
    field({ label: "User", name: "user", required: true, maxlength: 64, autocomplete: "off", autocapitalize: "none",
      spellcheck: "false", hint: "The username of somebody who is there already." }),
    standing(context.session, organization().privileges)));
  }

  async function change({ user, user_id }) {
    // The row may be older than what they are now.
    const before = await get(one(user_id));
    const element = dialog(["Change ", shown(user)], form({
      action: "Save",
      cancel: () => element.close(),
      async act(values, form) {
        await patch(one(user_id), changed(before, stated(values, form)));
        element.close();
        toast(`${plain(user)} is changed.`);
        await found.again();
      },
    }, standing(context.session, organization().privileges, before)));
  }

  async function remove({ user, user_id }) {
    const done = await confirm({
      title: ["Remove ", shown(user), "?"], action: "Remove them", danger: true,
      text: "Their tokens of this organization are dead, until they are put there again. Their account stays.",
      act: () => del(one(user_id)),
    });
    if (!done) return;
    toast(`${plain(user)} is removed.`);
    await found.again();
  }

  return h("section.stack",
    h("div.head", h("h2", "Members"), button("Add a member", add)),
    found.element);
}
