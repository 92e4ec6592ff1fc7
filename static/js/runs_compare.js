/* Runs side by side: names are suggested while one types, and buttons that are links take the space bar. */
import * as combobox from "./combobox.js";

combobox.mount(document);
document.addEventListener("keydown", (event) => {
  const button = event.key === " " && event.target.closest?.("a[role=button]");
  if (!button) return;
  event.preventDefault();
  button.click();
});
document.addEventListener("change", ({ target }) => {
  if (target.name === "add" && target.value) target.form.requestSubmit();
});
