/* Ctrl-K and ⌘K: a search over everything, in a dialog. Arrows choose, Enter goes there, Esc gives the page back. */
import { piece } from "./ask.js";

const AFTER = 120;

const opener = document.getElementById("find-anything");

let dialog = null;
let soon = null;
let asked = 0;

const field = () => dialog.querySelector("[role=combobox]");
const options = () => [...dialog.querySelectorAll("[role=option]")];
const chosen = () => dialog.querySelector("[role=option][aria-selected=true]");

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) field().setAttribute("aria-activedescendant", option.id);
  else field().removeAttribute("aria-activedescendant");
}

async function look() {
  const own = (asked += 1);
  const address = new URL(opener.href);
  address.searchParams.set("q", field().value);
  const fresh = await piece(address).catch(() => null);
  if (own !== asked || !dialog) return;
  const status = dialog.querySelector(".field-error");
  status.hidden = fresh !== null;
  if (!fresh) return;
  dialog.querySelector(".found").replaceChildren(...fresh.body.childNodes);
  choose(field().value.trim() ? options()[0] : null);
}

function pressed(event) {
  const all = options();
  const at = all.indexOf(chosen());
  const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? all.length - 1 : at - 1 }[event.key];
  if (to !== undefined) {
    event.preventDefault();
    choose(all[(to + all.length) % all.length]);
  } else if (event.key === "Enter") {
    event.preventDefault();
    if (chosen()) go(chosen());
  }
}

function go(option) {
  dialog.close();
  location.assign(option.href);
}

function open() {
  if (dialog) return;
  dialog = document.getElementById("find-anything-dialog").content.cloneNode(true).firstElementChild;
  document.body.append(dialog);
  const back = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    dialog = null;
    back?.focus();
  });
  dialog.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      go(option);
    } else if (event.target === dialog) {
      dialog.close();
    }
  });
  dialog.addEventListener("pointermove", (event) => {
    const option = event.target.closest("[role=option]");
    if (option && option !== chosen()) choose(option);
  });
  dialog.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  field().addEventListener("keydown", pressed);
  field().addEventListener("input", () => {
    clearTimeout(soon);
    soon = setTimeout(look, AFTER);
  });
  dialog.showModal();
  field().focus();
  look();
}

opener?.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open();
});
document.addEventListener("keydown", (event) => {
  if (!opener || event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
  event.preventDefault();
  open();
});
