/* The panels: drawn when they come into view, a few at a time, redrawn when the question or the data changes. */
import { post } from "./ask.js";
import { Chart } from "./chart.js";
import { matcher } from "./match.js";

const AT_ONCE = 4; // charts asked for; browsers keep about six connections to a server, and the page needs some itself
const TOGETHER = 24; // charts brought up to date by one question
const PAGE = 24; // panels of a section shown before "more" is asked for

const MARGIN = 150; // pixels: so near the window a panel is drawn

const charts = new Map(); // panel -> { panel, chart, seen, stale }
const waiting = new Set();
let flying = 0;

/** The runset the charts stand on, as the server wrote it beside the table. */
export const runsetQuery = () => document.querySelector("[data-query]")?.dataset.query ?? "";

/** The query parameters of a panel, the range apart: those of `question` and its own. */
export function panelQuery(panel, question = runsetQuery()) {
  const query = new URLSearchParams(question);
  query.set("metric", panel.dataset.metric);
  if (panel.dataset.key) query.set("panel", panel.dataset.key);
  if (panel.dataset.kind) query.set("kind", panel.dataset.kind);
  return query;
}

export const keyOf = (panel) => panel.dataset.key ?? panel.dataset.metric;

export const chartOf = (panel) => charts.get(panel)?.chart;

const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const state = charts.get(target);
      if (!state) continue;
      state.seen = isIntersecting;
      if (isIntersecting) {
        dress(target);
        drawIfDue(state);
      } else {
        leave(state);
      }
    }
  },
  { rootMargin: `${MARGIN}px` },
);

/** What is in view at first is asked for at once, so that answers travel while the chart library is being compiled: the
 *  observer would tell with the first frame, which is after that. */
function begin() {
  const near = [...charts.values()].filter(({ panel }) => {
    const { top, bottom, height } = panel.getBoundingClientRect();
    return height > 0 && bottom > -MARGIN && top < innerHeight + MARGIN;
  });
  for (const state of near) {
    state.seen = true;
    dress(state.panel);
  }
  near.forEach(drawIfDue);
}

/** Resolves when it has been drawn, or will not be for now. */
function drawIfDue(state) {
  if (!state.seen || !state.stale) return null;
  waiting.add(state);
  state.settled?.();
  const drawn = new Promise((resolve) => { state.settled = resolve; });
  drawNext();
  return drawn;
}

function drawNext() {
  for (const state of waiting) {
    if (flying >= AT_ONCE) return;
    waiting.delete(state);
    state.stale = false;
    flying += 1;
    state.chart ??= new Chart(state.panel, () => panelQuery(state.panel));
    // The next is asked for while this one is drawn.
    const answered = () => {
      flying -= 1;
      drawNext();
    };
    state.chart.draw(answered).finally(() => state.settled?.());
  }
}

/** Out of view: what is still being asked for is asked for when the panel comes back. */
function leave(state) {
  waiting.delete(state);
  state.settled?.();
  if (state.chart?.abort()) state.stale = true;
}

/** Tools, plot and message of a panel, which comes from the server with its name alone. */
function dress(panel) {
  if (panel.querySelector(".plot")) return;
  const parts = document.getElementById("panel-parts").content.cloneNode(true);
  for (const named of parts.querySelectorAll("[data-label]")) {
    named.setAttribute("aria-label", `${named.dataset.label} ${panel.dataset.metric}`);
  }
  panel.querySelector("header").append(...parts.querySelector("header").children);
  parts.querySelector("header").remove();
  if (panel.dataset.kind) panel.querySelector("[data-do=section-settings]")?.remove();
  panel.append(parts);
  panel.querySelector("header").draggable = panel.querySelector("[data-do=earlier]") !== null;
}

/** Panels of other kinds than line plots ask elsewhere. */
export function address(panel) {
  if (!panel.dataset.kind) return;
  const { summaryPlot, summaryCsv } = document.querySelector("[data-summary-plot]").dataset;
  panel.dataset.linePlot = summaryPlot;
  panel.dataset.csvUrl = summaryCsv;
}

function start(panel) {
  address(panel);
  charts.set(panel, { panel, chart: null, seen: false, stale: true });
  observer.observe(panel);
}

function stop(panel) {
  const state = charts.get(panel);
  observer.unobserve(panel);
  charts.delete(panel);
  waiting.delete(state);
  state?.settled?.();
  state?.chart?.forget();
}

/** Draw anew what is in view now, for which the promise waits, and the rest when it comes into view. */
export function redraw(only = () => true) {
  const due = [...charts].filter(([panel]) => only(panel)).map(([, state]) => state);
  for (const state of due) state.stale = true;
  return Promise.all(due.map(drawIfDue));
}

