/* Mounts every behaviour: on the page once, on each piece of it that htmx brings. */
import * as colours from "./colours.js";
import * as combobox from "./combobox.js";
import * as divider from "./divider.js";
import * as filter from "./filter.js";
import * as find from "./find.js";
import * as groupBy from "./group_by.js";
import * as live from "./live.js";
import * as menus from "./menus.js";
import * as more from "./more.js";
import * as overall from "./overall.js";
import * as panelMenu from "./panel_menu.js";
import * as panelOrder from "./panel_order.js";
import * as panels from "./panels.js";
import * as pins from "./pins.js";
import * as popover from "./popover.js";
import * as savedViews from "./saved_views.js";
import * as search from "./search.js";
import * as settings from "./settings.js";
import * as sort from "./sort.js";
import * as ticks from "./ticks.js";
import * as together from "./together.js";
import * as tooltip from "./tooltip.js";
import * as widths from "./widths.js";

let query = panels.runsetQuery();

function piece(event) {
  const runs = document.getElementById("runs");
  if (runs) {
    divider.mountPiece(runs);
    overall.mountPiece(runs);
    widths.mountPiece();
    pins.mountPiece(runs);
    ticks.mountPiece(runs);
    more.mountPiece(runs, { fresh: event?.type !== "runs:refreshed" });
  }
  if (query === panels.runsetQuery()) return;
  query = panels.runsetQuery();
  panels.redraw();
}

const BEHAVIOURS = [
  colours, combobox, divider, filter, find, groupBy, menus, more, ticks, together, tooltip, panels, panelMenu, panelOrder, popover, overall, savedViews, search, settings, sort, widths, live,
];
for (const behaviour of BEHAVIOURS) behaviour.mount(document);
piece();

let scrolled = [0, 0];
document.addEventListener("htmx:beforeSwap", () => {
  const table = document.getElementById("runs-scroll");
  if (table) scrolled = [table.scrollLeft, table.scrollTop];
});
document.addEventListener("htmx:afterSwap", () => {
  document.getElementById("runs-scroll")?.scrollTo(...scrolled);
});
for (const event of ["htmx:afterSettle", "htmx:historyRestore", "runs:refreshed"]) document.addEventListener(event, piece);
// What the piece can't show (a bad query, a project gone) has a page of its own.
document.addEventListener("htmx:responseError", ({ detail }) => {
  if (!search.refused(detail)) location.assign(detail.pathInfo.finalRequestPath);
});
document.addEventListener("keydown", (event) => {
  const button = event.key === " " && event.target.closest?.("a[role=button]");
  if (!button) return;
  event.preventDefault();
  button.click();
});
