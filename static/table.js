// Tables whose rows are patched in place, and lists: tables with filters, an order and pages, kept in the address.

import { query } from "./api.js";
import { announce, h, nodes } from "./dom.js";
import { button, field, told } from "./form.js";
import { watch } from "./live.js";
import { count } from "./time.js";

/**
 * A table. A column has a `name`, a `cell` (item -> nodes), and perhaps `sort` (the API's word), `header` (its cells
 * name their rows) and `class`. `update(items, caption)` shows other items: a row stays what it is by `key(item)`, and
 * a cell that looks the same isn't touched, so focus, selection and what is open survive. What listens in a cell may
 * therefore be as old as the cell is: it should take from its item what doesn't change.
 */
export function table({ caption, columns, key = ({ id }) => id, dim = () => false, onsort = null }) {
  const label = h("caption", caption);
  const heads = columns.map(({ name, sort }) => h("th", { scope: "col", role: "columnheader" },
    sort && onsort ? button(name, () => onsort(sort)) : name));
  const body = h("tbody", { role: "rowgroup" });
  // Roles, because its narrow form is no table to the browser.
  const element = h("div.scroll", { role: "region", "aria-label": caption, tabindex: "0" },
    h("table.cards", { role: "table" }, label,
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads)), body));

  const row = (item) => h("tr", { role: "row", "data-key": key(item), class: dim(item) ? "dim" : null },
    columns.map(({ name, header, cell, ...rest }) => (header
      ? h("th", { scope: "row", role: "rowheader" }, cell(item))
      : h("td", { role: "cell", "data-label": name, class: rest.class }, [cell(item)]))));

  function update(items, words = caption) {
    if (label.textContent !== words) label.textContent = words;
    const fresh = items.map(row);
    const wanted = new Set(fresh.map((each) => each.dataset.key));
    const old = new Map([...body.children].map((each) => [each.dataset.key, each]));
    // First, so that what stays isn't moved, which would take its focus.
    for (const [at, gone] of old) if (!wanted.has(at)) gone.remove();
    let place = body.firstChild;
    for (const each of fresh) {
      const known = old.get(each.dataset.key);
      const next = known ? patched(known, each) : each;
      if (next === place) place = place.nextSibling;
      else body.insertBefore(next, place);
    }
  }

  function sorted(sort) {
    columns.forEach((column, at) => {
      const order = sort.startsWith("-") ? "descending" : "ascending";
      heads[at].ariaSort = column.sort && sort.replace("-", "") === column.sort ? order : null;
    });
  }

  return { element, update, sorted };
}

/** The row that is there, with other cells in the place of those that have changed. */
function patched(row, fresh) {
  row.className = fresh.className;
  const others = [...fresh.children];
  [...row.children].forEach((cell, at) => {
    const other = others[at];
    const opened = [...cell.querySelectorAll("details")].map(({ open }) => open);
    other.querySelectorAll("details").forEach((each, nth) => { each.open = opened[nth]; });
    if (cell.isEqualNode(other)) return;
    const focusable = "a, button, summary, input, select";
    const focused = [...cell.querySelectorAll(focusable)].indexOf(document.activeElement);
    cell.replaceWith(other);
    other.querySelectorAll(focusable)[focused]?.focus();
  });
  return row;
}

/**
 * A list of the API's, live. `columns`, `key` and `dim` are a table's; `filters`, and `more` which open, are fields;
 * where their values aren't the API's parameters, `asked(values)` makes them so; `one` is the word for an item, `sort`
 * the API's own order, `total` whether it counts, `empty` what stands where nothing is. Resolves to `{element, again,
 * none}`: `again()` asks at once, and `none` says that there was nothing at all.
 */
