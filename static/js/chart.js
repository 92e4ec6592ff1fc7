/* One line plot: asks for its figure, hands it to Plotly, zooms. */
import { themed } from "./theme.js";

const CONFIG = { displayModeBar: false, doubleClick: "autosize" };

/** So that charts of nearly the same width are the same answer. */
const CELLS = [500, 1000, 2000];

export function plotlyLoaded() {
  if (window.Plotly) return Promise.resolve();
  const script = document.getElementById("plotly");
  return new Promise((resolve, reject) => {
    script.addEventListener("load", resolve, { once: true });
    script.addEventListener("error", () => reject(new Error("The chart library did not load.")), { once: true });
  });
}

async function asked(url, signal) {
  const response = await fetch(url, { signal, headers: { Accept: "application/json" } });
  if (response.ok) return { figure: await response.json(), version: response.headers.get("ETag")?.split('"')[1] };
  const answer = await response.json().catch(() => ({}));
  throw Object.assign(new Error(answer.error ?? `The server answered ${response.status}.`), { errors: answer.errors });
}

export class Chart {
  /** `question()` gives the query parameters without metric and range; `refused(errors)` is told of settings at fault.
   *  The panel dispatches "panel:drawn" and, when the reader zooms, "panel:zoomed". */
  constructor(panel, question, refused = null) {
    this.panel = panel;
    this.plot = panel.querySelector(".plot");
    this.question = question;
    this.refused = refused;
    this.range = null;
    this.version = null; // of the figure that is drawn
    this.flight = null;
    this.sizes = new ResizeObserver(() => this.resized());
  }

  /** How finely it has to be drawn. */
  cells() {
    return CELLS.find((cells) => cells >= this.plot.clientWidth) ?? CELLS.at(-1);
  }

  measured() {
    return `${this.plot.clientWidth} × ${this.plot.clientHeight}`;
  }

  async resized() {
    // A hidden plot has no size to take. An observer also tells the size at which it begins.
    if (!this.plot.offsetParent || this.size === this.measured()) return;
    this.size = this.measured();
    if (this.cells() > this.drawn) this.draw();
    await window.Plotly.Plots.resize(this.plot);
    // Only now, as a legend takes its room from the size that the plot has. (One that was purged meanwhile has no data.)
    const data = this.named();
    if (this.plot.data && data !== this.plot.data) window.Plotly.react(this.plot, data, this.plot.layout);
  }

  address() {
    return `${this.panel.closest("[data-line-plot]").dataset.linePlot}?${this.asking(this.question())}`;
  }

  /** The question with what the chart itself adds to it. */
  asking(question) {
    const query = new URLSearchParams(question);
    query.set("metric", this.panel.dataset.metric);
    query.set("cells", this.cells());
    if (this.range) {
      query.set("lo", this.range[0]);
      query.set("hi", this.range[1]);
    }
    return query;
  }

  /** `answered()` is called when the server has, which is before it is drawn. */
  async draw(answered = () => {}) {
    const url = this.address();
    this.drawn = this.cells();
    if (this.flight?.url === url) {
      // Aborting would starve a slow chart whose data changes every second: finish, then ask once more.
      this.flight.again = true;
      answered();
      return;
    }
    this.flight?.control.abort();
    const flight = (this.flight = { url, control: new AbortController(), again: false });
    this.panel.classList.add("loading");
    try {
      const { figure, version } = await asked(url, flight.control.signal).finally(answered);
      await plotlyLoaded();
      if (this.flight === flight) await this.show(figure, version);
    } catch (error) {
      if (this.flight !== flight) return;
      this.version = null;
      if (error.errors && this.refused) this.refused(error.errors);
      else this.say(error.message, true);
    }
    if (this.flight !== flight) return;
    this.flight = null;
    this.panel.classList.remove("loading");
    if (flight.again) await this.draw();
  }

  async show({ data, layout, meta }, version) {
    const first = !this.plot.classList.contains("js-plotly-plot");
    this.meta = meta;
    this.version = version;
    this.data = data;
    layout.xaxis = this.ranged(layout.xaxis);
    this.panel.classList.toggle("multiple", meta.rows > 0);
    this.panel.style.setProperty("--rows", meta.rows ?? 0);
    if (first) this.size = this.measured();
    await window.Plotly.react(this.plot, this.named(), themed(meta.empty ? bare(layout) : layout), CONFIG);
    this.panel.querySelector("h3").textContent = meta.title;
    const note = this.panel.querySelector("header small");
    note.textContent = note.title = [meta.header, meta.nonfiniteText].filter(Boolean).join(" · ");
    this.say(meta.message);
    if (first) {
      this.plot.on("plotly_relayout", (change) => this.zoomed(change));
      this.sizes.observe(this.plot);
    }
    this.tell("panel:drawn", { chart: this, first });
  }

  /** The traces: in full screen, where no table tells which line is which, with a legend. */
  named() {
    return this.panel.matches(":fullscreen") ? withLegend(this.data) : this.data;
  }

  /** The x axis at the range zoomed to. What Plotly remembers of the axis holds as long as the range does. */
  ranged(axis) {
    const place = { log: Math.log10, date: (end) => end * 1000 }[axis.type] ?? ((end) => end);
    return { ...axis, uirevision: String(this.range), ...(this.range && { range: this.range.map(place) }) };
  }

  tell(event, detail) {
    this.panel.dispatchEvent(new CustomEvent(event, { bubbles: true, detail }));
  }

  /** Plotly says how the axes changed; a new x range asks for finer data, a reset for all of it. */
  zoomed(change) {
    if (change["xaxis.autorange"]) {
      if (this.range === null) return;
      this.range = null;
    } else if ("xaxis.range[0]" in change) {
      this.range = [change["xaxis.range[0]"], change["xaxis.range[1]"]].map((end) => this.value(end));
    } else {
      return;
    }
    this.tell("panel:zoomed", { chart: this });
    this.draw();
  }

  /** An end of the axis as x value: log axes speak in exponents, date axes in text of no zone, which is UTC. */
  value(end) {
    const type = this.plot._fullLayout?.xaxis.type;
    if (type === "log") return 10 ** end;
    if (type === "date") return Date.parse(`${String(end).replace(" ", "T")}Z`) / 1000;
    return end;
  }

  say(text, failed = false) {
    const message = this.panel.querySelector(".message");
    message.hidden = !text;
    message.classList.toggle("error", failed);
    message.querySelector("span").textContent = text;
    message.querySelector("button").hidden = !failed;
    message.setAttribute("role", failed ? "alert" : "status");
  }

  /** Whether something was being asked for. */
  abort() {
    if (!this.flight) return false;
    this.flight.control.abort();
    this.flight = null;
    this.panel.classList.remove("loading");
    return true;
  }

  forget() {
    this.abort();
    this.sizes.disconnect();
    if (window.Plotly) window.Plotly.purge(this.plot);
  }
}

/** The traces, each line named once. */
export const withLegend = (data) => data.map((trace) => (trace.meta?.named ? { ...trace, showlegend: true } : trace));

/** A chart of nothing has no axes: they would count from -1 to 6. */
const bare = (layout) => ({
  ...layout, xaxis: { ...layout.xaxis, visible: false }, yaxis: { ...layout.yaxis, visible: false },
});
