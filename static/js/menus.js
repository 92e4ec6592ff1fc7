/* Menus of a column's head and of a group's row: asked for when opened, above everything, beside what opened them. */
import { follow, isArrow } from "./arrows.js";

const GAP = 4;

let opener = null; // the id of what opened the menu, until the reader has gone elsewhere

const menu = () => document.getElementById("menu");
const shown = () => menu().matches(":popover-open");
const items = () => [...menu().querySelectorAll("a, button, input")].filter((item) => !item.disabled);

function place(beside) {
  const [at, box] = [beside.getBoundingClientRect(), menu()];
  const left = Math.min(at.left, window.innerWidth - box.offsetWidth - 8);
  const below = window.innerHeight - at.bottom - GAP - 8;
  const up = below < box.offsetHeight && at.top > below;
  box.style.left = `${Math.max(8, left)}px`;
  box.style.top = `${up ? Math.max(8, at.top - GAP - box.offsetHeight) : at.bottom + GAP}px`;
}

async function open(link) {
  const response = await fetch(link.getAttribute("href"), { headers: { "HX-Request": "true" } });
  if (!response.ok) return location.assign(link.getAttribute("href"));
  const box = menu();
  box.innerHTML = await response.text();
  window.htmx?.process(box);
  opener = link.id;
  const beside = document.getElementById(opener);
  if (!beside) return;
  box.setAttribute("aria-label", link.getAttribute("aria-label"));
  box.showPopover();
  place(beside);
  (box.querySelector("[autofocus], [aria-current]") ?? items()[0])?.focus();
}

/** A closed menu keeps the focus until the page is next drawn, and what it would go back to may have been replaced. */
const lost = () => document.activeElement === document.body || menu().contains(document.activeElement);

/** After whatever may have lost it: the menu's closing and a new table come in any order. */
function giveBack() {
  if (opener && !shown() && lost()) (document.getElementById(opener) ?? document.getElementById("runs-scroll"))?.focus();
}

export function closeMenu() {
  if (menu() && shown()) menu().hidePopover();
}

export function mount(root) {
  const box = root.querySelector("#menu");
  if (!box) return;
  // The menu closes itself when the link is pressed; without this its click would open it again.
  let pressed = null;
  root.addEventListener("pointerdown", (event) => {
    const link = event.target.closest?.("[data-menu]");
    pressed = link && link.id === opener && shown() ? link : null;
    if (!shown()) opener = null;
  }, true);
  root.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-menu]");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (link !== pressed) open(link);
    pressed = null;
  });
  box.addEventListener("keydown", (event) => {
    if (isArrow(event) && !event.target.matches("[role=combobox]")) follow(event, items());
  });
  box.addEventListener("htmx:beforeRequest", closeMenu);
  box.addEventListener("toggle", giveBack);
  for (const event of ["htmx:afterSettle", "runs:refreshed"]) document.addEventListener(event, giveBack);
  root.addEventListener("focusin", ({ target }) => {
    if (target.id !== opener && !shown()) opener = null;
  });
}
