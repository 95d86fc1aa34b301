// Tables whose rows are patched in place, and lists: a table with filters, sorting and pages, kept in the address.

import { query } from "./api.js";
import { announce, h, nodes } from "./dom.js";
import { field } from "./form.js";
import { watch } from "./live.js";
import { count } from "./time.js";

/**
 * A table. Each of `columns` has a `name`, a `cell` (item -> node, text or array), and perhaps `sort` (the API's word),
 * `header` (the cell names its row) and `class`. `update(items, caption)` puts other rows in; rows stay the elements that
 * they are by `key(item)`, and a cell is only touched where it has changed: focus, selection and what is open survive. A
 * listener in a cell may therefore be as old as the cell: it should take no more from its item than the key.
 */
export function table({ caption, columns, key = (item) => item.id, dim = () => false, onsort = null }) {
  const label = h("caption", { role: "caption" }, caption);
  const heads = columns.map((column) => h("th", { scope: "col", role: "columnheader" },
    column.sort && onsort ? h("button", { type: "button", onclick: () => onsort(column.sort) }, column.name) : column.name));
  const body = h("tbody", { role: "rowgroup" });
  // Roles, because the small form of the table is no table to the browser.
  const element = h("div", { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" },
    h("table", { class: "cards", role: "table" }, label,
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads)), body));

  function row(item) {
    return h("tr", { role: "row", "data-key": key(item), class: dim(item) ? "dim" : null }, columns.map((column) => {
      const content = nodes([column.cell(item)]);
      return column.header
        ? h("th", { scope: "row", role: "rowheader" }, content)
        : h("td", { role: "cell", "data-label": column.name, class: column.class }, content);
    }));
  }

  return {
    element,
    update(items, words = caption) {
      if (label.textContent !== words) label.textContent = words;
      const old = new Map([...body.children].map((each) => [each.dataset.key, each]));
      let place = null;
      for (const item of items) {
        const fresh = row(item);
        const known = old.get(fresh.dataset.key);
        const next = known ? patched(known, fresh) : fresh;
        old.delete(fresh.dataset.key);
        const expected = place ? place.nextSibling : body.firstChild;
        if (expected !== next) body.insertBefore(next, expected);
        place = next;
      }
      for (const gone of old.values()) gone.remove();
    },
    sorted(sort) {
      columns.forEach((column, at) => {
        if (column.sort && sort.replace("-", "") === column.sort) {
          heads[at].setAttribute("aria-sort", sort.startsWith("-") ? "descending" : "ascending");
        } else {
          heads[at].removeAttribute("aria-sort");
        }
      });
    },
  };
}

/** The row that is there, with those cells replaced that have changed. */
function patched(row, fresh) {
  row.className = fresh.className;
  const others = [...fresh.children];
  [...row.children].forEach((cell, at) => {
    const other = others[at];
    const open = [...cell.querySelectorAll("details")].map((details) => details.open);
    other.querySelectorAll("details").forEach((details, nth) => { details.open = open[nth] ?? false; });
    if (cell.isEqualNode(other)) return;
    const focusable = "a, button, summary, input, select";
    const focused = [...cell.querySelectorAll(focusable)].indexOf(document.activeElement);
    cell.replaceWith(other);
    if (focused >= 0) other.querySelectorAll(focusable)[focused]?.focus();
  });
  return row;
}

/**
 * A list at `path` of the API with all that it takes, live. `columns`, `key` and `dim` are a table's; `filters` and `more`
 * (which open) are fields; `asked(values)` turns what is filtered into the API's parameters where that isn't the same;
 * `one` is the word for an item; `sort` is the API's usual order; `empty(filtered)` says what stands there where nothing
 * does. Resolves to `{element, again, none}`: `again()` asks at once,
 * `none` says that there was nothing, not even filtered away.
 */
