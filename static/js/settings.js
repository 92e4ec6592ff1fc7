/* The settings dialog of a panel: a form beside a live preview of what it says. */
import { Chart } from "./chart.js";
import { openDialog } from "./dialog.js";
import { address, panelQuery, redraw, runsetQuery } from "./panels.js";
import * as splits from "./splits.js";
import * as tabs from "./tabs.js";

const PREVIEW_AFTER = 150;

/** A form's fields as a spec: what is left empty keeps its default. */
export function specOf(fields) {
  const spec = {};
  for (const field of fields) {
    if (!field.name || field.type === "submit" || (field.type === "hidden" && !field.dataset.kind) || (field.type === "radio" && !field.checked)) continue;
    if (field.dataset.kind === "list") {
      const chosen = field.type === "checkbox" ? field.checked : field.value.trim() !== "";
      if (chosen) (spec[field.name] ??= []).push(field.value.trim());
    } else if (field.type === "checkbox") spec[field.name] = field.checked;
    else if (field.dataset.kind === "number") {
      if (field.value.trim() !== "") spec[field.name] = Number.isNaN(Number(field.value)) ? field.value : Number(field.value);
    } else if (field.value !== "") spec[field.name] = field.value;
  }
  return spec;
}

/** Fields to group by are typed, and say beside them how their values make groups, as the table's do. */
function groupings(form) {
  const known = new Map([...form.querySelectorAll("#setting-fields option")].map((option) => [option.value, option.dataset]));
  const equip = (row, { how = "", numbers = "" } = {}) => {
    const name = row.querySelector(".typed").value.trim();
    const { bins, explodes } = known.get(name) ?? {};
    splits.strip(row);
    row.querySelector("input").value = row.dataset.plain = name;
    for (const key of ["bins", "numbers", "explodes"]) delete row.dataset[key];
    const exploded = { explode: "1", whole: "0" }[how];
    if (bins !== undefined) Object.assign(row.dataset, { bins: exploded ? "" : how, numbers });
    if (explodes !== undefined) row.dataset.explodes = exploded ?? explodes;
    splits.equip(row, name);
  };
  for (const row of form.querySelectorAll(".inputs .row")) {
    const said = splits.read(row.querySelector("input").value);
    row.querySelector(".typed").value = said.plain;
    equip(row, said);
  }
  for (const event of ["input", "change"]) form.addEventListener(event, splits.changed);
  form.addEventListener("input", ({ target }) => target.matches(".inputs .typed") && equip(target.closest(".row")));
}

function complain(form, errors, { jump = false } = {}) {
  for (const old of form.querySelectorAll(".field-error")) old.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  let first = null;
  for (const [key, text] of Object.entries(errors)) {
    const named = form.querySelector(`[name="${CSS.escape(key)}"]`);
    const field = named?.type === "hidden" ? named.nextElementSibling : named;
    const place = field?.closest("[data-field]") ?? form.querySelector(".errors");
    const line = document.createElement("p");
    line.className = "field-error";
    line.textContent = text;
    place.append(line);
    field?.setAttribute("aria-invalid", "true");
    first ??= field;
  }
  if (!first || !jump) return;
  tabs.show(form.querySelector(`[aria-controls="${first.closest("[role=tabpanel]").id}"]`));
  first.focus();
}

async function send(form, method, body) {
  return fetch(form.action, {
    method,
    body: body && JSON.stringify(body),
    headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
  });
}

function live(dialog) {
  const form = dialog.querySelector("form");
  const panel = dialog.querySelector(".panel");
  address(panel);
  const question = () => {
    const query = new URLSearchParams(runsetQuery());
    query.set("settings", JSON.stringify(specOf(form.elements)));
    if (panel.dataset.kind) query.set("kind", panel.dataset.kind);
    return query;
  };
  groupings(form);
  const preview = new Chart(panel, question, (errors) => complain(form, errors));
  const done = async (response) => {
    if (response.ok) {
      dialog.close();
      redraw();
      return;
    }
    const answer = await response.json().catch(() => ({}));
    complain(form, answer.errors ?? { "": answer.error ?? `The server answered ${response.status}.` }, { jump: true });
  };

  let soon = null;
  form.addEventListener("input", (event) => {
    const { hint } = event.target.dataset;
    if (hint) event.target.closest("fieldset").querySelector(".hint").textContent = hint;
    complain(form, {});
    clearTimeout(soon);
    soon = setTimeout(() => preview.draw(), PREVIEW_AFTER);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearTimeout(soon);
    await done(await send(form, "POST", specOf(form.elements)));
  });
  form.addEventListener("click", async (event) => {
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act === "retry") await preview.draw();
    if (act === "reset") await done(await send(form, "DELETE"));
  });
  dialog.addEventListener("close", () => {
    clearTimeout(soon);
    preview.forget();
  });
  preview.draw();
}

/** The dialog of a panel's settings; `of`: of its section, or of all panels. */
export async function edit(panel, opener, of = "panel") {
  const page = panel.closest("[data-settings-url]");
  const query = panelQuery(panel);
  query.set("of", of);
  const response = await fetch(`${page.dataset.settingsUrl}?${query}`);
  if (!response.ok) return;
  const dialog = openDialog(await response.text(), page, opener);
  tabs.mount(dialog);
  live(dialog);
}

export function mount(root) {
  root.querySelector("#panels")?.addEventListener("click", (event) => {
    const opener = event.target.closest("button[data-do=edit]");
    if (opener) edit(opener.closest(".panel"), opener);
  });
}
