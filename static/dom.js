// Elements, text that somebody else wrote, announcements, and what is copied.
//
// Nothing here or elsewhere makes markup out of text: a string becomes a text node, whatever stands in it.

/** Names of properties that are set as such, because their attribute says only how they begin. */
const PROPERTIES = new Set(["value", "checked", "disabled", "selected", "open", "readOnly", "indeterminate"]);

/**
 * Makes an element: `h("p.note", { title }, "text", node)`. What stands behind dots are its classes, and properties may
 * be left out. One that begins with `on` listens, `true` is an attribute without a value, and `false`, `null` and
 * `undefined` are none; children may be nested in arrays, and texts stay texts.
 */
export function h(name, ...rest) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.some(Boolean)) element.className = classes.join(" ").trim();
  const told = typeof rest[0] === "object" && !Array.isArray(rest[0]) && !(rest[0] instanceof Node);
  const [properties, ...children] = told ? rest : [null, ...rest];
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (PROPERTIES.has(name)) element[name] = value;
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...nodes(children));
  return element;
}

/** Children as they can be appended. */
export function nodes(children) {
  return children.flat(Infinity).filter((child) => child || child === 0);
}

/** What isn't seen itself, or turns what stands beside it: controls, marks of direction, no width, separators. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/gu;

function escaped(letter) {
  const code = letter.codePointAt(0);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Somebody's text as a text: for titles, labels and announcements. */
export function plain(text) {
  return String(text).replace(UNSEEN, (letter) => `[${escaped(letter)}]`);
}

/** Somebody's text as an element: it can't turn what stands beside it, and what is unseen in it is seen. */
export function shown(text, lines = false) {
  const bdi = h("bdi");
  let from = 0;
  for (const { 0: letter, index } of String(text).matchAll(UNSEEN)) {
    if (lines && letter === "\n") {
      bdi.append(text.slice(from, index), h("br"));
    } else {
      bdi.append(text.slice(from, index), h("span.control", { title: plain(letter) }, escaped(letter)));
    }
    from = index + letter.length;
  }
  bdi.append(String(text).slice(from));
  return bdi;
}

/** A word for a state with a shape beside it; `kind` is `good`, `warn`, `bad`, `off` or nothing. */
export function badge(word, kind = "", title = null) {
  return h(`span.badge.${kind}`, { title }, word);
}

/** Privileges or the like as a list of small tags, the first few of them; the rest opens. */
export function tags(list, most = 4) {
  if (list.length === 0) return h("span.soft", "none");
  const items = (part) => h("ul.tags", part.map((text) => h("li", shown(text))));
  if (list.length <= most) return items(list);
  const rest = list.slice(most - 1);
  return [
    items(list.slice(0, most - 1)),
    h("details.small", h("summary", `${rest.length} more`), items(rest)),
  ];
}

/** Terms and what they are: pairs of a text and a node, without those that are empty. */
export function facts(...pairs) {
  const told = pairs.filter(([, value]) => value);
  return h("dl", told.map(([term, value]) => [h("dt", term), h("dd", value)]));
}

/** Says something to who can't see it. */
export function announce(text) {
  const live = document.getElementById("live");
  live.textContent = "";
  // A region that is filled in the same moment as it was emptied isn't read again.
  setTimeout(() => { live.textContent = text; }, 50);
}

/** Says that something is done, for a few seconds and to everybody. */
export function toast(text) {
  const note = h("div.toast", text);
  document.getElementById("toasts").append(note);
  announce(text);
  setTimeout(() => note.remove(), Math.min(10_000, 3_000 + text.length * 60));
}

/** Copies what an element shows; where the browser refuses, it is selected, so that two keys copy it. */
export function copyButton(label, source, oncopied = null, kind = "") {
  const button = h(`button.${kind}`, { type: "button", onclick: copy }, label);
  async function copy() {
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      getSelection().selectAllChildren(source);
      toast("The browser refused; it is selected now: press Ctrl+C or ⌘C");
      return;
    }
    button.textContent = "Copied";
    announce("Copied");
    setTimeout(() => { button.textContent = label; }, 2_000);
    oncopied?.();
  }
  return button;
}