export async function list(context, { path, one, columns, key, dim, filters = [], more = [], asked = (values) => values, sort = "", empty, total = true }) {
  const state = { ...Object.fromEntries(context.asked) };
  const trail = [];
  const rows = table({
    caption: `${one}s`, columns, key, dim,
    onsort: (by) => change({ sort: (state.sort ?? sort) === by ? `-${by}` : by }),
  });
  const nothing = h("div", { class: "empty" });
  const refusal = h("p", { class: "refusal", role: "alert", hidden: true });
  const reset = h("button", { type: "button", class: "quiet", onclick: clear }, "Clear the filters");
  const fields = (some) => some.map((each) => field({ ...each, value: state[each.name] ?? "" }));
  const opened = more.some((each) => state[each.name]);
  const bar = h("form", { role: "search", "aria-label": `Filter ${one}s` },
    h("div", { class: "filters" }, fields(filters), reset),
    more.length > 0 && h("details", { open: opened }, h("summary", null, "More filters"), h("div", { class: "filters" }, fields(more))));
  const previous = h("button", { type: "button", onclick: back }, "← Previous");
  const next = h("button", { type: "button", onclick: forward }, "Next →");
  const size = h("select", { "aria-label": "Rows on a page", onchange: () => change({ limit: size.value }) },
    ["25", "50", "100", "200"].map((value) => h("option", { value }, `${value} a page`)));
  size.value = state.limit ?? "50";
  size.style.width = "auto";
  const pager = h("div", { class: "row" }, h("span", { class: "apart" }, size), previous, next);
  const names = [...filters, ...more].map((each) => each.name);
  let follows = null;
  let waiting;

  bar.addEventListener("input", (event) => {
    clearTimeout(waiting);
    const typed = event.target.matches("input");
    waiting = setTimeout(() => change(Object.fromEntries(new FormData(bar))), typed ? 250 : 0);
  });

  function clear() {
    bar.reset();
    for (const control of bar.elements) if (control.name) control.value = "";
    change(Object.fromEntries(names.map((name) => [name, ""])));
    bar.elements[0]?.focus();
  }

  function change(what, keepsPlace = false) {
    Object.assign(state, what);
    if (!keepsPlace) {
      trail.length = 0;
      state.cursor = "";
    }
    context.write(state);
    return load(true);
  }

  function forward() {
    trail.push(state.cursor ?? "");
    change({ cursor: follows }, true).then(() => rows.element.focus());
  }

  function back() {
    change({ cursor: trail.pop() ?? "" }, true).then(() => rows.element.focus());
  }

  function where() {
    const { sort, cursor, limit, ...values } = state;
    return query(path, { ...asked(values), sort, cursor, limit, total: total || "" });
  }

  function render(page) {
    follows = page.next_cursor;
    const filtered = names.some((name) => state[name]);
    const words = page.total === undefined ? "" : count(page.total, one);
    rows.update(page.items, state.cursor ? `${words}, further on` : words);
    rows.sorted(state.sort || sort);
    rows.element.hidden = page.items.length === 0;
    nothing.hidden = page.items.length > 0;
    if (!nothing.hidden) nothing.replaceChildren(...nodes([filtered ? `No ${one} is like that.` : empty?.() ?? `There is no ${one}.`]));
    reset.hidden = !filtered;
    previous.disabled = !state.cursor;
    next.disabled = !follows;
    pager.hidden = !(state.cursor || follows || page.items.length > 25);
    return words;
  }

  let again;
  async function load(aloud) {
    rows.element.setAttribute("aria-busy", "true");
    refusal.hidden = true;
    try {
      await again();
      if (aloud) announce(rows.element.hidden ? nothing.textContent : rows.element.querySelector("caption").textContent);
    } catch (error) {
      refusal.textContent = error.words ?? String(error);
      refusal.hidden = false;
    } finally {
      rows.element.removeAttribute("aria-busy");
    }
  }

  const element = h("div", { class: "stack" }, bar, refusal, rows.element, nothing, pager);
  again = await watch(context, where, render);
  return { element, again: () => load(false), none: rows.element.hidden && ![...names, "cursor"].some((name) => state[name]) };
}
