/* Tick boxes of the table. A group's stands for all its runs, those of pages that were never loaded too: what is kept is
 * which rows were marked, and the nearest mark, on a row or around it, is the one that counts. */
import { post } from "./ask.js";
import { complain } from "./dialog.js";
import { refreshTable } from "./live.js";
import { closeMenu } from "./menus.js";
import { redraw } from "./panels.js";
import { attempt, say } from "./toast.js";

const ALL = "*";
const RUNSET = ["q", "f", "group", "grouped", "view"]; // what says which runs and groups there are

let marks = new Map(); // id -> { on, runs, path: ids from ALL inwards, its own left out }
let marked = ""; // the runset that the marks are of

const scroll = () => document.getElementById("runs-scroll");
const rows = () => [...scroll().querySelectorAll("tr[data-tick]")];
const bar = () => document.getElementById("bulk");

function runsetOf() {
  const query = new URLSearchParams(scroll().dataset.query);
  return RUNSET.flatMap((name) => query.getAll(name).map((value) => `${name}=${value}`)).join("&");
}

/** Every row that can be ticked, with the ids of what it is in. */
function placed() {
  const around = [];
  return rows().map((row) => {
    const depth = Number(row.dataset.depth);
    around.length = depth;
    const path = [ALL, ...around];
    around[depth] = row.dataset.tick;
    return { row, id: row.dataset.tick, path };
  });
}

const nearest = (path) => path.map((id) => marks.get(id)).findLast(Boolean)?.on ?? false;

function mark(id, path, on, runs) {
  for (const [other, { path: inside }] of marks) if (inside.includes(id)) marks.delete(other);
  marks.delete(id);
  if (nearest(path) !== on) marks.set(id, { on, runs, path });
}

function ticked() {
  let runs = 0;
  for (const [, { on, runs: own, path }] of marks) if (nearest(path) !== on) runs += on ? own : -own;
  return runs;
}

function show() {
  for (const { row, id, path } of placed()) {
    const box = row.querySelector(".tick");
    const own = marks.get(id);
    if (own) own.runs = Number(row.dataset.runs);
    box.checked = nearest([...path, id]);
    box.indeterminate = [...marks.values()].some((other) => other.path.includes(id) && other.on !== box.checked);
  }
  const all = document.getElementById("tick-all");
  if (all) {
    if (marks.has(ALL)) marks.get(ALL).runs = Number(scroll().dataset.runs);
    all.checked = nearest([ALL]);
    all.indeterminate = [...marks.keys()].some((id) => id !== ALL);
  }
  const runs = ticked();
  bar().hidden = runs <= 0;
  bar().querySelector(".count").textContent = `${runs} run${runs === 1 ? "" : "s"} ticked`;
}

function clear() {
  marks = new Map();
  show();
}

const ids = (on) => [...marks].filter(([, each]) => each.on === on).map(([id]) => id);

async function change(body, url = bar().dataset.url) {
  const answer = JSON.parse(await post(`${url}?${scroll().dataset.query}`, body));
  closeMenu();
  if (answer.undo) say(answer.said, () => change({ do: "undo", id: answer.undo }));
  else say(answer.said);
  redraw();
  // What holds the focus is left as it is, and this button has done its work.
  if (document.activeElement?.id === "undo") scroll().focus();
  await refreshTable();
}

async function compare() {
  const asked = { do: "compare", on: ids(true), off: ids(false) };
  location.assign(JSON.parse(await post(`${bar().dataset.url}?${scroll().dataset.query}`, asked)).url);
}

/** Its groups and runs get a closed eye. */
async function hide() {
  const { url } = JSON.parse(await post(`${bar().dataset.url}?${location.search.slice(1)}`, { do: "hide", on: ids(true), off: ids(false) }));
  clear();
  const link = document.createElement("a");
  link.href = url;
  document.getElementById("runs").append(link);
  window.htmx.process(link);
  link.click();
  link.remove();
}

function submitted(event) {
  const form = event.target.closest("form[data-bulk]");
  if (!form) return;
  event.preventDefault();
  const { bulk, id = "", ticks = null, url } = form.dataset;
  const rowsAsked = ticks ? { on: [ticks], off: [] } : { on: ids(true), off: ids(false) };
  const value = form.elements.value.value;
  change({ do: bulk, value, id, ...(bulk === "rename" ? {} : rowsAsked) }, url).then(
    () => {
      form.closest(".popover")?.removeAttribute("open");
      form.reset();
      if (!ticks && bulk !== "rename") clear();
    },
    (error) => complain(form, error.message),
  );
}

function pressed(event) {
  const button = event.target.closest?.("button[data-bulk], button[data-undo]");
  if (!button) return;
  if (button.dataset.undo) attempt(() => change({ do: "undo", id: button.dataset.undo }));
  else if (button.dataset.bulk === "none") clear();
  else if (button.dataset.bulk === "hide") attempt(hide);
  else if (button.dataset.bulk === "compare") attempt(compare);
  else attempt(() => change({ do: button.dataset.bulk, on: ids(true), off: ids(false) }).then(clear));
}

export function mountPiece() {
  if (!bar()) return;
  if (marked !== runsetOf()) marks = new Map();
  marked = runsetOf();
  show();
}

export function mount(root) {
  if (!root.querySelector("#bulk")) return;
  let last = null; // the row ticked before: with Shift, those between follow
  root.addEventListener("click", (event) => {
    const box = event.target.closest?.(".tick");
    if (!box) return;
    const on = box.checked;
    if (box.id === "tick-all") {
      mark(ALL, [], on, Number(scroll().dataset.runs));
    } else {
      const all = placed();
      const at = all.findIndex(({ row }) => row.contains(box));
      const from = event.shiftKey ? all.findIndex(({ id }) => id === last) : -1;
      const some = from < 0 ? [all[at]] : all.slice(Math.min(from, at), Math.max(from, at) + 1);
      for (const { row, id, path } of some) mark(id, path, on, Number(row.dataset.runs));
      last = all[at].id;
    }
    show();
  });
  root.addEventListener("submit", submitted);
  root.addEventListener("click", pressed);
}
