// Forms that show a refusal at the field that it is about, buttons that do something, and dialogs.

import { h, shown } from "./dom.js";

let last = 0;

/**
 * A labelled field. `type` is an input's, or `textarea`, `checkbox` or `select` with `options`, pairs of a value and
 * its words; what else is given goes to the control. `name` is the API's, by which a refusal finds its field.
 */
export function field({ label, hint, type = "text", options, ...rest }) {
  const id = `f${++last}`;
  const properties = { id, "aria-describedby": `${hint ? `${id}-hint ` : ""}${id}-wrong`, ...rest };
  const told = [hint && h("div.hint", { id: `${id}-hint` }, hint), h("div.wrong", { id: `${id}-wrong` })];
  if (type === "checkbox") {
    return h("div.field", h("label.check", h("input", { type, ...properties }), h("span", label)), told);
  }
  const choices = options?.map(([value, words]) => h("option", { value }, words));
  const control = type === "select" || type === "textarea" ? h(type, properties, choices)
    : h("input", { type, ...properties });
  // Of a select only now that its options are there.
  if (rest.value !== undefined) control.value = rest.value;
  return h("div.field", h("label", { for: id }, label), control, told);
}

/** What stands in a text area, a line or comma apart. */
export function lines(text) {
  return text.split(/[\n,]/).map((line) => line.trim()).filter(Boolean);
}

/** A failure in words. One that isn't the server's is the page's own, and goes to the console. */
export function told(error) {
  if (!error.words) console.error(error);
  return error.words ?? "The page failed; the browser's console says why.";
}

/** What a form refuses by itself, as the server would. */
export function wrong(name, words) {
  return Object.assign(new Error(words), { field: name, words });
}

function clear(form) {
  for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  for (const place of form.querySelectorAll(".wrong")) place.textContent = "";
  for (const refusal of form.querySelectorAll(".refusal")) refusal.hidden = true;
}

/** Shows why it didn't work: at the field that it is about, or else above the form's buttons. */
function refuse(form, error) {
  const named = [...form.elements].filter(({ name }) => name && error.field);
  const near = ({ name }) => error.field.startsWith(name) || name.startsWith(`${error.field}.`);
  const control = named.find(({ name }) => name === error.field) ?? named.find(near);
  const place = control?.closest(".field, fieldset")?.querySelector(":scope > .wrong");
  if (place) {
    place.textContent = error.short ?? told(error);
    control.setAttribute("aria-invalid", "true");
    for (let at = control; at; at = at.parentElement.closest("details")) at.open = true;
    control.focus();
    return;
  }
  const box = form.querySelector(".refusal") ?? h("p.refusal", { role: "alert" });
  box.textContent = told(error);
  box.hidden = false;
  if (!box.isConnected) form.lastElementChild.before(box);
}

/** Sends a form by `act`, once at a time, and shows what is refused. */
export function sends(form, act) {
  form.addEventListener("submit", async ({ submitter }) => {
    if (form.ariaBusy === "true") return;
    clear(form);
    const invalid = [...form.elements].find((control) => !control.validity.valid);
    if (invalid) {
      const { valueMissing } = invalid.validity;
      refuse(form, wrong(invalid.name, valueMissing ? "This is needed." : invalid.validationMessage));
      return;
    }
    form.ariaBusy = "true";
    const cancel = form.querySelector("[data-cancel]");
    if (cancel) cancel.disabled = true;
    submitter?.classList.add("busy");
    try {
      await act(Object.fromEntries(new FormData(form)), form);
    } catch (error) {
      refuse(form, error);
    } finally {
      form.ariaBusy = null;
      if (cancel) cancel.disabled = false;
      submitter?.classList.remove("busy");
    }
  });
  return form;
}

/** A form with a button that says what it does; `act` gets what was typed, by name. */
export function form({ action, act, danger = false, cancel = null, ...rest }, ...children) {
  const send = h(danger ? "button.danger" : "button.primary", action);
  const away = cancel && button("Cancel", cancel);
  if (away) away.dataset.cancel = "";
  const buttons = [away, send];
  return sends(h("form", { novalidate: true, ...rest }, children, h("div.row", buttons)), act);
}

/** A button that isn't a form's. */
export function button(label, onclick, kind = "") {
  return h(`button.${kind}`, { type: "button", onclick }, label);
}

/** A button that does something, once at a time; what is refused stands beside it. */
export function act(label, does, kind = "") {
  const box = h("span.wrong", { role: "alert" });
  const one = button(label, async () => {
    if (one.classList.contains("busy")) return;
    box.textContent = "";
    one.classList.add("busy");
    try {
      await does();
    } catch (error) {
      box.textContent = told(error);
    } finally {
      one.classList.remove("busy");
    }
  }, kind);
  return h("span.row", one, box);
}

/** Opens a dialog over the view; it is gone once its `close` is called. */
export function dialog(title, content, { wide = false, onclose = null, ...rest } = {}) {
  const id = `f${++last}`;
  const properties = { "aria-labelledby": id, class: wide ? "wide" : null, ...rest };
  const element = h("dialog", properties, h("div.stack", h("h2", { id }, title), content));
  // What is being done shouldn't lose whoever waits for it, nor what it brings.
  element.addEventListener("cancel", (event) => {
    if (element.querySelector("form[aria-busy=true]")) event.preventDefault();
  });
  element.addEventListener("close", () => {
    element.remove();
    onclose?.();
  });
  document.body.append(element);
  element.showModal();
  return element;
}

/**
 * Asks before something is done; resolves to whether it was. `act` does it while the dialog stands, and what is refused
 * is shown there.
 */
export function confirm({ title, text, action, act, danger = false }, control = null, check = null) {
  return new Promise((resolve) => {
    let done = false;
    const element = dialog(title, form({
      action,
      danger,
      cancel: () => element.close(),
      async act(values) {
        check?.(values);
        await act?.();
        done = true;
        element.close();
      },
    }, h("p", text), control), { onclose: () => resolve(done) });
  });
}

/** The same for what can't be undone: the `name` of what it is done to has to be typed. */
export function confirmByName({ name, ...rest }) {
  const wanted = typed(name) || "yes";
  const label = ["Type ", h("b", shown(wanted)), " to go on"];
  const control = field({ label, name: "typed", autocomplete: "off", spellcheck: "false" });
  return confirm({ ...rest, danger: true }, control, (values) => {
    if (typed(values.typed) !== wanted) throw wrong("typed", "This isn't its name.");
  });
}

/** A name as somebody can type it: without what is unseen, and with single spaces. */
function typed(name) {
  return name.replace(/\s+/g, " ").replace(/\p{C}/gu, "").trim();
}
