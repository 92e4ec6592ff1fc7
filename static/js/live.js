/* Live: asks whether anything changed, and brings table and panels up to it without disturbing the reader. */
import { json, piece, poll, server } from "./ask.js";
import { grown } from "./more.js";
import { morphRows } from "./morph.js";
import { arrange, refresh } from "./panels.js";

const EVERY = 1000;

// However many runs and panels there are, a core of the server is busy with them for a twentieth of the time (with what is
// no view, too), and the browser for no more than half of it.
const SHARE = 1 / 25;
const SLOWEST = 10000;

const inUse = (part) => part.contains(document.activeElement) || part.querySelector("details[open]") !== null;

export async function refreshTable() {
  const asked = location.href;
  const fresh = await piece(location.href, "runs");
  const rows = fresh.querySelector("#runs-scroll tbody");
  if (rows) await grown(rows);
  // A click meanwhile has asked for another view: its answer is newer than this one.
  if (asked !== location.href) return;
  const focused = document.activeElement?.id;
  for (const part of document.querySelectorAll("#runs [data-part]")) {
    const next = fresh.getElementById(part.id);
    if (next && !inUse(part) && !part.isEqualNode(next)) part.replaceWith(next);
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

  async function look() {
    const [began, busy] = [performance.now(), server.busy];
    const now = await json(page.dataset.versionUrl);
    if (now.version === version) return EVERY;
    if ("reload" in page.dataset) {
      location.reload();
      return EVERY;
    }
    await Promise.all([refresh(), refreshTable()]);
    if (String(now.panels) !== panels) arrange(await piece(location.href, "panels"));
    ({ version } = now);
    panels = String(now.panels);
    const took = performance.now() - began;
    return Math.min(SLOWEST, Math.max(EVERY, (server.busy - busy) / SHARE - took, took));
  }
  poll(look, EVERY);
}
