// One user: all that is known of them, and what can be done to their account.

import { password, places } from "./account.js";
import { del, get, patch, post, query, segment } from "./api.js";
import { facts, h, nodes, plain, shown, tags, toast } from "./dom.js";
import { edit } from "./edit.js";
import { act, button, confirm, confirmByName, dialog, field, told } from "./form.js";
import { swap, watch } from "./live.js";
import { at, ISSUES, organizations } from "./membership.js";
import { count, exactly } from "./time.js";
import { fullName, state } from "./users.js";

export async function view(context) {
  const { operator } = context.session;
  const path = `/v1/users/${segment(context.params.name)}`;
  let user = null;
  const name = h("h1");
  const mood = h("div");
  const actions = h("div.row");
  const about = h("section.card", { "aria-label": "About the user" });
  const again = await watch(context, path, (fresh) => {
    user = fresh;
    swap(name, shown(user.username));
    swap(mood, ...nodes([state(user)]));
    swap(about, known(user));
    swap(actions, ...nodes(buttons()));
  });

  function buttons() {
    return [
      button("Edit", () => rename(path, () => user, again, operator)),
      button("Set a password", () => secret(user)),
      operator && button(user.operator ? "Take the operator's rights" : "Make an operator", operate),
      button(user.active ? "Disable" : "Enable", activate),
      button("Delete", remove, "danger"),
    ];
  }

  async function activate() {
    const { active, change_sequence: version } = user;
    const done = await confirm({
      title: active ? "Disable this user?" : "Enable this user?", action: active ? "Disable" : "Enable", danger: active,
      text: active ? "They are signed out everywhere and can't sign in, and their tokens fail their next check. "
        + "Enabling brings the tokens back." : "They can sign in again, and their tokens that were good before are.",
      act: () => post(`${path}/${active ? "disable" : "enable"}`, {}, { version }).finally(again),
    });
    if (done) toast(active ? "Disabled: their tokens fail their next check." : "Enabled.");
  }

  async function operate() {
    const { operator: is, change_sequence: version } = user;
    const done = await confirm({
      title: is ? "Take the operator's rights?" : "Make them an operator?", danger: true,
      action: is ? "Take the rights" : "Make an operator",
      text: is ? "They keep what they are in their organizations."
        : "An operator may do everything on the whole instance, to every organization and user.",
      act: () => patch(path, { operator: !is }, { version }).finally(again),
    });
    if (done) toast(is ? "They operate the instance no more." : "They operate the instance now.");
  }

  async function remove() {
    const gone = await confirmByName({
      title: "Delete this user?", name: user.username, action: "Delete them for good",
      text: "They can't sign in any more, and every token of theirs is dead at once. Their name, e-mail address and "
        + "what else is personal is erased soon after. This can't be undone; to stop them for a while, disable them.",
      act: () => del(path, { version: user.change_sequence }).catch(async (error) => {
        await again();
        throw error;
      }),
    });
    if (!gone) return;
    toast("Deleted.");
    location.hash = "#/users";
  }

  const signedIn = "Where they are signed in";
  return h("div.stack",
    h("div", h("a", { href: "#/users" }, "Users"), h("div.head", name, actions), mood),
    about,
    await part(context, "Tokens", tokens(context, user)),
    elsewhere(context, user),
    await part(context, signedIn, places(context, user.username, signedIn).then(({ element }) => element)));
}

/** A part of the view, or why it can't be shown. */
function part({ signal }, title, making) {
  return making.catch((error) => {
    signal.throwIfAborted();
    return h("section.card", h("h2", title), h("p.note", told(error)));
  });
}

function known(user) {
  const text = (value) => value && shown(value);
  const home = h("a", { href: `#/organizations/${segment(user.organization)}` }, shown(user.organization));
  return facts(
    ["Name", text(fullName(user))],
    ["Title", text(user.title)],
    ["E-mail", text(user.email)],
    ["Picture", text(user.image)],
    ["Organization", home],
    ["Role there", user.role ?? "none: they have left it"],
    ["Issuing tokens there", user.role && h("span", ISSUES[user.may_issue])],
    ["Privileges there", tags(user.privileges, 20)],
    ["Operator", user.operator && "They operate the whole instance."],
    ["Id", h("code", user.id)],
    ["Made", exactly(user.created_at)],
    ["Changed", user.change_sequence > 0 && exactly(user.updated_at)],
    ["What was done", h("a", { href: query("#/events", { object: user.id }) }, "Events about them")],
  );
}

/** How many tokens they have, and the way to them. */
async function tokens(context, { username }) {
  const link = h("a", { href: query("#/tokens", { owner: username }) });
  const path = query("/v1/tokens", { owner: username, limit: 1, total: true });
  await watch(context, path, ({ total }) => {
    swap(link, total === undefined ? "very many tokens" : count(total, "token"));
  });
  return h("section.card", h("h2", "Tokens"), h("p", "They have ", link, ", those that are deleted apart."));
}

/** What else they are in: the API has no list of it, so each organization that one manages is asked, if one wishes. */
function elsewhere(context, { username, organization }) {
  const found = h("div", { role: "status" });
  async function look() {
    const own = await organizations(context);
    const places = [];
    for (const { slug } of own.filter(({ slug }) => slug !== organization)) {
      const member = await get(`${at(slug)}/members/${segment(username)}`, { signal: context.signal })
        .catch((error) => {
          if (![403, 404].includes(error.status)) throw error;
        });
      if (member) places.push(member);
    }
    const line = ({ organization: slug, role }) => h("li",
      h("a", { href: query(`#/organizations/${segment(slug)}`, { name: username }) }, shown(slug)), ` ${role}`);
    found.replaceChildren(places.length > 0 ? h("ul", places.map(line))
      : h("p.soft", "They are in no other that you manage."));
  }
  return h("section.card", h("h2", "Other organizations"),
    h("div.row", act("Look through those you manage", look)), found);
}

/** Asks for another name and the like, and of operators for another home. */
function rename(path, current, again, operator) {
  edit("Edit the user", {
    path, current, again,
    done: () => `${plain(current().username)} is saved.`,
    fields: (user) => {
      const personal = (label, name, more) => field({ label, name, value: user[name], maxlength: 100, ...more });
      return [
        personal("First name", "first_name"),
        personal("Last name", "last_name"),
        personal("Title", "title"),
        personal("E-mail", "email", { type: "email", maxlength: 254 }),
        personal("URL of a picture", "image", { maxlength: 4_000 }),
        operator && field({ label: "Home organization", name: "organization", value: user.organization, required: true,
          hint: "Its slug: one that they are in.", autocomplete: "off", spellcheck: "false" }),
      ];
    },
  });
}

function secret({ username }) {
  const element = dialog("Set a password", password(username, {
    action: "Set the password",
    cancel: () => element.close(),
    done() {
      element.close();
      toast(`${plain(username)} has another password, and is signed in nowhere.`);
    },
  }, h("p", "Who is signed in as ", shown(username), " isn't any more. Tokens stay as they are.")));
}