export async function list(context, {
  path, one, columns, key, dim, filters = [], more = [], asked = (values) => values,
  sort = "", total = true, empty = `There is no ${one}.`,
}) {
  const state = Object.fromEntries(context.asked);
  const names = [...filters, ...more].map(({ name }) => name);
  const filtered = () => names.some((name) => state[name]);
  const trail = [];
  let follows = null;
  let waiting;
  const rows = table({
    caption: `${one}s`, columns, key, dim,
    onsort: (by) => change({ sort: (state.sort || sort) === by ? `-${by}` : by, cursor: "" }),
  });
  const filled = (each) => field({ ...each, value: state[each.name] ?? "" });
  const fields = (some) => h("div.filters", some.map(filled));
  const open = more.some(({ name }) => state[name]);
  const search = { role: "search", "aria-label": `Filter ${one}s`, hidden: names.length === 0 };
  const bar = h("form", { ...search, oninput: typed }, fields(filters),
    more.length > 0 && h("details", { open }, h("summary", "More filters"), fields(more)));
  const reset = button("Clear the filters", clear, "quiet");
  bar.firstChild.append(reset);
  const refusal = h("p.refusal", { role: "alert", hidden: true });
  const nothing = h("div.empty");
  const previous = button("← Previous", () => turn(() => trail.pop() ?? ""));
  const next = button("Next →", () => turn(() => {
    trail.push(state.cursor ?? "");
    return follows;
  }));
  const resize = () => change({ limit: size.value, cursor: "" });
  const size = h("select.auto", { "aria-label": "Rows on a page", onchange: resize },
    ["25", "50", "100", "200"].map((value) => h("option", { value }, `${value} a page`)));
  size.value = state.limit ?? "50";
  // Where the columns' heads have no room.
  const orders = columns.filter((column) => column.sort).flatMap(({ name, sort: by }) => [
    [by, `${name} ↑`], [`-${by}`, `${name} ↓`]]);
  const order = h("select.auto", { "aria-label": "Order", onchange: () => change({ sort: order.value, cursor: "" }) },
    orders.map(([value, words]) => h("option", { value }, words)));
  const ordered = h("div.row.narrow-only", { hidden: orders.length === 0 }, order);
  const pager = h("div.row", h("span.apart", size), previous, next);

  function typed({ target }) {
    clearTimeout(waiting);
    const ask = () => change({ ...Object.fromEntries(new FormData(bar)), cursor: "" });
    waiting = setTimeout(ask, target.matches("input") ? 250 : 0);
  }

  function clear() {
    for (const control of bar.elements) if (control.name) control.value = "";
    bar.elements[0].focus();
    change(Object.fromEntries([...names, "cursor"].map((name) => [name, ""])));
  }

  /** Goes where `where` says, one page at a time. */
  async function turn(where) {
    if (rows.element.ariaBusy === "true") return;
    await change({ cursor: where() });
    rows.element.focus();
  }

  async function change(what) {
    if (context.signal.aborted) return;
    if (what.cursor === "") trail.length = 0;
    Object.assign(state, what);
    context.write(state);
    await load();
    announce(rows.element.hidden ? nothing.textContent : rows.element.querySelector("caption").textContent);
  }

  function where() {
    const { sort, cursor, limit, ...values } = state;
    return query(path, { ...asked(values), sort, cursor, limit, total: total || "" });
  }

  function render(page) {
    const { items } = page;
    follows = page.next_cursor;
    const here = count(items.length, one);
    // What takes long to count isn't counted.
    const some = follows ? `${here} ${total ? "of very many" : "on this page"}` : here;
    const words = page.total === undefined ? some : count(page.total, one);
    rows.update(items, state.cursor ? `${words}, further on` : words);
    rows.sorted(state.sort || sort);
    order.value = state.sort || sort;
    rows.element.hidden = items.length === 0;
    nothing.hidden = items.length > 0;
    nothing.replaceChildren(...nodes([filtered() ? `No ${one} is like that.` : empty]));
    reset.hidden = !filtered();
    previous.disabled = !state.cursor;
    // A place that was come to by its address has no way back but to the beginning.
    previous.textContent = state.cursor && trail.length === 0 ? "← To the first" : "← Previous";
    next.disabled = !follows;
    pager.hidden = !(state.cursor || follows || items.length > 25);
  }

  async function load() {
    rows.element.ariaBusy = "true";
    refusal.hidden = true;
    await again((error) => {
      refusal.textContent = told(error);
      refusal.hidden = false;
    });
    rows.element.ariaBusy = null;
  }

  const again = await watch(context, where, render);
  const none = rows.element.hidden && !filtered() && !state.cursor;
  return { element: h("div.stack", bar, ordered, refusal, rows.element, nothing, pager), again: load, none };
}
