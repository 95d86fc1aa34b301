// One's own account: the password, and where one is signed in.

import { del, put, query, segment } from "./api.js";
import { badge, facts, h, shown, tags, toast } from "./dom.js";
import { act, field, form, wrong } from "./form.js";
import { watch } from "./live.js";
import { signIn, signOut } from "./session.js";
import { table } from "./table.js";
import { when } from "./time.js";

export async function view(context) {
  const { user, organization } = context.session;
  const name = [user.first_name, user.last_name].filter(Boolean).join(" ");
  const rows = table({
    caption: "Where you are signed in",
    columns: [
      { name: "Browser", header: true, cell: browser },
      { name: "Address", cell: ({ address }) => address && shown(address) },
      { name: "Signed in", cell: ({ created_at }) => when(created_at) },
      { name: "Last seen", cell: ({ seen_at }) => when(seen_at) },
      { name: "Ends", cell: ({ expires_at }) => when(expires_at) },
      { name: "Action", cell: ({ id, current }) => act("Sign out", () => (current ? signOut() : end(id))) },
    ],
  });
  const path = query("/v1/sessions", { username: user.username });
  const again = await watch(context, path, ({ items }) => rows.update(items));

  async function end(id) {
    await del(`/v1/sessions/${segment(id)}`);
    await again();
    toast("Signed out there.");
  }

  return h("div.stack", h("h1", "Your account"),
    h("section.card.medium", { "aria-label": "Who you are" }, facts(
      ["Username", shown(user.username)],
      ["Name", name && shown(name)],
      ["E-mail", user.email && shown(user.email)],
      ["Organization", h("span", shown(organization.name), " ", h("small", organization.slug))],
      ["Role", user.role],
      ["Operator", user.operator ? "You operate the whole instance." : null],
      ["Privileges", tags(user.privileges, 20)])),
    password(user, again), rows.element);
}

function browser({ agent, current }) {
  return [agent ? shown(agent) : "unknown", current && h("div.small", badge("this one", "good"))];
}

function password(user, again) {
  const secret = { type: "password", autocomplete: "new-password", required: true };
  const element = form({
    class: "card medium",
    action: "Change the password",
    async act(values) {
      if (values.password !== values.again) {
        throw wrong("again", "This isn't the same.");
      }
      await put(`/v1/users/${segment(user.username)}/password`, { password: values.password });
      element.reset();
      // Which has ended every session, this one too.
      await signIn(user.username, values.password);
      await again();
      toast("The password is changed. You are signed out everywhere else; tokens stay as they are.");
    },
  },
  h("h2", "Password"),
  // So that a password manager knows whose it is.
  h("input", { name: "username", autocomplete: "username", value: user.username, hidden: true }),
  field({ label: "New password", name: "password", hint: "15 characters at least.", ...secret }),
  field({ label: "The same again", name: "again", ...secret }));
  return element;
}
