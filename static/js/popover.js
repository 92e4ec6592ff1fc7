/* Popovers are <details>: one at a time, closed by Esc or a click outside, their content asked for when first opened. */
import { mount as mountCopy } from "./copy.js";
import { mount as mountGroupBy } from "./group_by.js";

let returning = null; // the id of what was used in a popover that stays open

async function fill(popover) {
  const pop = popover.querySelector(":scope > .pop[data-source]");
  if (!pop) return;
  const response = await fetch(pop.dataset.source, { headers: { "HX-Request": "true" } });
  if (!response.ok) return; // The plain link to the same form stays.
  pop.innerHTML = await response.text();
  pop.removeAttribute("data-source");
  window.htmx?.process(pop);
  mountGroupBy(pop);
  mountCopy(pop);
  const again = returning && document.getElementById(returning);
  returning = null;
  (again || pop.querySelector("[autofocus]"))?.focus();
}

function close(popover, { focus = false } = {}) {
  popover.open = false;
  if (focus) popover.querySelector("summary").focus();
}

const opened = () => document.querySelectorAll(".popover[open]");

const hold = (popover, still) => popover?.querySelector(":scope > .pop").toggleAttribute("inert", still);

/** What htmx brings into an open popover is as what was in it before. */
function refill() {
  document.addEventListener("htmx:afterSettle", ({ target }) => {
    if (!target.matches?.(".pop")) return;
    mountGroupBy(target);
    target.querySelector("[autofocus]")?.focus();
  });
}

/** What is clicked in a popover that stays brings the table anew, and the popover with it. */
function stay() {
  let staying = null;
  document.addEventListener("htmx:beforeRequest", (event) => {
    const popover = event.target.closest?.(".popover[data-stays]");
    staying = popover?.id ?? null;
    returning = staying && document.activeElement?.id;
    hold(popover, true); // What it holds speaks of the view before.
  });
  document.addEventListener("htmx:afterRequest", (event) => hold(event.target.closest?.(".popover[data-stays]"), false));
  document.addEventListener("htmx:afterSettle", () => {
    const popover = staying && document.getElementById(staying);
    staying = null;
    if (popover) popover.open = true;
  });
}

export function mount() {
  stay();
  refill();
  document.addEventListener(
    "toggle",
    (event) => {
      const popover = event.target;
      if (!popover.matches?.(".popover") || !popover.open) return;
      for (const other of opened()) if (other !== popover) close(other);
      fill(popover);
    },
    true,
  );
  document.addEventListener("click", (event) => {
    for (const opener of [event.target.closest("[data-opens]")].filter(Boolean)) {
      event.preventDefault();
      document.getElementById(opener.dataset.opens).open = true;
      return;
    }
    // What was clicked may have left the document meanwhile (a field moved or removed): that is no click outside.
    if (!event.target.isConnected) return;
    for (const popover of opened()) if (!popover.contains(event.target)) close(popover);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const popover of opened()) close(popover, { focus: popover.contains(document.activeElement) });
  });
}
