/* What a panel's tools do: full screen, downloads, and changes of how the panels are arranged. */
import { follow, isArrow } from "./arrows.js";
import { post } from "./ask.js";
import { withLegend } from "./chart.js";
import { complain, openDialog } from "./dialog.js";
import { found } from "./find.js";
import { shift } from "./panel_order.js";
import { arrange, chartOf, keyOf, redraw, runsetQuery } from "./panels.js";
import { edit, specOf } from "./settings.js";
import { attempt, say } from "./toast.js";

const IMAGE = { width: 960, height: 540 };

const workspace = () => document.querySelector("[data-panels-url]");

function fullScreen(panel) {
  if (document.fullscreenElement) document.exitFullscreen();
  else panel.requestFullscreen();
}

function drawnChart(panel) {
  const chart = chartOf(panel);
  if (!chart?.meta) throw new Error("Nothing has been drawn here yet.");
  return chart;
}

/** Plotly reads titles as a kind of HTML. */
const asText = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

/** The chart as it is drawn, hidden lines hidden, with what a figure needs to stand alone: a title and a legend. */
async function image(panel, format) {
  const { plot, meta } = drawnChart(panel);
  const css = getComputedStyle(document.documentElement);
  const layout = {
    ...plot.layout, showlegend: true, paper_bgcolor: css.getPropertyValue("--surface").trim(),
    title: { text: `${asText(meta.title)}<br><sub>${asText(meta.header)}</sub>`, x: 0.02, xanchor: "left" },
    margin: { ...plot.layout.margin, t: 64 },
  };
  const data = withLegend(plot.data);
  const filename = meta.title.replace(/[^A-Za-z0-9._-]+/g, "_");
  await window.Plotly.downloadImage({ data, layout }, { ...IMAGE, format, filename, scale: format === "png" ? 2 : 1 });
}

/** The numbers of the chart, at the range zoomed to: the figure's own question, asked at another address. */
function csv(panel) {
  const link = document.createElement("a");
  link.href = `${panel.closest("[data-csv-url]").dataset.csvUrl}?${drawnChart(panel).address().split("?")[1]}`;
  link.download = "";
  link.click();
}

async function change(body) {
  const answer = await post(`${workspace().dataset.panelsUrl}?${runsetQuery()}`, body);
  arrange(new DOMParser().parseFromString(answer, "text/html"));
}

async function duplicate(panel) {
  await change({ do: "duplicate", panel: keyOf(panel) });
  panel.nextElementSibling?.scrollIntoView({ block: "nearest" });
}

async function remove(panel) {
  const { key, metric, kind = "line" } = panel.dataset;
  const section = panel.closest(".section").dataset.section;
  const neighbour = panel.nextElementSibling ?? panel.previousElementSibling;
  await change({ do: "remove", panel: key ?? metric });
  neighbour?.querySelector(".tools summary")?.focus();
  say(`${metric} removed.`, () => change({ do: "add", kind, metrics: [metric], section, panel: key ?? "" }));
}

function move(panel, opener) {
  const dialog = openDialog(document.getElementById("move-panel").innerHTML, workspace(), opener);
  for (const section of document.querySelectorAll(".section")) {
    dialog.querySelector("datalist").append(new Option(section.dataset.section));
  }
  submits(dialog, (form) => change({ do: "move", panel: keyOf(panel), section: form.elements.section.value }));
}

/** The form of a dialog: what `act` says is wrong stands in it, else it closes. */
function submits(dialog, act) {
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await act(event.target);
      dialog.close();
    } catch (error) {
      complain(dialog, error.message);
    }
  });
}

async function add(opener) {
  const response = await fetch(`${workspace().dataset.panelsUrl}?${runsetQuery()}`);
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  const dialog = openDialog(await response.text(), workspace(), opener);
  const kind = dialog.querySelector("[name=kind]");
  const shown = () => dialog.querySelector(`div[data-asks=${kind.selectedOptions[0].dataset.asks}]`);
  const boxes = () => [...shown().querySelectorAll(".metrics input")];
  const filter = () => {
    for (const part of dialog.querySelectorAll("div[data-asks]")) part.hidden = part !== shown();
    const all = boxes();
    if (!all.length) return [];
    const meant = found(all.map((box) => box.value), shown().querySelector("[type=search]").value).map((at) => all[at]);
    const shownBoxes = new Set(meant);
    for (const box of all) box.closest("li").hidden = !shownBoxes.has(box);
    shown().querySelector(".none").hidden = meant.length > 0;
    return meant;
  };
  /** What is asked for: a panel for each metric, or one of the settings that the other fields say. */
  const wanted = () => {
    const { metric: metrics = [], together, ...settings } = specOf(shown().querySelectorAll("input:not([type=search])"));
    if (metrics.length && (together || settings.metricRegex)) settings.metrics = metrics;
    return { kind: kind.value, metrics, settings };
  };
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.type !== "search") return;
    event.preventDefault();
    filter()[0]?.click();
  });
  dialog.addEventListener("input", () => {
    filter();
    const { metrics, settings } = wanted();
    const { length } = boxes().filter((box) => box.checked);
    dialog.querySelector("[data-count]").textContent = length ? `${length} chosen` : "";
    dialog.querySelector(".primary").disabled = !metrics.length && !Object.keys(settings).length;
  });
  shown().querySelector("[type=search]").focus();
  submits(dialog, (form) => change({ do: "add", ...wanted(), section: form.elements.section.value }));
}

async function reset() {
  if (!window.confirm("Panels that were added, moved or removed, and all their settings, go back. Go on?")) return;
  await change({ do: "reset" });
  redraw();
}

const first = (part) => part.querySelector(".panel:not([data-kind])");

const ACTS = {
  "full-screen": fullScreen,
  png: (panel) => image(panel, "png"),
  svg: (panel) => image(panel, "svg"),
  csv,
  duplicate,
  earlier: (panel) => shift(panel, -1),
  later: (panel) => shift(panel, 1),
  move,
  remove,
  "section-settings": (panel, opener) => edit(panel, opener, "section"),
  "overall-settings": (_, opener) => first(document) && edit(first(document), opener, "all"),
  "add-panels": (_, opener) => add(opener),
  "reset-panels": reset,
};

export function mount(root) {
  root.querySelector(".charts")?.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-do]");
    const act = ACTS[button?.dataset.do];
    if (!act) return;
    const popover = button.closest(".popover");
    const opener = popover?.querySelector("summary") ?? button;
    if (popover) popover.open = false;
    attempt(async () => act(button.closest(".panel"), opener));
  });
  root.querySelector(".charts")?.addEventListener("keydown", (event) => {
    const popover = isArrow(event) && event.target.closest?.(".popover");
    const items = popover ? [...popover.querySelectorAll(".menu button")] : [];
    if (!items.length) return;
    popover.open = true;
    follow(event, items);
  });
}
