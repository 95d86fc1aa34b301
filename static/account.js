// One's own account: the password, and where one is signed in.

import { del, put, query, segment } from "./api.js";
import { badge, facts, h, shown, tags, toast } from "./dom.js";
import { act, field, form, wrong } from "./form.js";
import { undisturbed, watch } from "./live.js";
import { session, signIn, signOut } from "./session.js";
import { table } from "./table.js";
import { when } from "./time.js";

export async function view(context) {
  const { user, organization } = context.session;
  const { element, again } = await places(context, user.username, "Where you are signed in");
  const change = password(user.username, {
    class: "card medium",
    action: "Change the password",
    async done() {
      change.reset();
      await again();
      toast("The password is changed. You are signed out everywhere else; tokens stay as they are.");
    },
  }, h("h2", "Password"));
  const name = [user.first_name, user.last_name].filter(Boolean).join(" ");
  return h("div.stack", h("h1", "Your account"),
    h("section.card.medium", { "aria-label": "Who you are" }, facts(
      ["Username", shown(user.username)],
      ["Name", name && shown(name)],
      ["E-mail", user.email && shown(user.email)],
      ["Organization", organization && h("span", shown(organization.name), " ", h("small", organization.slug))],
      ["Role", user.role],
      ["Operator", user.operator ? "You operate the whole instance." : null],
      ["Privileges", tags(user.privileges, 20)])),
    change, element);
}

/** Where a user is signed in, live, and what signs them out there. */
export async function places(context, username, caption) {
  const rows = table({
    caption,
    columns: [
      { name: "Browser", header: true, cell: browser },
      { name: "Address", cell: ({ address }) => address && shown(address) },
      { name: "Signed in", cell: ({ created_at }) => when(created_at) },
      { name: "Last seen", cell: ({ seen_at }) => when(seen_at) },
      { name: "Ends", cell: ({ expires_at }) => when(expires_at) },
      { name: "Action", cell: ({ id, current }) => act(current ? "Sign out here" : "Sign out there",
        () => (current ? signOut() : end(id))) },
    ],
  });
  const again = await watch(context, query("/v1/sessions", { username }), ({ items }) => {
    rows.update(items, items.length > 0 ? caption : `${caption}: nowhere`);
  });

  async function end(id) {
    await del(`/v1/sessions/${segment(id)}`);
    await again();
    toast("Signed out there.");
  }

  return { element: rows.element, again };
}

function browser({ agent, current }) {
  return [agent ? shown(agent) : "unknown", current && h("div.small", badge("this one", "good"))];
}

/** The rule of the server for a password. */
export const RULE = "15 characters at least, and not one that many use.";

/** The form that gives a user another password, and calls `done`. */
export function password(username, { done, ...rest }, ...before) {
  const secret = { type: "password", autocomplete: "new-password", required: true };
  return form({
    ...rest,
    async act(values) {
      if (values.password !== values.again) throw wrong("again", "This isn't the same.");
      await undisturbed(async () => {
        await put(`/v1/users/${segment(username)}/password`, { password: values.password });
        // Which has ended every session of theirs: one's own begins anew.
        if (username === session.user.username) await signIn(username, values.password);
      });
      await done();
    },
  },
  before,
  // So that a password manager knows whose it is.
  h("input", { name: "username", autocomplete: "username", value: username, hidden: true }),
  field({ label: "New password", name: "password", hint: RULE, ...secret }),
  field({ label: "The same again", name: "again", ...secret }));
}
