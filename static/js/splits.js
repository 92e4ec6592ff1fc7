/* How a chosen field's values make groups: bins of its numbers, items of its lists. Written into the value its box sends. */

const box = (row) => row.querySelector("input");

function written(row) {
  if (row.dataset.explodes !== undefined) {
    const own = row.querySelector(".explode input").checked;
    if (own !== isTags(row)) return `${row.dataset.plain}:${own ? "explode" : "whole"}`;
  }
  const bins = row.querySelector(".bins");
  const how = bins?.querySelector("select").value;
  if (!how) return row.dataset.plain;
  const [many, edges] = [bins.querySelector(".how-many"), bins.querySelector(".edges")];
  return [row.dataset.plain, how, ...(edges.hidden ? [many.value] : numbers(edges.value))].join(":");
}

/** The inverse: a field, how its values make groups, and the numbers of that. */
export function read(text) {
  const [, plain, how = "", given = ""] = text.match(/^((?:\\.|[^:\\])*)(?::([^:]*))?(?::(.*))?$/) ?? [text, text];
  return { plain, how, numbers: given.replaceAll(":", ", ") };
}

const isTags = (row) => row.dataset.plain === "tags";
const numbers = (text) => text.split(/[\s,;]+/).filter(Boolean);

function settle(row) {
  const bins = row.querySelector(".bins");
  if (bins) {
    const exploded = !isTags(row) && row.querySelector(".explode input")?.checked;
    const way = bins.querySelector("select").selectedOptions[0];
    bins.hidden = Boolean(exploded);
    for (const [input, counted] of [[bins.querySelector(".how-many"), "1"], [bins.querySelector(".edges"), "0"]]) {
      input.hidden = input.disabled = way.dataset.counted !== counted;
    }
    const edges = bins.querySelector(".edges");
    const given = numbers(edges.value);
    edges.setCustomValidity(given.length && given.every((text) => Number.isFinite(Number(text))) ? "" : "Numbers, with commas between them");
  }
  box(row).value = written(row);
}

/** Gives a chosen row its controls. */
export function equip(row, name) {
  if (row.dataset.explodes !== undefined) {
    const label = document.createElement("label");
    label.className = "pin explode";
    label.title = isTags(row) ? "A run is in one group for each of its tags" : "A run is in one group for each item of its list";
    const input = Object.assign(document.createElement("input"), { type: "checkbox", checked: row.dataset.explodes === "1" });
    input.setAttribute("aria-label", `Explode ${name}`);
    label.append(input, Object.assign(document.createElement("span"), { textContent: "explode" }));
    row.append(label);
  }
  if (row.dataset.bins !== undefined) {
    const bins = document.querySelector("template.ways").content.firstElementChild.cloneNode(true);
    const [select, many, edges] = bins.children;
    for (const input of bins.children) input.setAttribute("aria-label", `${input.getAttribute("aria-label")}: ${name}`);
    select.value = row.dataset.bins;
    many.value = select.selectedOptions[0].dataset.counted === "1" ? row.dataset.numbers : 4;
    edges.value = select.selectedOptions[0].dataset.counted === "0" ? row.dataset.numbers : "";
    row.append(bins);
  }
  row.querySelector(".split-said")?.remove();
  if (row.dataset.plain) settle(row);
}

/** A field that is chosen no more is a field by itself. */
export function strip(row) {
  for (const part of row.querySelectorAll(".bins, .explode")) part.remove();
  if (!row.dataset.plain) return;
  if (row.dataset.bins !== undefined) row.dataset.bins = row.dataset.numbers = "";
  if (row.dataset.explodes !== undefined) row.dataset.explodes = isTags(row) ? "1" : "0";
  box(row).value = row.dataset.plain;
}

/** Whether the event was about these controls. */
export function changed(event) {
  const part = event.target.closest?.(".bins, .explode");
  if (!part) return false;
  settle(part.closest(".row"));
  if (event.type === "change" && event.target.matches("select")) part.querySelector(".field:not(select):not([hidden])")?.focus();
  return true;
}
