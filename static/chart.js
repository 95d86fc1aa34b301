// The charts: checks by the hour as stacked bars, and what expires as a calendar. Each is a picture with a name, and
// the same numbers as a table beneath it. Colours are the stylesheet's; each outcome has a pattern of its own as well.

export const OUTCOMES = [
  ["admitted", "let through", "the token was good for what was asked"],
  ["limited", "over a limit", "refused by the token's own networks, routes, uses or rate"],
  ["forbidden", "not allowed", "the token lacks a privilege, or isn't meant for what was asked"],
  ["dead", "dead token", "expired, disabled, deleted or superseded; or its owner or organization is off"],
  ["unknown", "unknown token", "no token of this server"],
];
// How each is told apart without colour: lines within a square of six, on its colour.
const TEXTURES = {
  limited: "M0 3H6",
  forbidden: "M0 6L6 0M-1 1L1 -1M5 7L7 5",
  dead: "M3 0V6",
  unknown: "M0 0L6 6M0 6L6 0",
};
const HOUR = 3600e3;
const DAY = 24 * HOUR;
const HEIGHT = 190;
const EDGE = { top: 22, right: 6, bottom: 22, left: 44 };

let drawn = 0;

function maker(create) {
  return (tag, attributes, ...children) => {
    const element = create(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value !== undefined && value !== null) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };
}

const svg = maker((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
const html = maker((tag) => document.createElement(tag));

const number = (value) => value.toLocaleString("en-GB");
const many = (count, one, more) => `${number(count)} ${count === 1 ? one : more}`;
const format = (options) => new Intl.DateTimeFormat("en-GB", options);
const zone = () => format().resolvedOptions().timeZone || "local time";

// What a chart shows: a bar for each hour or, of a month, for each day of the reader's.
function groups({ since, hours, outcomes }) {
  const begins = Date.parse(since);
  const byDay = hours > 72;
  const bars = [];
  for (let hour = 0; hour < hours; hour += 1) {
    const at = new Date(begins + hour * HOUR);
    let bar = bars.at(-1);
    if (!byDay || bar?.at.toDateString() !== at.toDateString()) {
      bar = { at, hours: 0, counts: Object.fromEntries(OUTCOMES.map(([name]) => [name, 0])), sum: 0 };
      bars.push(bar);
    }
    bar.hours += 1;
    for (const [name] of OUTCOMES) {
      const count = outcomes[name]?.[hour] ?? 0;
      bar.counts[name] += count;
      bar.sum += count;
    }
  }
  return { bars, byDay };
}

// The least round number that is no less, with the step that divides it into a few.
function scale(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(most, 1)));
  const step = [0.2, 0.5, 1, 2].map((part) => part * power).find((part) => most / part <= 5) ?? power;
  const whole = Math.max(1, Math.round(step));
  return { top: Math.ceil(most / whole) * whole, step: whole };
}

