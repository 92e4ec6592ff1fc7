/* The settings dialog of a panel: a form beside a live preview of what it says. */
import { Chart } from "./chart.js";
import { openDialog } from "./dialog.js";
import { address, panelQuery, redraw, runsetQuery } from "./panels.js";
import * as tabs from "./tabs.js";

const PREVIEW_AFTER = 150;

/** A form's fields as a spec: what is left empty keeps its default. */
export function specOf(fields) {
  const spec = {};
  for (const field of fields) {
    if (!field.name || ["submit", "hidden"].includes(field.type) || (field.type === "radio" && !field.checked)) continue;
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

function complain(form, errors, { jump = false } = {}) {
  for (const old of form.querySelectorAll(".field-error")) old.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  let first = null;
  for (const [key, text] of Object.entries(errors)) {
    const field = form.querySelector(`[name="${CSS.escape(key)}"]`);
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
