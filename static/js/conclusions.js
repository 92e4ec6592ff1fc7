/* Pages of results and comparisons: fields that offer columns while typing, and the forest plot. */
import { json } from "./ask.js";
import { plotlyLoaded } from "./chart.js";
import { mount as mountCombobox } from "./combobox.js";
import { mount as mountPopover } from "./popover.js";
import { mount as mountViews } from "./saved_views.js";
import { themed } from "./theme.js";

async function draw(forest) {
  const figure = await json(forest.dataset.figure);
  await plotlyLoaded();
  const layout = themed(figure.layout);
  layout.xaxis.zerolinecolor = getComputedStyle(document.documentElement).getPropertyValue("--muted").trim();
  await window.Plotly.newPlot(forest.querySelector(".plot"), figure.data, layout, { displayModeBar: false, responsive: true });
}

function drawAll() {
  for (const forest of document.querySelectorAll("[data-figure]")) {
    draw(forest).catch((error) => {
      const message = forest.querySelector(".message");
      message.textContent = `The plot could not be drawn (${error.message}).`;
      message.hidden = false;
    });
  }
}

mountCombobox(document);
mountPopover();
mountViews(document);
drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