/** Brings what is drawn and in view up to new data, many charts with one question; the rest when it comes into view. */
export async function refresh() {
  const drawn = [...charts.values()].filter(({ seen, stale, chart }) => seen && !stale && chart?.version && !chart.flight);
  const panels = new Set(drawn.map(({ panel }) => panel));
  const alone = redraw((panel) => !panels.has(panel));
  for (let at = 0; at < drawn.length; at += TOGETHER) await together(drawn.slice(at, at + TOGETHER));
  await alone;
}

async function together(states) {
  const addresses = states.map(({ chart }) => chart.address());
  const questions = states.map(({ panel, chart }) => [String(chart.asking(panelQuery(panel, ""))), chart.version]);
  const { figuresUrl } = document.querySelector("[data-figures-url]").dataset;
  // What is refused, or asked for in another way meanwhile, is asked for by itself, and says what is wrong.
  const answers = await post(`${figuresUrl}?${runsetQuery()}`, questions).then(JSON.parse, () => []);
  const again = new Set();
  for (const [at, state] of states.entries()) {
    const { panel, chart, seen } = state;
    if (answers[at] === null || chart.flight || charts.get(panel) !== state) continue;
    const { figure, version } = answers[at] ?? {};
    if (figure && seen && chart.address() === addresses[at]) await chart.show(figure, version);
    else again.add(panel);
  }
  await redraw((panel) => again.has(panel));
}

/** Which panels are shown: those the search means, of each section the first pages. */
function settle() {
  const search = document.querySelector("#panel-search");
  const problem = document.querySelector("#panel-search-problem");
  let meant = () => true;
  problem.hidden = true;
  try {
    meant = matcher(search.value);
  } catch {
    problem.textContent = "Not a regular expression.";
    problem.hidden = false;
  }
  let shown = 0;
  for (const section of document.querySelectorAll(".section")) {
    const most = Number(section.dataset.most ?? PAGE);
    let found = 0;
    for (const panel of section.querySelectorAll(".panel")) {
      const fits = meant(panel.dataset.metric);
      found += fits;
      panel.hidden = !fits || found > most;
    }
    shown += found;
    section.hidden = found === 0;
    more(section, found - most);
  }
  document.querySelector(".no-panels").hidden = shown > 0 || !search.value.trim();
}

function more(section, rest) {
  let button = section.querySelector(".more-panels");
  if (rest <= 0) {
    button?.remove();
    return;
  }
  if (!button) {
    button = document.createElement("button");
    button.type = "button";
    button.className = "btn more-panels";
    button.dataset.do = "more";
    section.append(button);
  }
  button.textContent = `Show ${Math.min(rest, PAGE)} more of ${rest}`;
}

const collapsedKey = () => `collapsed:${location.pathname}`;

function collapsed() {
  try {
    return new Set(JSON.parse(localStorage.getItem(collapsedKey()) ?? "[]"));
  } catch {
    return new Set();
  }
}

function remember(section) {
  const closed = collapsed();
  if (section.open) closed.delete(section.id);
  else closed.add(section.id);
  localStorage.setItem(collapsedKey(), JSON.stringify([...closed]));
}

/** The children of `parent` become `nodes`; those in place already are not touched, so that focus and charts stay. */
function order(parent, nodes) {
  let place = parent.firstElementChild;
  for (const node of nodes) {
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  while (place) {
    const next = place.nextElementSibling;
    place.remove();
    place = next;
  }
}

/** The panels as a freshly asked page has them; those that are here already stay as they are. */
export function arrange(fresh) {
  const here = document.getElementById("panels");
  const before = new Set(here.querySelectorAll(".panel"));
  const closed = collapsed();
  const children = [...fresh.querySelector("#panels").children].map((part) => {
    if (!part.matches(".section")) return part;
    const section = document.getElementById(part.id) ?? part;
    const panels = [...part.querySelectorAll(".panel")].map((panel) => document.getElementById(panel.id) ?? panel);
    section.querySelector("summary span").textContent = panels.length;
    if (section === part) part.open = !closed.has(part.id);
    return [section, panels];
  });
  order(here, children.map((child) => child[0] ?? child));
  for (const [section, panels] of children.filter(Array.isArray)) order(section.querySelector(".grid"), panels);
  for (const panel of before) if (!panel.isConnected) stop(panel);
  for (const panel of here.querySelectorAll(".panel")) if (!charts.has(panel)) start(panel);
  settle();
}

export function mount(root) {
  const panels = root.querySelector("#panels");
  if (!panels) return;
  const closed = collapsed();
  for (const section of panels.querySelectorAll(".section")) section.open = !closed.has(section.id);
  panels.addEventListener("toggle", (event) => event.target.matches(".section") && remember(event.target), true);
  settle();
  panels.querySelectorAll(".panel").forEach(start);
  begin();
  root.querySelector("#panel-search").addEventListener("input", settle);
  panels.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-do]");
    if (button?.dataset.do === "retry") charts.get(button.closest(".panel")).chart.draw();
    if (button?.dataset.do === "more") {
      const section = button.closest(".section");
      section.dataset.most = Number(section.dataset.most ?? PAGE) + PAGE;
      settle();
    }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());
}
