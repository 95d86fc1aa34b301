// One token: all that is known of it, and what can be done to it.

import { del, post, segment } from "./api.js";
import { facts, h, nodes, plain, shown, tags, toast } from "./dom.js";
import { edit } from "./edit.js";
import { act, button, confirmByName, field, told } from "./form.js";
import { swap, watch } from "./live.js";
import { rotation } from "./rotate.js";
import { count, exactly, span } from "./time.js";
import { link, state } from "./tokens.js";
import { checks, descendants, leaks, privileges, record } from "./traces.js";

/**
 * What stands below a token's facts, in order: each a function of the view's context, the token as it was at first, and
 * `again`, which asks for it, with `follow(render)`, which calls `render` with it as it is and as often as it becomes
 * another. It is called once, and returns an element that keeps itself true, and hides while it has nothing to say.
 */
const SECTIONS = [leaks, checks, rotation, privileges, descendants, record];

export async function view(context) {
  const path = `/v1/tokens/${segment(context.params.id)}`;
  const followers = [];
  let token = null;
  const name = h("h1");
  const mood = h("div");
  const actions = h("div.row");
  const about = h("section.card", { "aria-label": "About the token" });
  const below = h("div.stack");
  const again = await watch(context, path, (fresh) => {
    token = fresh;
    swap(name, shown(token.name));
    swap(mood, ...nodes([state(token)]));
    swap(about, known(token));
    swap(actions, ...nodes([buttons()]));
    for (const render of followers) render(token);
  });

  function follow(render) {
    followers.push(render);
    render(token);
  }

  function buttons() {
    if (token.status === "deleted") return [];
    return [
      button("Edit", () => relabel(path, () => token, again)),
      act(token.status === "disabled" ? "Enable" : "Disable", async () => {
        const off = token.status === "disabled";
        await post(`${path}/${off ? "enable" : "disable"}`);
        await again();
        toast(off ? "Enabled: it is good again." : "Disabled: its next check fails.");
      }),
      button("Delete", remove, "danger"),
    ];
  }

  async function remove() {
    const gone = await confirmByName({
      title: "Delete this token?", name: token.name, action: "Delete it for good",
      text: "Whatever uses it fails from its next request on, for good. To stop it for a while, disable it.",
      act: () => del(path, { version: token.change_sequence }),
    });
    await again();
    if (!gone) return;
    toast("Deleted.");
    name.focus();
  }

  for (const section of SECTIONS) {
    const place = h("div");
    below.append(place);
    section(context, token, { again, follow }).then(
      (element) => place.replaceWith(...nodes([element])),
      (error) => context.signal.aborted || place.replaceWith(h("p.note", told(error))),
    );
  }
  return h("div.stack",
    h("div", h("a", { href: "#/tokens" }, "Tokens"), h("div.head", name, actions), mood),
    about, below);
}

function known(token) {
  const { limits } = token;
  const text = (value) => value && shown(value);
  const several = (list) => list.length > 0 && tags(list, 20);
  const most = limits.uses === null ? "" : ` of ${count(limits.uses)}`;
  return facts(
    ["Number", token.number],
    ["Id", h("code", token.id)],
    ["Begins with", h("code", token.hint)],
    ["Description", token.description && shown(token.description, true)],
    ["Owner", text(token.owner)],
    ["Organization", text(token.organization)],
    ["Privileges", tags(token.privileges, 20)],
    ["Modules", several(token.modules)],
    ["Made", exactly(token.created_at)],
    ["Changed", token.change_sequence > 0 && exactly(token.updated_at)],
    ["Expires", exactly(token.expires_at)],
    ["Last use", exactly(token.last_used_at)],
    ["Used from", text(token.last_used_address)],
    ["Used by", text(token.last_used_agent)],
    ["Uses", token.used !== null && `${count(token.used)}${most}`],
    ["Networks", several(limits.networks.allow)],
    ["Not from", several(limits.networks.deny)],
    ["Routes", several(limits.routes)],
    ["Not before", limits.not_before && exactly(limits.not_before)],
    ["Rate", limits.rate],
    ["Disabled when unused for", token.max_idle && span(token.max_idle)],
    ["Disabled if unused until", token.idle_until && exactly(token.idle_until)],
    ["Restricted", token.restricted && "It reads and revokes itself at jeton, and nothing more there."],
    ["Made by the token", link(token.parent)],
    ["Tied", token.tied && "It is good only while the token that made it is."],
    ["Replaces", link(token.replaces)],
    ["Waits until", token.waits_until && exactly(token.waits_until)],
    ["Replaced by", link(token.superseded_by)],
    ["Replaced", token.superseded_at && exactly(token.superseded_at)],
  );
}

/** Asks for another name or description. */
function relabel(path, current, again) {
  edit("Edit the token", {
    path, current, again,
    done: ({ name }) => `${plain(name)} is saved.`,
    fields: ({ name, description }) => [
      field({ label: "Name", name: "name", value: name, required: true, maxlength: 200 }),
      field({ label: "Description", name: "description", type: "textarea", value: description }),
    ],
  });
}
