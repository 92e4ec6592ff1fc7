/* The panels: drawn when they come into view, redrawn when the question or the data changes. */
import { Chart } from "./chart.js";

const charts = new Map(); // panel -> { chart, seen, stale }

/** The runset the charts stand on, as the server wrote it beside the table. */
export const runsetQuery = () => document.querySelector("[data-query]")?.dataset.query ?? "";

const observer = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const state = charts.get(entry.target);
      if (!state) continue;
      state.seen = entry.isIntersecting;
      drawIfDue(state);
    }
  },
  { rootMargin: "150px" },
);

function drawIfDue(state) {
  if (!state.seen || !state.stale) return;
  state.stale = false;
  state.chart.draw();
}

function start(panel) {
  const chart = new Chart(panel, runsetQuery);
  charts.set(panel, { chart, seen: false, stale: true });
  observer.observe(panel);
}

/** Draw anew what is in view now, and the rest when it comes into view. */
export function redraw(only = () => true) {
  for (const [panel, state] of charts) {
    if (!only(panel)) continue;
    state.stale = true;
    drawIfDue(state);
  }
}

function filtered(words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const section of document.querySelectorAll(".section")) {
    let any = false;
    for (const panel of section.querySelectorAll(".panel")) {
      const name = panel.dataset.metric.toLowerCase();
      panel.hidden = !wanted.every((word) => name.includes(word));
      any ||= !panel.hidden;
      shown += !panel.hidden;
    }
    section.hidden = !any;
  }
  document.querySelector(".no-panels").hidden = shown > 0 || wanted.length === 0;
}

/** Panels of a freshly asked page that aren't here yet take their places. */
export function merge(fresh) {
  const here = document.getElementById("panels");
  let place = null;
  for (const section of fresh.querySelectorAll(".section")) {
    const known = document.getElementById(section.id);
    if (known) {
      let after = null;
      for (const panel of section.querySelectorAll(".panel")) {
        let own = document.getElementById(panel.id);
        if (!own) {
          own = panel;
          after ? after.after(own) : known.querySelector(".grid").prepend(own);
          start(own);
        }
        after = own;
      }
      known.querySelector("summary span").textContent = section.querySelector("summary span").textContent;
      place = known;
    } else {
      place ? place.after(section) : here.prepend(section);
      place = section;
      section.querySelectorAll(".panel").forEach(start);
    }
  }
  here.querySelector(".waiting")?.remove();
  filtered(document.querySelector("#panel-search").value);
}

export function mount(root) {
  if (!root.querySelector("#panels")) return;
  root.querySelectorAll("#panels .panel").forEach(start);
  root.querySelector("#panel-search").addEventListener("input", (event) => filtered(event.target.value));
  root.querySelector("#panels").addEventListener("click", (event) => {
    const button = event.target.closest("button[data-do]");
    const panel = button?.closest(".panel");
    if (button?.dataset.do === "retry") charts.get(panel).chart.draw();
    if (button?.dataset.do === "full-screen") {
      document.fullscreenElement ? document.exitFullscreen() : panel.requestFullscreen();
    }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());
}
