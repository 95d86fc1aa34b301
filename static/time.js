// Instants and spans in words, and the elements that keep them true.

import { h } from "./dom.js";

const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };
/** Each unit, its seconds, and from how many of it on it is the one to speak in. */
const UNITS = [
  ["year", 31_557_600, 1.5], ["month", 2_629_800, 14], ["day", 86_400, 2], ["hour", 3_600, 1.5], ["minute", 60, 0],
];
const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });
const relative = new Intl.RelativeTimeFormat("en-GB", { numeric: "auto" });
const number = new Intl.NumberFormat("en-GB");

/** A number as people read it. */
export function count(value, one, many = `${one}s`) {
  return one ? `${number.format(value)} ${value === 1 ? one : many}` : number.format(value);
}

/** `30d` and the like in seconds; `null` for what isn't one. */
export function seconds(duration) {
  const parts = /^(\d+)([smhdw])$/.exec(duration ?? "");
  return parts && Number(parts[1]) * SECONDS[parts[2]];
}

/** `30d` in words. */
export function span(duration) {
  const names = { s: "second", m: "minute", h: "hour", d: "day", w: "week" };
  const parts = /^(\d+)([smhdw])$/.exec(duration ?? "");
  return parts ? count(Number(parts[1]), names[parts[2]]) : (duration ?? "never");
}

/** How far an instant is from now: `in 12 days`, `3 minutes ago`. */
export function ago(instant) {
  const off = (new Date(instant) - Date.now()) / 1_000;
  const far = Math.abs(off);
  if (far < 45) return off > 0 ? "in a moment" : "just now";
  const [unit, of] = UNITS.find(([, of, from]) => far >= of * from);
  return relative.format(Math.round(off / of), unit);
}

/** An instant, relative, with the exact one behind it; `none` where there is none. */
export function when(instant, none = "never") {
  if (!instant) return h("span.soft", none);
  const title = exact.format(new Date(instant));
  return h("time", { datetime: instant, title, "data-relative": true }, ago(instant));
}

/** An instant by its day, with the exact one behind it. */
export function date(instant, none = "never") {
  if (!instant) return h("span.soft", none);
  const at = new Date(instant);
  return h("time", { datetime: instant, title: exact.format(at) }, day.format(at));
}

/** An instant to the second, and how far off it is. */
export function exactly(instant, none = "never") {
  if (!instant) return h("span.soft", none);
  return [h("time", { datetime: instant }, exact.format(new Date(instant))), " (", when(instant), ")"];
}

/** As far as dates are told apart here, in days: two centuries. */
const FAR = 73_000;

/** So many days before or after now as RFC 3339, on the hour: the same question within an hour has the same address. */
export function daysFromNow(days) {
  const hour = 3_600_000;
  const far = Math.max(-FAR, Math.min(FAR, days));
  return new Date(Math.ceil(Date.now() / hour) * hour + far * 24 * hour).toISOString();
}

/** Keeps what `when` said true while a view stands. */
setInterval(() => {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const words = ago(time.dateTime);
    if (time.textContent !== words) time.textContent = words;
  }
}, 20_000);
