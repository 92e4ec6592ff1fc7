/* A further key to sort by. Not as the form's own button: htmx would send it in place of the keys there are. */
export function mount(root) {
  root.addEventListener("click", (event) => {
    const button = event.target.closest?.(".sort-form button[name=sort]");
    if (!button || !window.htmx) return;
    event.preventDefault();
    event.stopPropagation();
    const { form, name, value } = button;
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    form.requestSubmit();
  }, true);
}
