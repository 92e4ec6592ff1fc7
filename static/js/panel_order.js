/* Panels are put in order within their section: dragged by their heads, by Alt and arrow keys there, or by their menus. */
import { piece, post } from "./ask.js";
import { arrange, keyOf, runsetQuery } from "./panels.js";
import { say } from "./toast.js";

const BY = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 };

let saving = Promise.resolve(); // one after the other, as each is said by its neighbour

const shown = (panel) => [...panel.parentElement.children].filter((one) => !one.hidden);

/** What the page shows already is kept; if that fails, the page shows what is kept. */
function keep(panel) {
  const url = `${document.querySelector("[data-panels-url]").dataset.panelsUrl}?${runsetQuery()}`;
  const before = panel.previousElementSibling;
  const body = { do: "place", panel: keyOf(panel), after: before ? keyOf(before) : "" };
  const all = shown(panel);
  document.getElementById("panels-said").textContent =
    `${panel.getAttribute("aria-label")}, ${all.indexOf(panel) + 1} of ${all.length}`;
  saving = saving.then(() => post(url, body)).catch(async (error) => {
    say(error.message);
    arrange(await piece(location.href, "panels"));
  });
}

/** Past its neighbour that is shown, if there is one. */
export function shift(panel, by) {
  const all = shown(panel);
  const other = all[all.indexOf(panel) + by];
  if (!other) return;
  other[by < 0 ? "before" : "after"](panel);
  keep(panel);
  panel.scrollIntoView({ block: "nearest" });
}

const columns = (grid) => getComputedStyle(grid).gridTemplateColumns.split(" ").length;

export function mount(root) {
  const panels = root.querySelector("#panels");
  if (!document.getElementById("move-panel") || !panels) return;
  let drag = null; // the panel, what it stood before, whether it was dropped in its section
  panels.addEventListener("dragstart", (event) => {
    if (!event.target.matches?.(".panel > header")) return;
    const panel = event.target.parentElement;
    const box = panel.getBoundingClientRect();
    drag = { panel, home: panel.nextElementSibling, dropped: false };
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", panel.getAttribute("aria-label"));
    event.dataTransfer.setDragImage(panel, event.clientX - box.left, event.clientY - box.top);
    panel.classList.add("dragged");
  });
  panels.addEventListener("dragover", (event) => {
    const grid = event.target.closest?.(".grid");
    if (!drag || grid !== drag.panel.parentElement) return;
    event.preventDefault();
    const over = event.target.closest(".panel");
    if (!over || over === drag.panel) return;
    const box = over.getBoundingClientRect();
    const before = columns(grid) > 1 ? event.clientX < box.left + box.width / 2 : event.clientY < box.top + box.height / 2;
    over[before ? "before" : "after"](drag.panel);
  });
  panels.addEventListener("drop", (event) => {
    if (!drag || !event.target.closest?.(".grid")) return;
    event.preventDefault();
    drag.dropped = true;
  });
  panels.addEventListener("dragend", () => {
    if (!drag) return;
    const { panel, home, dropped } = drag;
    drag = null;
    panel.classList.remove("dragged");
    if (!dropped) panel.parentElement.insertBefore(panel, home);
    else if (panel.nextElementSibling !== home) keep(panel);
  });
  panels.addEventListener("keydown", (event) => {
    const head = event.altKey && event.key in BY && event.target.closest?.(".panel > header");
    if (!head) return;
    event.preventDefault();
    const focused = document.activeElement;
    shift(head.parentElement, BY[event.key]);
    focused.focus();
  });
}
