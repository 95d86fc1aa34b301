// One token: all that is known of it, and what can be done to it.

import { del, get, patch, post, segment } from "./api.js";
import { badge, facts, h, nodes, plain, shown, tags, toast } from "./dom.js";
import { act, button, confirmByName, dialog, field, form, told } from "./form.js";
import { swap, watch } from "./live.js";
import { rotation } from "./rotate.js";
import { count, exactly, span, when } from "./time.js";
import { link, state } from "./tokens.js";
import { checks, descendants, leaks, record } from "./traces.js";

/**
 * What stands below a token's facts, in order: each a function of the view's context, the token and what asks for it
 * again, that returns an element, or `null` where there is nothing to say. It is called once, when the view is opened,
 * and keeps itself true by `watch` where it has to.
 */
export const sections = [leaks, checks, rotation, privileges, descendants, record];

export async function view(context) {
  const path = `/v1/tokens/${segment(context.params.id)}`;
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
  });

  function buttons() {
    if (token.status === "deleted") return [];
    return [
      button("Edit", () => edit(() => token, path, again)),
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

  for (const section of sections) {
    const place = h("div");
    below.append(place);
    section(context, token, again).then(
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

function edit(current, path, again) {
  const token = current();
  const element = dialog("Edit the token", form({
    action: "Save",
    cancel: () => element.close(),
    async act({ name, description }) {
      await patch(path, { name, description }, { version: current().change_sequence }).finally(again);
      element.close();
      toast(`${plain(name)} is saved.`);
    },
  },
  field({ label: "Name", name: "name", value: token.name, required: true, maxlength: 200 }),
  field({ label: "Description", name: "description", type: "textarea", value: token.description })));
}

/** What it was given beside what was asked of it. */
async function privileges({ signal }, { id }) {
  const use = await get(`/v1/tokens/${id}/privileges`, { signal });
  const { granted, demanded, never, since, asked_openly_at: openly } = use;
  if (granted.length === 0 && demanded.length === 0) return null;
  const asked = demanded.map((each) => h("li", h("code", shown(each.privilege)), " ", when(each.last_at)));
  return h("section.card",
    h("h2", "What it was asked for"),
    h("p.soft", "Since ", when(since), "."),
    asked.length > 0 ? h("ul", asked) : h("p", "Nobody asked it for a privilege."),
    never.length > 0 && [h("h3", badge("Never asked for", "warn")), tags(never, 20)],
    openly && h("p.note", "Somebody asked about it without saying for what, last ", when(openly),
      ": any of its privileges may have been used then."));
}
