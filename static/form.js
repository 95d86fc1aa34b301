// Forms whose fields carry their labels, hints and refusals; dialogs; and asking before what can't be undone.

import { h, nodes, shown } from "./dom.js";

let last = 0;

/**
 * A labelled field. `type` is that of an input, or `textarea`, `select` (with `options`: pairs of a value and its words)
 * or `checkbox`; whatever else is given goes to the control. `name` is the API's name of the field, by which its refusal
 * finds it.
 */
export function field({ label, hint, type = "text", options, ...rest }) {
  const id = `f${++last}`;
  const described = [hint && `${id}-hint`, `${id}-wrong`].filter(Boolean).join(" ");
  const properties = { id, "aria-describedby": described, ...rest };
  const wrong = h("div", { class: "wrong", id: `${id}-wrong` });
  const told = hint && h("div", { class: "hint", id: `${id}-hint` }, hint);
  if (type === "checkbox") {
    const box = h("input", { type, ...properties });
    return h("div", { class: "field" }, h("label", { class: "check" }, box, h("span", null, label)), told, wrong);
  }
  const control = type === "select"
    ? h("select", properties, options.map(([value, words]) => h("option", { value }, words)))
    : h(type === "textarea" ? "textarea" : "input", { type: type === "textarea" ? null : type, ...properties });
  // Only once its options are there.
  if (type === "select" && rest.value !== undefined) control.value = rest.value;
  return h("div", { class: "field" }, h("label", { for: id }, label), control, told, wrong);
}

/** The lines of a text area, trimmed, without empty ones. */
export function lines(text) {
  return text.split(/[\n,]/).map((line) => line.trim()).filter(Boolean);
}

/** Takes back what the last attempt said. */
function clear(element) {
  for (const control of element.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  for (const wrong of element.querySelectorAll(".wrong")) wrong.textContent = "";
  for (const refusal of element.querySelectorAll(".refusal")) refusal.hidden = true;
}

/** Shows why it didn't work: at the field that it is about where there is one, else above the form's buttons. */
export function refuse(element, error) {
  if (!error.words) console.error(error);
  const words = error.words ?? "The page failed; the browser's console says why.";
  const controls = [...element.elements ?? []].filter((control) => control.name && error.field);
  const meant = controls.find((control) => control.name === error.field)
    ?? controls.find((control) => error.field.startsWith(control.name) || control.name.startsWith(`${error.field}.`));
  const wrong = meant?.closest(".field, fieldset")?.querySelector(".wrong");
  if (wrong) {
    wrong.textContent = words;
    meant.setAttribute("aria-invalid", "true");
    for (let around = meant.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
    meant.focus();
    return;
  }
  let box = element.querySelector(".refusal");
  if (!box) {
    box = h("p", { class: "refusal", role: "alert" });
    element.querySelector(":scope > .row:last-child")?.before(box) ?? element.append(box);
  }
  box.textContent = words;
  box.hidden = false;
}

/** Sends a form by `act`, once at a time, and shows what is refused. */
export function sends(element, act) {
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter ?? element.querySelector("button.primary, button.danger, button:not([type])");
    if (element.getAttribute("aria-busy") === "true") return;
    clear(element);
    const missing = [...element.elements].find((control) => !control.validity?.valid);
    if (missing) {
      const words = missing.validity.valueMissing ? "This is needed" : missing.validationMessage;
      refuse(element, Object.assign(new Error(), { field: missing.name, words }));
      return;
    }
    element.setAttribute("aria-busy", "true");
    button?.classList.add("busy");
    try {
      await act(Object.fromEntries(new FormData(element)), element);
    } catch (error) {
      refuse(element, error);
    } finally {
      element.removeAttribute("aria-busy");
      button?.classList.remove("busy");
    }
  });
  return element;
}

/** A form with a button that says what it does; `act` gets what was typed, by name. */
export function form({ action, act, danger = false, cancel = null, ...rest }, ...children) {
  const button = h("button", { class: danger ? "danger" : "primary" }, action);
  const back = cancel && h("button", { type: "button", onclick: cancel }, "Cancel");
  return sends(h("form", { novalidate: true, ...rest }, children, h("div", { class: "row" }, back, button)), act);
}

/** A button that does something: once at a time, and what is refused is shown beside it. */
export function act(label, does, { kind = null, ...rest } = {}) {
  const box = h("span", { class: "wrong", role: "alert" });
  const button = h("button", { type: "button", class: kind, onclick: run, ...rest }, label);
  async function run() {
    if (button.classList.contains("busy")) return;
    box.textContent = "";
    button.classList.add("busy");
    try {
      await does(button);
    } catch (error) {
      if (!error.words) console.error(error);
      box.textContent = error.words ?? "The page failed; the browser's console says why.";
    } finally {
      button.classList.remove("busy");
    }
  }
  return h("span", { class: "row" }, button, box);
}

/** Opens a dialog over the view, which is gone once it is closed; `close` on it closes it. */
export function dialog(title, content, { wide = false, onclose = null, ...rest } = {}) {
  const id = `f${++last}`;
  const element = h("dialog", { "aria-labelledby": id, class: wide ? "wide" : null, ...rest },
    h("div", { class: "stack" }, h("h2", { id }, title), nodes([content])));
  element.addEventListener("close", () => {
    element.remove();
    onclose?.();
  });
  document.body.append(element);
  element.showModal();
  return element;
}

/** Asks before something is done. `act` does it while the dialog stands, and what is refused is shown there. */
export function confirm({ title, text, action, act, danger = false }) {
  return confirmed({ title, text, action, act, danger }, null);
}

/** The same for what can't be undone: its name has to be typed. */
export function confirmByName({ title, text, name, action, act }) {
  const wanted = typed(name) || "yes";
  const control = field({ label: ["Type ", h("b", null, shown(wanted)), " to go on"], name: "confirmed", autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
  return confirmed({ title, text, action, act, danger: true }, control, (values) => typed(values.confirmed) === wanted);
}

/** A name as somebody can type it: without what is unseen, and with single spaces. */
function typed(name) {
  return name.replace(/[^\S ]|\p{C}/gu, "").replace(/\s+/g, " ").trim();
}

function confirmed({ title, text, action, act, danger }, control, fits = () => true) {
  return new Promise((resolve) => {
    let done = false;
    const element = dialog(title, form({
      action,
      danger,
      cancel: () => element.close(),
      async act(values) {
        if (!fits(values)) throw Object.assign(new Error(), { field: "confirmed", words: "That isn't the name." });
        await act?.();
        done = true;
        element.close();
      },
    }, h("p", null, text), control), { onclose: () => resolve(done) });
  });
}