function short(value) {
  return new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

function pattern(id, name) {
  const lines = svg("path", { d: TEXTURES[name], class: "texture" });
  return svg("pattern", { id: `${id}-${name}`, width: 6, height: 6, patternUnits: "userSpaceOnUse" }, lines);
}

function box(x, y, width, height) {
  return `M${x.toFixed(1)} ${y.toFixed(1)}h${width.toFixed(1)}v${height.toFixed(1)}h${(-width).toFixed(1)}z`;
}

// Which bars have their time written below them, so that no two words meet.
function marks({ bars, byDay }, room) {
  const day = format({ day: "numeric", month: "short" });
  const time = format({ hour: "numeric", minute: "2-digit" });
  const every = [1, 2, 3, 6, 7, 12, 24].find((step) => (room / bars.length) * step >= 46) ?? 24;
  const found = [];
  bars.forEach(({ at }, place) => {
    const midnight = at.getHours() === 0;
    const due = byDay ? place % every === Math.floor(every / 2) : at.getHours() % every === 0;
    if (due) found.push({ place, text: byDay || midnight ? day.format(at) : time.format(at) });
  });
  return found;
}

function said({ counts, sum }) {
  const parts = OUTCOMES.filter(([name]) => counts[name] > 0);
  return sum === 0 ? "none" : parts.map(([name, words]) => `${number(counts[name])} ${words}`).join(", ");
}

function picture(grouped, named, id, width) {
  const { bars, byDay } = grouped;
  const room = Math.max(80, width - EDGE.left - EDGE.right);
  const tall = HEIGHT - EDGE.top - EDGE.bottom;
  const { top, step } = scale(Math.max(...bars.map((bar) => bar.sum)));
  const high = (count) => (count / top) * tall;
  const pitch = room / bars.length;
  const thick = Math.max(1, pitch - Math.min(3, pitch * 0.2));
  const size = { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` };
  const image = svg("svg", { role: "img", "aria-label": named, ...size });
  const used = OUTCOMES.filter(([name]) => bars.some((bar) => bar.counts[name] > 0)).map(([name]) => name);
  image.append(svg("defs", {}, ...used.filter((name) => TEXTURES[name]).map((name) => pattern(id, name))));
  image.append(svg("text", { x: 0, y: 11, class: "unit" }, byDay ? "checks per day" : "checks per hour"));
  for (let count = 0; count <= top; count += step) {
    const y = EDGE.top + tall - high(count);
    image.append(svg("line", { x1: EDGE.left, x2: width - EDGE.right, y1: y, y2: y, class: count ? "grid" : "axis" }));
    image.append(svg("text", { x: EDGE.left - 5, y: y + 4, "text-anchor": "end" }, short(count)));
  }
  const below = bars.map(() => 0);
  for (const name of used) {
    const parts = bars.map((bar, place) => {
      const count = bar.counts[name];
      if (count === 0) return "";
      // What there was is to be seen, however little beside the rest.
      const height = Math.max(1.5, high(count) - (below[place] > 0 ? 0.5 : 0));
      const y = EDGE.top + tall - below[place] - height;
      below[place] += height + 0.5;
      return box(EDGE.left + place * pitch + (pitch - thick) / 2, y, thick, height);
    });
    const d = parts.join("");
    image.append(svg("path", { d, class: name }));
    if (TEXTURES[name]) image.append(svg("path", { d, fill: `url(#${id}-${name})` }));
  }
  for (const { place, text } of marks(grouped, room)) {
    const x = EDGE.left + (byDay ? (place + 0.5) * pitch : place * pitch);
    image.append(svg("line", { x1: x, x2: x, y1: EDGE.top + tall, y2: EDGE.top + tall + 4, class: "axis" }));
    const anchor = x > width - 20 ? "end" : "middle";
    image.append(svg("text", { x, y: HEIGHT - 6, "text-anchor": anchor }, text));
  }
  const when = moment(byDay);
  bars.forEach((bar, place) => {
    const area = svg("rect", { x: EDGE.left + place * pitch, y: EDGE.top, width: pitch, height: tall, class: "hit" });
    area.append(svg("title", {}, `${when(bar.at)}: ${said(bar)}`));
    image.append(area);
  });
  return image;
}

function moment(byDay) {
  const day = { weekday: "short", day: "numeric", month: "short" };
  const formatted = format(byDay ? day : { ...day, hour: "numeric", minute: "2-digit" });
  return (at) => formatted.format(at);
}

function legend(totals, id) {
  const entry = ([name, words, meaning]) => {
    const size = { width: 14, height: 14 };
    const swatch = svg("svg", { ...size, "aria-hidden": "true" }, svg("rect", { ...size, class: name }));
    if (TEXTURES[name]) {
      swatch.append(svg("defs", {}, pattern(`${id}-key`, name)));
      swatch.append(svg("rect", { ...size, fill: `url(#${id}-key-${name})` }));
    }
    return html("li", { title: meaning }, swatch, `${words}: ${number(totals[name])}`);
  };
  return html("ul", { class: "legend" }, ...OUTCOMES.filter(([name]) => totals[name] > 0).map(entry));
}

function table(caption, heads, rows) {
  const head = html("tr", {}, ...heads.map((text) => html("th", { scope: "col" }, text)));
  const lines = rows.map(([first, ...rest]) =>
    html("tr", {}, html("th", { scope: "row" }, first), ...rest.map((text) => html("td", {}, text))));
  const whole = html("table", {}, html("caption", {}, caption), html("thead", {}, head), html("tbody", {}, ...lines));
  // What can be scrolled has to be reached by keyboard.
  const framed = html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption }, whole);
  return html("details", {}, html("summary", {}, "The numbers"), framed);
}

function figure(label, ...children) {
  return html("figure", { class: "chart" }, html("figcaption", {}, label), ...children);
}

// Draws it again whenever the room for it changes, so that words keep their size.
function fitting(draw) {
  const frame = html("div", { class: "picture" }, draw(640));
  let last = 640;
  new ResizeObserver(([{ contentRect }]) => {
    const width = Math.floor(contentRect.width);
    if (width < 1 || width === last) return;
    last = width;
    frame.replaceChildren(draw(width));
  }).observe(frame);
  return frame;
}

