/* Where the tooltip of all lines at one x stands: below the chart, or above it, so that it hides none of what it tells. */

const GAP = 4; // pixels

/** The part of the window in which the chart is seen. */
function frame(plot) {
  const box = (plot.closest("dialog, .charts") ?? document.documentElement).getBoundingClientRect();
  const bar = plot.closest(".charts")?.querySelector(".charts-bar")?.getBoundingClientRect().bottom ?? 0;
  return {
    left: Math.max(box.left, 0), right: Math.min(box.right, innerWidth),
    top: Math.max(box.top, bar, 0), bottom: Math.min(box.bottom, innerHeight),
  };
}

/** Plotly keeps it inside of the plot, and makes it anew as the pointer moves: a style places it from outside. */
function place({ panel, plot }, { event }) {
  const tooltip = plot.querySelector(".hoverlayer .legend .bg")?.getBoundingClientRect();
  const around = frame(plot);
  const [own, inner] = [panel, plot].map((part) => part.getBoundingClientRect());
  // A hover that another panel caused has no pointer over this one, and its neighbours have tooltips of their own.
  const fits = tooltip && plot.matches(":hover") && tooltip.width + 2 * GAP <= around.right - around.left;
  const below = own.bottom + GAP + (tooltip?.height ?? 0) <= around.bottom;
  const above = own.top - GAP - (tooltip?.height ?? 0) >= around.top;
  plot.classList.toggle("tooltip-outside", Boolean(fits) && (below || above));
  if (!fits) return;
  const left = Math.min(event.clientX - tooltip.width / 2, around.right - GAP - tooltip.width);
  plot.style.setProperty("--tooltip-x", `${Math.max(left, around.left + GAP) - inner.left}px`);
  const top = below ? own.bottom + GAP : own.top - GAP - tooltip.height;
  plot.style.setProperty("--tooltip-y", `${top - inner.top}px`);
}

export function mount() {
  document.addEventListener("panel:drawn", ({ detail: { chart, first } }) => {
    if (!first) return;
    chart.plot.on("plotly_hover", (hovered) => place(chart, hovered));
    chart.plot.on("plotly_unhover", () => chart.plot.classList.remove("tooltip-outside"));
  });
}
