// The modules of an organization: what tokens may be narrowed to.

import { del, patch, post, segment } from "./api.js";
import { h, plain, shown, toast } from "./dom.js";
import { button, confirmByName, dialog, field, form } from "./form.js";
import { watch } from "./live.js";
import { table } from "./table.js";
import { count, date } from "./time.js";

/** They as a card; whoever manages the organization changes them there. */
export async function modules(context, path, own) {
  const rows = table({
    caption: "Modules",
    columns: [
      { name: "Number", header: true, cell: ({ number }) => number },
      { name: "Name", cell: ({ name }) => shown(name) },
      { name: "Made", cell: ({ created_at }) => date(created_at) },
      own && { name: "Action", cell: (module) => h("div.row",
        button("Rename", () => rename(module)), button("Remove", () => remove(module))) },
    ].filter(Boolean),
  });
  let items = [];
  const nothing = h("p.soft", "There is none.");
  const again = await watch(context, `${path}/modules`, (list) => {
    items = list.items;
    rows.update(items, count(items.length, "module"));
    rows.element.hidden = items.length === 0;
    nothing.hidden = items.length > 0;
  });

  function rename({ id, number }) {
    // The row may be older than the name.
    const { name } = items.find((module) => module.id === id) ?? { name: "" };
    const element = dialog(`Rename ${number}`, form({
      action: "Save",
      cancel: () => element.close(),
      async act(values) {
        await patch(`${path}/modules/${segment(id)}`, values).finally(again);
        element.close();
        toast(`${number} is ${plain(values.name)} now.`);
      },
    }, field({ label: "Name", name: "name", value: name, required: true, maxlength: 200 })));
  }

  async function remove({ id, number }) {
    const gone = await confirmByName({
      title: "Remove this module?", name: number, action: "Remove it for good",
      text: "No new token is narrowed to it; those that are keep its number. This can't be undone, and the number is "
        + "never given again.",
      act: () => del(`${path}/modules/${segment(id)}`).finally(again),
    });
    if (gone) toast(`${number} is removed.`);
  }

  function add() {
    const element = dialog("New module", form({
      action: "Add",
      cancel: () => element.close(),
      async act({ number, name }) {
        await post(`${path}/modules`, { number: number.trim(), name }).finally(again);
        element.close();
        toast(`${plain(name)} is added.`);
      },
    },
    field({ label: "Number", name: "number", required: true, maxlength: 13, autocomplete: "off", spellcheck: "false",
      hint: "MOD-dddd or MOD-dddd-dddd, each d a digit: one that there never was in this organization." }),
    field({ label: "Name", name: "name", required: true, maxlength: 200, autocomplete: "off" })));
  }

  return h("section.card",
    h("div.head", h("h2", "Modules"), own && button("New module", add)),
    h("p.soft", "What tokens may be narrowed to."), rows.element, nothing);
}
