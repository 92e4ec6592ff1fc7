/* What panels of one x axis do together when asked to: zoom and hover. And a line and its row of the table, always. */
import { chartOf, redraw } from "./panels.js";

const on = (what) => (document.querySelector("[data-sync]")?.dataset.sync ?? "").split(",").includes(what);

let over = null; // the row of the table under the pointer

const ranges = new Map(); // x axis -> range, while panels zoom together

const drawnPanels = () => [...document.querySelectorAll("#panels .panel")].filter((panel) => chartOf(panel)?.meta);

const others = (chart) =>
  drawnPanels().filter((panel) => panel !== chart.panel && chartOf(panel).meta.xAxis === chart.meta.xAxis);

const same = (one, another) => String(one) === String(another);

function zoomed({ detail: { chart } }) {
  if (!on("zoom") || chartOf(chart.panel) !== chart) return;
  ranges.set(chart.meta.xAxis, chart.range);
  const behind = new Set(others(chart).filter((panel) => !same(chartOf(panel).range, chart.range)));
  for (const panel of behind) chartOf(panel).range = chart.range;
  redraw((panel) => behind.has(panel));
}

/** A panel that came into view after the others were zoomed. */
function catchUp(chart) {
  if (!on("zoom") || !ranges.has(chart.meta.xAxis) || same(chart.range, ranges.get(chart.meta.xAxis))) return;
  chart.range = ranges.get(chart.meta.xAxis);
  redraw((panel) => panel === chart.panel);
}

function drawn({ detail: { chart, first } }) {
  if (chartOf(chart.panel) !== chart) return;
  if (first) {
    chart.plot.on("plotly_hover", (event) => hovered(chart, event));
    chart.plot.on("plotly_unhover", () => left(chart));
  }
  if (over) standOut([chart.panel]);
  catchUp(chart);
}

function hovered(chart, { points, event }) {
  // A hover that another panel caused has no pointer over this one.
  if (!chart.plot.matches(":hover")) return;
  light(document.querySelector(".runs"), nearest(chart.plot, points, event));
  if (!on("hover")) return;
  for (const panel of others(chart)) {
    if (near(panel)) window.Plotly.Fx.hover(chartOf(panel).plot, { xval: points[0].xaxis.d2l(points[0].x) });
  }
}

function left(chart) {
  light(document.querySelector(".runs"), null);
  if (!on("hover")) return;
  for (const panel of others(chart)) window.Plotly.Fx.unhover(chartOf(panel).plot);
}

function near(panel) {
  const { top, bottom } = panel.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

/** The group of the line closest to the pointer. */
function nearest(plot, points, event) {
  const y = event.clientY - plot.getBoundingClientRect().top;
  const distance = ({ yaxis, y: value }) => Math.abs(yaxis._offset + yaxis.d2p(value) - y);
  return points.reduce((best, point) => (distance(point) < distance(best) ? point : best)).data.meta.group;
}

function light(runs, group) {
  for (const row of runs?.querySelectorAll("tr.lit") ?? []) row.classList.remove("lit");
  if (group === null) return;
  for (const kind of ["group", "run"]) runs?.querySelector(`tr[data-key="${kind}-${group}"]`)?.classList.add("lit");
}

/** The ids of the row of the table, and of the groups it stands under. */
function lineage(row) {
  const ids = [];
  for (let depth = Infinity; row; row = row.previousElementSibling) {
    if (Number(row.dataset.depth) >= depth) continue;
    depth = Number(row.dataset.depth);
    ids.push(row.dataset.key.replace(/^(group|run)-/, ""));
  }
  return ids;
}

/** In these charts the lines of the row's runs stand out: its own, else those of the group it is in. */
function standOut(panels) {
  const ids = over ? lineage(over) : [];
  for (const panel of panels) {
    const { plot } = chartOf(panel);
    const of = (id) => plot._fullData.filter(({ meta }) => meta.group === id || meta.within.includes(id));
    const lit = ids.map(of).find((found) => found.length) ?? [];
    const classes = new Set(lit.map((trace) => `trace${trace.uid}`));
    panel.classList.toggle("one-lit", lit.length > 0);
    for (const trace of plot.querySelectorAll("g.trace")) {
      trace.classList.toggle("lit", [...trace.classList].some((name) => classes.has(name)));
    }
  }
}

export function mount(root) {
  document.addEventListener("panel:zoomed", zoomed);
  document.addEventListener("panel:drawn", drawn);
  if (!root.querySelector(".workspace")) return;
  document.addEventListener("pointerover", (event) => {
    const row = event.target.closest?.("#runs tbody tr[data-key]") ?? null;
    if (row === over) return;
    over = row;
    standOut(drawnPanels().filter(near));
  });
}