// Checks by the hour, of `GET /v1/checks`.
export function checksChart(data, { label }) {
  const grouped = groups(data);
  const { bars, byDay } = grouped;
  const span = byDay ? many(Math.round(data.hours / 24), "day", "days") : many(data.hours, "hour", "hours");
  const total = (name) => bars.reduce((all, bar) => all + bar.counts[name], 0);
  const totals = Object.fromEntries(OUTCOMES.map(([name]) => [name, total(name)]));
  const sum = bars.reduce((all, bar) => all + bar.sum, 0);
  if (sum === 0) return figure(label, html("p", {}, `No checks in the last ${span}.`));
  drawn += 1;
  const id = `chart${drawn}`;
  const named = `${label}: ${many(sum, "check", "checks")} in the last ${span}: ${said({ counts: totals, sum })}`;
  const when = moment(byDay);
  const partial = byDay ? "The first day isn't whole, and the last isn't over." : "The last hour isn't over.";
  const heads = [byDay ? "Day" : "Hour from", ...OUTCOMES.map(([, words]) => words), "all"];
  const counts = (bar) => OUTCOMES.map(([name]) => number(bar.counts[name]));
  const rows = bars.map((bar) => [when(bar.at), ...counts(bar), number(bar.sum)]);
  const caption = `${label}, by the ${byDay ? "day" : "hour"}, ${zone()}`;
  return figure(
    label,
    legend(totals, id),
    fitting((width) => picture(grouped, named, id, width)),
    html("p", { class: "small soft" }, `Times are those of ${zone()}. ${partial}`),
    table(caption, heads, rows.reverse()),
  );
}

// How dark a cell is: four shades, by the length of the number rather than by its size: one day may have very many.
const shade = (count, most) => (count === 0 ? 0 : 1 + Math.floor((3 * Math.log(count)) / Math.log(Math.max(most, 2))));

// Arrow keys walk along the days that can be picked; one of them is reached by tab.
function walkable(cells) {
  cells.forEach((cell, place) => {
    cell.tabIndex = place === 0 ? 0 : -1;
    cell.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const to = event.key === "Home" ? 0 : event.key === "End" ? cells.length - 1 : place + step;
      if (!cells[to]) return;
      event.preventDefault();
      cell.tabIndex = -1;
      cells[to].tabIndex = 0;
      cells[to].focus();
    });
  });
}

// What expires on which day, of `GET /v1/tokens/expiring`: weeks from left to right, Mondays at the top.
// `onPick(day, count)` is called with a day such as `2026-11-22`.
export function expiryStrip(data, { label, onPick }) {
  const first = Date.parse(`${data.since}T00:00:00Z`);
  const sum = data.days.reduce((all, count) => all + count, 0);
  const most = Math.max(1, ...data.days);
  const rest = `${many(data.later, "expires", "expire")} later, ${number(data.never)} never.`;
  const days = many(data.days.length, "day", "days");
  if (sum === 0) return figure(label, html("p", {}, `No token expires in the next ${days}. ${rest}`));
  const long = format({ weekday: "short", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
  const month = format({ month: "short", timeZone: "UTC" });
  const weekday = format({ weekday: "short", timeZone: "UTC" });
  const monday = (new Date(first).getUTCDay() + 6) % 7;
  const grid = html("div", { class: "days", role: "group", "aria-label": `${label}, by the day in UTC` });
  // 1970 began on a Thursday.
  [0, 2, 4, 6].forEach((row) => {
    const name = html("span", { class: "weekday", "aria-hidden": "true" }, weekday.format((row + 4) * DAY));
    name.style.gridArea = `${row + 2} / 1`;
    grid.append(name);
  });
  const rows = [];
  const picked = [];
  let named = 0;
  data.days.forEach((count, place) => {
    const at = new Date(first + place * DAY);
    const [row, column] = [(monday + place) % 7, Math.floor((monday + place) / 7)];
    if ((place === 0 || at.getUTCDate() === 1) && column + 2 >= named) {
      const name = html("span", { class: "month", "aria-hidden": "true" }, month.format(at));
      name.style.gridArea = `1 / ${column + 2} / auto / span 2`;
      named = column + 4;
      grid.append(name);
    }
    const words = `${long.format(at)}: ${count === 0 ? "none expires" : many(count, "token expires", "tokens expire")}`;
    const button = count > 0 && onPick;
    const shown = count === 0 ? "" : count > 99 ? "99+" : String(count);
    const attributes = { class: `day shade-${shade(count, most)}`, title: words, "data-count": shown || null };
    if (button) Object.assign(attributes, { type: "button", "aria-label": words });
    const cell = html(button ? "button" : "span", attributes);
    cell.style.gridArea = `${row + 2} / ${column + 2}`;
    if (button) {
      cell.addEventListener("click", () => onPick(at.toISOString().slice(0, 10), count));
      picked.push(cell);
    }
    if (count > 0) rows.push([long.format(at), number(count)]);
    grid.append(cell);
  });
  walkable(picked);
  return figure(
    label,
    html("p", {}, `${many(sum, "token expires", "tokens expire")} in the next ${days}; ${rest}`),
    grid,
    html("p", { class: "small soft" }, "Days are those of UTC."),
    table(`${label}, days on which any does`, ["Day in UTC", "Tokens"], rows),
  );
}
