/* Live: asks once a second whether anything changed, and brings table and panels up to it without disturbing the reader. */
import { grown } from "./more.js";
import { morphRows } from "./morph.js";
import { merge, redraw } from "./panels.js";

const EVERY = 1000;
const SLOWEST = 30000;

async function piece(target) {
  const response = await fetch(location.href, { headers: { "HX-Request": "true", "HX-Target": target }, cache: "no-store" });
  if (!response.ok) throw new Error(String(response.status));
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

const busy = (part) => part.contains(document.activeElement) || part.querySelector("details[open]") !== null;

async function refreshTable() {
  const asked = location.href;
  const fresh = await piece("runs");
  const rows = fresh.querySelector("#runs-scroll tbody");
  if (rows) await grown(rows);
  // A click meanwhile has asked for another view: its answer is newer than this one.
  if (asked !== location.href) return;
  const focused = document.activeElement?.id;
  for (const part of document.querySelectorAll("#runs [data-part]")) {
    const next = fresh.getElementById(part.id);
    if (next && !busy(part) && !part.isEqualNode(next)) part.replaceWith(next);
  }
  const [own, next] = [document.querySelector("#runs-scroll"), fresh.querySelector("#runs-scroll")];
  own.dataset.query = next.dataset.query;
  const [table, nextTable] = [own.querySelector("table"), next.querySelector("table")];
  if (table && nextTable && table.tHead.isEqualNode(nextTable.tHead)) {
    morphRows(table.tBodies[0], nextTable.tBodies[0]);
  } else {
    own.replaceChildren(...next.childNodes);
  }
  window.htmx?.process(document.getElementById("runs"));
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
  document.dispatchEvent(new CustomEvent("runs:refreshed"));
}

export function mount(root) {
  const page = root.querySelector("[data-version-url]");
  if (!page) return;
  let { version, panels } = page.dataset;
  let wait = EVERY;

  async function look() {
    if (document.hidden) return;
    const response = await fetch(page.dataset.versionUrl, { cache: "no-store" });
    if (!response.ok) throw new Error(String(response.status));
    const now = await response.json();
    if (now.version === version) return;
    if ("reload" in page.dataset) {
      location.reload();
      return;
    }
    redraw();
    await refreshTable();
    if (String(now.panels) !== panels) merge(await piece("panels"));
    ({ version } = now);
    panels = String(now.panels);
  }

  async function forever() {
    try {
      await look();
      wait = EVERY;
    } catch {
      // The server is away or the session has ended: ask less and less often.
      wait = Math.min(SLOWEST, wait * 2);
    }
    setTimeout(forever, wait);
  }
  setTimeout(forever, EVERY);
}
