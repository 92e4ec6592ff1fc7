/* Dialogs: shown above everything, gone when closed, the focus back where it was. */

/** Shows the first <dialog> of `html`, in `page`; its [data-act=cancel] buttons close it. */
export function openDialog(html, page, opener) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const dialog = holder.content.firstElementChild;
  page.append(dialog);
  dialog.addEventListener("click", (event) => {
    if (event.target.closest("[data-act=cancel]")) dialog.close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    opener?.focus();
  });
  dialog.showModal();
  return dialog;
}

/** Shows what went wrong, "" for nothing, in the part's .field-error. */
export function complain(part, text) {
  const line = part.querySelector(".field-error");
  line.textContent = text;
  line.hidden = !text;
}
