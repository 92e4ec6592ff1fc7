/* A run's name, notes and tags, edited where they stand: Esc and Cancel leave them as they were, a change can be undone. */
import { post } from "./ask.js";
import { complain } from "./dialog.js";
import { attempt, say } from "./toast.js";

function close(edit) {
  edit.open = false;
  edit.querySelector("form").reset();
  complain(edit, "");
  edit.querySelector("summary").focus();
}

/** `refresh` brings the page up to date. */
export function mount(root, refresh) {
  const undoUrl = root.querySelector("[data-bulk-url]")?.dataset.bulkUrl;
  if (!undoUrl) return;

  async function change(url, body, edit = null) {
    const { said, undo } = JSON.parse(await post(url, body));
    if (edit) close(edit);
    say(said, undo && (() => change(undoUrl, { do: "undo", id: undo })));
    await refresh();
    if (edit) root.querySelector(`#${edit.id} > summary`)?.focus();
  }

  root.addEventListener("toggle", ({ target }) => {
    if (!target.matches?.(".edit") || !target.open) return;
    for (const other of root.querySelectorAll(".edit[open]")) if (other !== target) other.open = false;
    target.querySelector("[data-act=cancel]").hidden = false;
    const field = target.querySelector(".field");
    field.focus();
    field.select();
  }, true);
  root.addEventListener("keydown", (event) => {
    const edit = event.target.closest?.(".edit[open]");
    if (!edit) return;
    if (event.key === "Escape") close(edit);
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) edit.querySelector("form").requestSubmit();
  });
  root.addEventListener("click", ({ target }) => {
    if (target.closest?.(".edit [data-act=cancel]")) close(target.closest(".edit"));
  });
  root.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-edit]");
    if (!form) return;
    event.preventDefault();
    const body = Object.fromEntries(new FormData(form, event.submitter));
    const edit = form.closest(".edit");
    const url = form.getAttribute("action");
    if (edit) change(url, body, edit).catch((error) => complain(form, error.message));
    else attempt(() => change(url, body));
  });
}
