/* Menus of a column's head and of a group's row: asked for when opened, above everything, beside what opened them. */
const GAP = 4;

let opener = null; // the id of what opened the menu

const menu = () => document.getElementById("menu");
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

export function closeMenu() {
  if (menu()?.matches(":popover-open")) menu().hidePopover();
}

export function mount(root) {
  const box = root.querySelector("#menu");
  if (!box) return;
  // The menu closes itself when the link is pressed; without this its click would open it again.
  let pressed = null;
  root.addEventListener("pointerdown", (event) => {
    const link = event.target.closest?.("[data-menu]");
    pressed = link && link.id === opener && box.matches(":popover-open") ? link : null;
  }, true);
  root.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-menu]");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (link !== pressed) open(link);
    pressed = null;
  });
  box.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || event.target.matches("[role=combobox]")) return;
    event.preventDefault();
    const all = items();
    all.at((all.indexOf(document.activeElement) + by) % all.length).focus();
  });
  box.addEventListener("toggle", (event) => {
    // What opened it may have been drawn anew meanwhile.
    if (event.newState === "closed" && document.activeElement === document.body) document.getElementById(opener)?.focus();
  });
  box.addEventListener("htmx:beforeRequest", closeMenu);
  document.addEventListener("htmx:afterSettle", () => {
    if (document.activeElement === document.body && opener) document.getElementById(opener)?.focus();
  });
}
