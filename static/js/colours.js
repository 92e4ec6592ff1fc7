/* The menu of a swatch: a colour out of the palette, one of the reader's own, or the default. */
import { post } from "./ask.js";
import { refreshTable } from "./live.js";
import { closeMenu } from "./menus.js";
import { redraw } from "./panels.js";
import { attempt } from "./toast.js";

/** How far each arrow goes through the palette, whose rows are as long as they are laid out. */
function step(key, swatches) {
  const [first] = swatches;
  const row = swatches.filter((swatch) => swatch.offsetTop === first.offsetTop).length;
  return { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row }[key];
}

async function paint(menu, colour) {
  const { url, line } = menu.dataset;
  await post(url, { line, colour });
  closeMenu();
  redraw();
  await refreshTable();
}

export function mount(root) {
  const box = root.querySelector("#menu");
  if (!box) return;
  const painted = ({ target }, colour) => {
    const menu = target.closest(".colours");
    if (menu && colour !== undefined) attempt(() => paint(menu, colour));
  };
  box.addEventListener("click", (event) => painted(event, event.target.closest("[data-colour]")?.dataset.colour));
  box.addEventListener("change", (event) => painted(event, event.target.value));
  // Before the menu's own arrows, which go through its items one by one.
  box.addEventListener("keydown", (event) => {
    const swatch = event.target.closest(".palette button");
    const swatches = swatch ? [...swatch.parentElement.children] : [];
    const next = swatch && swatches[swatches.indexOf(swatch) + step(event.key, swatches)];
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    next.focus();
  }, true);
}
