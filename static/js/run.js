/** The run page while its run goes on: asks whether something changed, brings [data-live] parts up to date, tells the rest. */
import { mount as mountConsole } from "./console.js";

const EVERY = 2000;
const EVERY_ENDED = 15000;
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

async function refreshParts() {
  const parts = [...document.querySelectorAll("[data-live]")];
  const response = await fetch(location.href, { cache: "no-store" });
  if (!response.ok) throw new Error(String(response.status));
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of parts) {
    const next = fresh.getElementById(part.id);
    if (next && !marked(part)) replace(part, document.adoptNode(next));
  }
}

function follow(page, changed) {
  let version = page.dataset.runVersion;
  let wait = EVERY;

  async function look() {
    const response = await fetch(page.dataset.runVersionUrl, { cache: "no-store" });
    if (!response.ok) throw new Error(String(response.status));
    const now = await response.json();
    if (now.version !== version) {
      await Promise.all([refreshParts(), ...changed.map((refresh) => refresh())]);
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

/** `changed`: what to call, beside the parts, when the run has changed. */
export function mount(root, changed = []) {
  const page = root.querySelector("[data-run-version-url]");
  if (page) follow(page, changed);
}

mount(document, [mountConsole(document)].filter(Boolean));
