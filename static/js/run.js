/** The run page while its run goes on: asks whether something changed, brings [data-live] parts up to date, tells the rest. */
import { json, piece, poll } from "./ask.js";
import { mount as mountConsole } from "./console.js";
import * as panelMenu from "./panel_menu.js";
import * as panels from "./panels.js";
import * as popover from "./popover.js";
import * as settings from "./settings.js";
import * as together from "./together.js";

const EVERY = 2000;
const EVERY_ENDED = 5000;

/** What a reader is marking stays; it comes up to date with the next change. */
function marked(part) {
  const selection = getSelection();
  return !selection.isCollapsed && selection.containsNode(part, true);
}

function replace(own, fresh) {
  if (own.isEqualNode(fresh)) return;
  const branch = (part, path) => part.querySelector(`details[data-path="${CSS.escape(path)}"]`);
  const focused = own.contains(document.activeElement) && document.activeElement.closest("details")?.dataset.path;
  for (const details of own.querySelectorAll("details:not([open])")) branch(fresh, details.dataset.path)?.removeAttribute("open");
  own.replaceWith(fresh);
  if (focused) branch(fresh, focused)?.querySelector("summary").focus();
}

function refreshParts(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (next && !marked(part)) replace(part, document.adoptNode(next));
  }
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

for (const behaviour of [together, panels, panelMenu, popover, settings]) behaviour.mount(document);
mount(document, [refreshParts, refreshCharts, mountConsole(document)].filter(Boolean));
