// Checks over time and what expires: of the instance, of an organization, of a token.

import { query } from "./api.js";
import { checksChart, expiryStrip, OUTCOMES } from "./chart.js";
import { facts, h } from "./dom.js";
import { field } from "./form.js";
import { watch } from "./live.js";
import { managed } from "./membership.js";
import { count, daysFromNow } from "./time.js";

const EVERY = 15_000;
const SPANS = [["2d", "Two days, by the hour"], ["30d", "Thirty days, by the day"]];

/** A field that picks one of them, or for an operator the whole instance. */
export function picker({ operator }, slugs, rest) {
  const all = operator ? [["", "all of them"]] : [];
  return field({ label: "Organization", name: "organization", type: "select", ...rest,
    options: [...all, ...slugs.map((slug) => [slug, slug])] });
}

export async function view(context) {
  const { session } = context;
  const slugs = await managed(context);
  const state = { organization: "", ...Object.fromEntries(context.asked) };
  if (!session.operator && !slugs.includes(state.organization)) [state.organization] = slugs;
  const whose = () => ({ organization: state.organization });
  const figures = h("section.card", { "aria-label": "At a glance" });
  const told = { history: null, soon: 0 };
  const soon = () => ({ status: "active", expires_before: daysFromNow(7), ...whose() });

  function glance() {
    if (told.history) figures.replaceChildren(headline(told.history, told.soon, state.organization));
  }

  const [chart, strip, ...agains] = await Promise.all([
    history(context, state, whose),
    expiries(context, whose),
    watch(context, () => query("/v1/checks", { span: "2d", ...whose() }), (data) => {
      told.history = data;
      glance();
    }, EVERY),
    watch(context, () => query("/v1/tokens", { ...soon(), limit: 1, total: true }), ({ total }) => {
      told.soon = total ?? "very many";
      glance();
    }, EVERY),
  ]);

  async function choose({ target }) {
    state.organization = target.value;
    context.write(state);
    await Promise.all([chart.again(), strip.again(), ...agains.map((again) => again())]);
  }

  const one = session.operator || slugs.length > 1;
  return h("div.stack", h("h1", "Checks"),
    one && h("div.filters", picker(session, slugs, { value: state.organization, onchange: choose })),
    figures, chart.element, strip.element);
}

/** What expires in the next ninety days as a card, live; a day leads to what expires until then, its own first. */
export async function expiries(context, whose = () => ({})) {
  const element = h("section.card", { "aria-label": "What expires" });
  const onPick = (by) => {
    location.hash = query("#/tokens", { by, sort: "-expires_at", ...whose() });
  };
  const again = await watch(context, () => query("/v1/tokens/expiring", { days: 90, ...whose() }), (data) => {
    redraw(element, expiryStrip(data, { label: "Tokens that expire in the next 90 days", onPick }));
  }, EVERY);
  return { element, again };
}

/**
 * The chart as a card, live, with a switch between its spans, which stays in the address with the rest of `state`.
 * `whose()` says of what, as the API has it.
 */
export async function history(context, state, whose) {
  const place = h("div");
  const where = () => query("/v1/checks", { span: span(), ...whose() });
  const span = () => (SPANS.some(([name]) => name === state.span) ? state.span : SPANS[0][0]);
  const again = await watch(context, where, (data) => {
    redraw(place, checksChart(data, { label: `Checks in the last ${data.hours > 72 ? "30 days" : "48 hours"}` }));
  }, EVERY);

  async function choose({ target }) {
    state.span = target.value;
    context.write(state);
    await again();
  }

  const control = h("select.auto", { "aria-label": "Over how long", onchange: choose },
    SPANS.map(([value, words]) => h("option", { value }, words)));
  control.value = span();
  return { element: h("section.card", h("div.head", h("h2", "Checks over time"), control), place), again };
}

/** Puts a chart in the place of another: what is open stays open, and what has the focus keeps it. */
function redraw(place, chart) {
  const focusable = () => [...place.querySelectorAll("button, summary, .scroll")];
  const opened = place.querySelector("details")?.open ?? false;
  const top = place.querySelector(".scroll")?.scrollTop ?? 0;
  const focused = focusable().indexOf(document.activeElement);
  place.replaceChildren(chart);
  const details = place.querySelector("details");
  if (details) details.open = opened;
  if (details) details.querySelector(".scroll").scrollTop = top;
  focusable()[focused]?.focus({ preventScroll: true });
}

/** The last day and the next week in words. */
function headline({ outcomes }, soon, organization) {
  const sums = OUTCOMES.map(([name, words, meaning]) => {
    const last = (outcomes[name] ?? []).slice(-24).reduce((all, each) => all + each, 0);
    return { name, words, meaning, last };
  });
  const total = sums.reduce((all, { last }) => all + last, 0);
  const [most, ...others] = sums.filter(({ name, last }) => name !== "admitted" && last > 0)
    .sort((one, other) => other.last - one.last);
  const refused = total - sums.find(({ name }) => name === "admitted").last;
  const how = others.length > 0 ? `${count(most.last)} of them` : "all of them";
  const kind = most && `${how} “${most.words}”: ${most.meaning}`;
  return facts(
    ["In the last 24 hours", count(total, "check")],
    ["Refused", most ? `${count(refused)}, ${kind}` : "none"],
    ["Within 7 days", h("span", [soon === 0 ? "no token expires" : h("a",
      { href: query("#/tokens", { expires: 7, sort: "expires_at", organization }) },
      typeof soon === "number" ? count(soon, "token expires", "tokens expire") : `${soon} tokens expire`)])],
  );
}
