/* The search by name: runs are found while one types, a bad pattern is told where it was typed. */
const AFTER = 250;

let soon = null;
let typing = false; // the next view is a further letter of the last one: it takes its place in the history
let pushed = false;
let kept = null;

const field = () => document.getElementById("runs-search");
const half = (text) => text[0] === "/" && (text.length === 1 || text.at(-1) !== "/");

function complain(text) {
  const input = field();
  let line = document.getElementById("search-error");
  if (!text) {
    line?.remove();
    input?.removeAttribute("aria-invalid");
    input?.removeAttribute("aria-describedby");
    return;
  }
  line ??= Object.assign(document.createElement("p"), { id: "search-error", className: "field-error" });
  line.setAttribute("role", "alert");
  line.textContent = text;
  input.closest(".bar").append(line);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", line.id);
}

/** Whether the answer was to a search, and its error is shown. */
export function refused(detail) {
  if (!detail.requestConfig.elt.matches?.(".search") || detail.xhr.status !== 400) return false;
  const page = new DOMParser().parseFromString(detail.xhr.responseText, "text/html");
  complain((page.querySelector("main .card")?.textContent ?? "This can’t be searched for.").replace(/^q: /, ""));
  return true;
}

export function mount(root) {
  root.addEventListener("input", (event) => {
    if (event.target !== field()) return;
    clearTimeout(soon);
    complain("");
    if (half(event.target.value)) return; // A pattern is asked for when it is complete.
    soon = setTimeout(() => {
      typing = true;
      field()?.form.requestSubmit();
    }, AFTER);
  });
  root.addEventListener("submit", (event) => {
    if (event.target.matches(".search")) clearTimeout(soon);
  });
  root.addEventListener("focusout", (event) => {
    if (event.target === field() && event.relatedTarget) pushed = false;
  });
  root.addEventListener("htmx:beforeHistoryUpdate", ({ detail }) => {
    if (typing && pushed) detail.history.type = "replace";
    pushed = typing;
    typing = false;
  });
  // What was typed while the answer came is newer than what it says.
  root.addEventListener("htmx:beforeSwap", () => {
    const input = field();
    kept = input && input === document.activeElement ? [input.value, input.selectionStart, input.selectionEnd] : null;
  });
  root.addEventListener("htmx:afterSwap", () => {
    const input = field();
    if (!kept || !input) return;
    const [value, start, end] = kept;
    kept = null;
    input.value = value;
    input.focus();
    input.setSelectionRange(start, end);
  });
}
