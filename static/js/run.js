/** The run page while its run goes on: asks whether something changed, brings [data-live] parts up to date, tells the rest. */
import { json, piece, poll } from "./ask.js";
import * as combobox from "./combobox.js";
import { mount as mountConsole } from "./console.js";
import { mount as mountEdit } from "./edit.js";
import * as panelMenu from "./panel_menu.js";
import * as panels from "./panels.js";
import * as popover from "./popover.js";
import * as settings from "./settings.js";
import * as together from "./together.js";
import * as tooltip from "./tooltip.js";
import { mount as mountTreeSearch } from "./tree_search.js";

const EVERY = 2000;
const EVERY_ENDED = 5000;

/** What a reader is marking or editing stays; it comes up to date with the next change. */
function held(part) {
  const selection = getSelection();
  return part.querySelector(".edit[open]") || (!selection.isCollapsed && selection.containsNode(part, true));
}

const TOKEN = "[name=csrfmiddlewaretoken]"; // another each time, and all are good

function replace(own, fresh) {
  const token = own.querySelector(TOKEN)?.value;
  if (token) for (const field of fresh.querySelectorAll(TOKEN)) field.setAttribute("value", token);
  if (own.isEqualNode(fresh)) return;
  const same = ({ id, dataset }) => fresh.querySelector(id ? `#${id}` : `details[data-path="${CSS.escape(dataset.path)}"]`);
  const focused = own.contains(document.activeElement) && document.activeElement.closest("details");
  for (const details of own.querySelectorAll("details[data-path]:not([open])")) same(details)?.removeAttribute("open");
  own.replaceWith(fresh);
  if (focused) same(focused)?.querySelector("summary").focus();
}

function refreshParts(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (next && !held(part)) replace(part, document.adoptNode(next));
  }
  if (fresh.title) document.title = fresh.title;
}

function refreshCharts(fresh) {
  if (!document.getElementById("panels")) return;
  panels.redraw();
  panels.arrange(fresh);
}

function follow(page, changed) {
  let version = page.dataset.runVersion;

  async function look() {
    const now = await json(page.dataset.runVersionUrl);
    if (now.version !== version) {
      const fresh = await piece(location.href);
      for (const refresh of changed) await refresh(fresh);
      version = now.version;
    }
    return now.live ? EVERY : EVERY_ENDED;
  }
  poll(look, EVERY);
}

/** `changed`: what to call, with the page as it is now, when the run has changed. */
export function mount(root, changed) {
  const page = root.querySelector("[data-run-version-url]");
  if (page) follow(page, changed);
}

const current = async () => refreshParts(await piece(location.href));

for (const behaviour of [combobox, together, tooltip, panels, panelMenu, popover, settings]) behaviour.mount(document);
mountEdit(document, current);
mountTreeSearch(document, current);
mount(document, [refreshParts, refreshCharts, mountConsole(document)].filter(Boolean));
