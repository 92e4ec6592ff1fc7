/* Where the tooltip of all lines at one x stands: below the chart, or above it, so that it hides none of what it tells. */

const GAP = 4; // pixels

/** The part of the window in which the chart is seen. */
function frame(plot) {
  const scrolled = plot.closest("dialog, .charts");
  const clips = scrolled && getComputedStyle(scrolled).overflowY !== "visible";
  const box = clips ? scrolled.getBoundingClientRect() : new DOMRect(0, 0, innerWidth, innerHeight);
  const bar = scrolled?.querySelector(".charts-bar")?.getBoundingClientRect().bottom ?? 0;
  return { left: box.left, right: box.right, top: Math.max(box.top, bar, 0), bottom: Math.min(box.bottom, innerHeight) };
}

/** Plotly keeps it inside of the plot, and makes it anew as the pointer moves: a style places it from outside. */
function place({ panel, plot }, { event }) {
  plot.classList.remove("tooltip-outside");
  const tooltip = plot.querySelector(".hoverlayer .legend .bg")?.getBoundingClientRect();
  if (!tooltip) return;
  const around = frame(plot);
  const [own, inner] = [panel, plot].map((part) => part.getBoundingClientRect());
  const [below, above] = [own.bottom + GAP, own.top - GAP - tooltip.height];
  const top = below + tooltip.height <= around.bottom ? below : above;
  if (top < around.top || tooltip.width + 2 * GAP > around.right - around.left) return;
  const left = Math.min(event.clientX - tooltip.width / 2, around.right - GAP - tooltip.width);
  plot.style.setProperty("--tooltip-x", `${Math.max(left, around.left + GAP) - inner.left}px`);
  plot.style.setProperty("--tooltip-y", `${top - inner.top}px`);
  plot.classList.add("tooltip-outside");
}

export function mount() {
  document.addEventListener("panel:drawn", ({ detail: { chart, first } }) => {
    if (!first) return;
    // A hover that another panel caused has no pointer over this one, and its neighbours have tooltips of their own.
    chart.plot.on("plotly_hover", (hovered) => chart.plot.matches(":hover") && place(chart, hovered));
    // A tap makes a tooltip too, but is no hover.
    chart.plot.on("plotly_click", (tapped) => place(chart, tapped));
    chart.plot.on("plotly_unhover", () => chart.plot.classList.remove("tooltip-outside"));
  });
}
