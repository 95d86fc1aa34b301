// One's own account: the password, and where one is signed in.

import { del, put, query, segment } from "./api.js";
import { badge, facts, h, shown, tags, toast } from "./dom.js";
import { act, field, form } from "./form.js";
import { watch } from "./live.js";
import { signOut } from "./session.js";
import { table } from "./table.js";
import { when } from "./time.js";

export async function view(context) {
  const { user, organization } = context.session;
  const name = [user.first_name, user.last_name].filter(Boolean).join(" ");
  const rows = table({
    caption: "Where you are signed in",
    columns: [
      { name: "Browser", header: true, cell: ({ agent, current }) => [agent ? shown(agent) : "unknown", current && h("div", null, badge("this one", "good"))] },
      { name: "Address", cell: ({ address }) => address && shown(address) },
      { name: "Signed in", cell: ({ created_at }) => when(created_at) },
      { name: "Last seen", cell: ({ seen_at }) => when(seen_at) },
      { name: "Ends", cell: ({ expires_at }) => when(expires_at) },
      { name: "", class: "actions", cell: ({ id, current }) => act("Sign out", () => (current ? signOut() : end(id))) },
    ],
  });
  const again = await watch(context, query("/v1/sessions", { username: user.username }), ({ items }) => rows.update(items));

  async function end(id) {
    await del(`/v1/sessions/${segment(id)}`);
    await again();
    toast("Signed out there.");
  }

  return h("div", { class: "stack" }, h("h1", null, "Your account"),
    h("section", { class: "card medium", "aria-label": "Who you are" }, facts(
      ["Username", shown(user.username)],
      ["Name", name && shown(name)],
      ["E-mail", user.email && shown(user.email)],
      ["Organization", h("span", null, shown(organization.name), " ", h("small", null, organization.slug))],
      ["Role", user.role],
      ["Operator", user.operator ? "You operate the whole instance." : null],
      ["Privileges", tags(user.privileges, 20)])),
    password(user, again), rows.element);
}

function password(user, again) {
  const element = form({
    class: "card medium",
    action: "Change the password",
    async act(values) {
      if (values.password !== values.again) {
        throw Object.assign(new Error(), { field: "again", words: "This isn't the same." });
      }
      await put(`/v1/users/${segment(user.username)}/password`, { password: values.password });
      element.reset();
      await again();
      toast("The password is changed. Tokens stay as they are.");
    },
  },
  h("h2", null, "Password"),
  // So that a password manager knows whose it is.
  h("input", { type: "text", name: "username", autocomplete: "username", value: user.username, hidden: true, readonly: true }),
  field({ label: "New password", name: "password", type: "password", autocomplete: "new-password", required: true, minlength: 15, hint: "15 characters at least; a few words are best." }),
  field({ label: "The same again", name: "again", type: "password", autocomplete: "new-password", required: true }));
  return element;
}
