/* The divider between table and panels: drag it or use the arrow keys; and the button that gives the table all room. */
const KEY = "runs-width";
const STEP = 24;

export function mount(root) {
  const divider = root.querySelector(".divider");
  if (!divider) return;
  const page = divider.parentElement;
  const limits = () => [260, Math.max(260, page.clientWidth - 320)];
  const set = (width) => {
    const [low, high] = limits();
    const kept = Math.round(Math.min(high, Math.max(low, width)));
    page.style.setProperty("--runs-width", `${kept}px`);
    divider.setAttribute("aria-valuenow", kept);
    divider.setAttribute("aria-valuemax", high);
    return kept;
  };
  const keep = (width) => {
    localStorage.setItem(KEY, set(width));
  };
  const now = () => divider.offsetLeft - page.offsetLeft;

  const saved = Number(localStorage.getItem(KEY));
  if (saved) set(saved);

  divider.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    divider.setPointerCapture(event.pointerId);
    divider.classList.add("dragging");
  });
  divider.addEventListener("pointermove", (event) => {
    if (divider.classList.contains("dragging")) set(event.clientX - page.offsetLeft);
  });
  divider.addEventListener("lostpointercapture", () => {
    divider.classList.remove("dragging");
    keep(now());
  });
  divider.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: now() - STEP, ArrowRight: now() + STEP, Home: limits()[0], End: limits()[1] };
    if (!(event.key in moves)) return;
    event.preventDefault();
    keep(moves[event.key]);
  });

  const expand = (wide) => {
    page.classList.toggle("expanded", wide);
    for (const button of page.querySelectorAll(".expand-button")) press(button);
  };
  page.addEventListener("click", (event) => {
    if (event.target.closest(".expand-button")) expand(!page.classList.contains("expanded"));
  });
}

function press(button) {
  const wide = button.closest(".workspace").classList.contains("expanded");
  button.hidden = false;
  button.setAttribute("aria-pressed", wide);
  button.title = wide ? "Show the panels" : "Expand table";
  button.setAttribute("aria-label", button.title);
}

/** The button comes anew with every piece of the table. */
export function mountPiece(root) {
  root.querySelectorAll(".expand-button").forEach(press);
}
