/** The run page while its run goes on: asks whether something changed, brings [data-live] parts up to date, tells the rest. */
import { mount as mountConsole } from "./console.js";
import * as panels from "./panels.js";
import * as settings from "./settings.js";

const EVERY = 2000;
const EVERY_ENDED = 5000;
const SLOWEST = 60000;

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

async function freshPage() {
  const response = await fetch(location.href, { headers: { "HX-Request": "true" }, cache: "no-store" });
  if (!response.ok) throw new Error(String(response.status));
  return new DOMParser().parseFromString(await response.text(), "text/html");
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
  panels.merge(fresh);
}

function follow(page, changed) {
  let version = page.dataset.runVersion;
  let wait = EVERY;

  async function look() {
    const response = await fetch(page.dataset.runVersionUrl, { cache: "no-store" });
    if (!response.ok) throw new Error(String(response.status));
    const now = await response.json();
    if (now.version !== version) {
      const fresh = await freshPage();
      for (const refresh of changed) await refresh(fresh);
      version = now.version;
    }
    wait = now.live ? EVERY : EVERY_ENDED;
  }

  async function forever() {
    try {
      if (!document.hidden) await look();
    } catch {
      // The server is away or the session has ended: ask less and less often.
      wait = Math.min(SLOWEST, wait * 2);
    }
    setTimeout(forever, wait);
  }
  setTimeout(forever, wait);
}

/** `changed`: what to call, with the page as it is now, when the run has changed. */
export function mount(root, changed) {
  const page = root.querySelector("[data-run-version-url]");
  if (page) follow(page, changed);
}

panels.mount(document);
settings.mount(document);
mount(document, [refreshParts, refreshCharts, mountConsole(document)].filter(Boolean));
