/* Choosing while typing: a text field with a list of what there is, from its <datalist> or asked for at data-values. */
import { json } from "./ask.js";
import { found } from "./find.js";

const ASK_AFTER = 120;
const MOST = 200;

const list = document.createElement("ul");
list.id = "combobox-options";
list.className = "options";
list.popover = "manual";
list.setAttribute("role", "listbox");

let field = null; // whose options are shown or asked for
let asked = null;

const options = () => [...list.children];
const active = () => list.querySelector("[aria-selected=true]");
const isOpen = () => field !== null && list.isConnected && list.matches(":popover-open");

function close() {
  clearTimeout(asked);
  if (isOpen()) list.hidePopover();
  field?.setAttribute("aria-expanded", "false");
  field?.removeAttribute("aria-activedescendant");
}

function point(option) {
  active()?.setAttribute("aria-selected", "false");
  if (!option) return field.removeAttribute("aria-activedescendant");
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", option.id);
}

function show(choices) {
  list.replaceChildren(
    ...choices.slice(0, MOST).map(({ value, label, note }, at) => {
      const option = document.createElement("li");
      option.id = `combobox-option-${at}`;
      option.dataset.value = value;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      const name = document.createElement("span");
      name.textContent = label;
      const small = document.createElement("small");
      small.textContent = note;
      option.append(name, small);
      return option;
    }),
  );
  if (!choices.length) return close();
  if (list.parentElement !== field.parentElement) field.after(list);
  list.setAttribute("aria-label", field.getAttribute("aria-label"));
  if (!list.matches(":popover-open")) list.showPopover();
  const at = field.getBoundingClientRect();
  const below = window.innerHeight - at.bottom;
  const height = Math.min(260, Math.max(below, at.top) - 12);
  list.style.maxHeight = `${height}px`;
  list.style.minWidth = `${Math.max(at.width, 200)}px`;
  list.style.left = `${Math.max(8, Math.min(at.left, window.innerWidth - list.offsetWidth - 8))}px`;
  list.style.top = below >= list.offsetHeight + 8 || below >= at.top ? `${at.bottom + 3}px` : `${at.top - list.offsetHeight - 3}px`;
  field.setAttribute("aria-expanded", "true");
  // A column must be one of the list, a value need not.
  point(field.dataset.options && field.value ? list.firstElementChild : null);
}

function ofDatalist(input, query) {
  const all = [...document.getElementById(input.dataset.options).options].map((option) => {
    const [, scope, key] = /^(config|summary)\.(.*)$/s.exec(option.value) ?? [null, "run", option.label];
    return { value: option.value, label: key, note: scope };
  });
  return found(all.map(({ label }) => label), query).map((at) => all[at]);
}

async function ofValues(input, query) {
  const url = `${input.dataset.values}&${new URLSearchParams({ text: query })}`;
  const { values } = await json(url).catch(() => ({ values: [] }));
  return values.map(({ text, runs }) => ({ value: text, label: text, note: `${runs} run${runs === 1 ? "" : "s"}` }));
}

function ask(input, query) {
  clearTimeout(asked);
  if (input.dataset.options) return show(ofDatalist(input, query));
  asked = setTimeout(async () => {
    const choices = await ofValues(input, query);
    if (field === input && document.activeElement === input && input.isConnected) show(choices);
  }, ASK_AFTER);
}

function choose(option) {
  const input = field;
  input.value = option.dataset.value;
  close();
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

function equip(input) {
  if (input.getAttribute("role") === "combobox") return;
  if (input.list) input.dataset.options = input.list.id;
  input.removeAttribute("list");
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-controls", list.id);
}

const takes = (element) => element?.matches?.("input[list], input[data-values], input[data-options]");

function pressed(event) {
  if (event.target !== field) return;
  const all = options();
  const at = all.indexOf(active());
  if (["ArrowDown", "ArrowUp"].includes(event.key)) {
    event.preventDefault();
    if (!isOpen()) return ask(field, "");
    const step = event.key === "ArrowDown" ? 1 : -1;
    point(all[(at < 0 && step < 0 ? all.length : at + all.length + step) % all.length] ?? null);
  } else if (event.key === "Enter" && isOpen() && active()) {
    event.preventDefault();
    choose(active());
  } else if (event.key === "Tab" && isOpen() && active() && field.value) {
    choose(active());
  } else if (event.key === "Escape" && isOpen()) {
    event.preventDefault();
    event.stopPropagation();
    close();
  }
}

export function mount(root) {
  root.addEventListener("focusin", (event) => {
    if (!takes(event.target)) return;
    equip(event.target);
    field = event.target;
  });
  root.addEventListener("click", (event) => {
    if (event.target === field && !isOpen()) ask(field, "");
  });
  root.addEventListener("input", (event) => {
    if (event.target === field) ask(field, field.value);
  });
  // Before the popover's own Escape.
  root.addEventListener("keydown", pressed, true);
  root.addEventListener("focusout", (event) => {
    if (event.target === field) close();
  });
  // The field keeps the focus.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) choose(option);
  });
  root.addEventListener("scroll", (event) => {
    if (isOpen() && event.target !== list) close();
  }, true);
}
