/* How wide the table's columns are, in this browser: drag the edge of a head, or use its arrow keys; a double click or
   Delete gives the column back the width that it needs. */
const sheet = new CSSStyleSheet();
document.adoptedStyleSheets.push(sheet);

let widths = {}; // pixels by column
let drag = null; // the column, and how much wider it is than the pointer's place

const key = () => `widths ${location.pathname}`;
const heads = () => [...document.querySelectorAll("#runs-scroll th[data-column]")];
const edgeOf = (event) => event.target.closest?.(".edge");
const columnOf = (edge) => edge.closest("th").dataset.column;

function place() {
  const rules = [];
  for (const head of heads()) {
    const width = Number(widths[head.dataset.column]);
    if (!width) continue;
    const cells = `.table tr > :nth-child(${head.cellIndex + 1}):not([colspan])`;
    rules.push(`${cells} { width: ${width}px; min-width: ${width}px; max-width: ${width}px; }`);
  }
  sheet.replaceSync(rules.join("\n"));
  document.querySelector(".workspace")?.classList.toggle("resized", rules.length > 0);
  // A property and no attribute: a head drawn anew is the same as before.
  for (const head of heads()) head.querySelector(".edge").value = head.offsetWidth;
}

function keep() {
  if (Object.keys(widths).length) localStorage.setItem(key(), JSON.stringify(widths));
  else localStorage.removeItem(key());
}

/** The other columns keep the widths they have, so that no edge moves but those to the right. */
function set(column, width, { min, max }) {
  for (const head of heads()) widths[head.dataset.column] ??= head.offsetWidth;
  widths[column] = Math.round(Math.min(max, Math.max(min, width)));
  place();
}

function reset(column) {
  delete widths[column];
  place();
  keep();
}

export function mount(root) {
  root.addEventListener("pointerdown", (event) => {
    const edge = edgeOf(event);
    if (!edge || event.button !== 0) return;
    event.preventDefault(); // else the slider that it is moves too
    edge.focus({ focusVisible: false });
    edge.setPointerCapture(event.pointerId);
    drag = { column: columnOf(edge), more: edge.closest("th").offsetWidth - event.clientX, moved: false };
  });
  root.addEventListener("pointermove", (event) => {
    if (!drag || !edgeOf(event)) return;
    set(drag.column, event.clientX + drag.more, edgeOf(event));
    drag.moved = true;
  });
  root.addEventListener("lostpointercapture", () => {
    if (drag?.moved) keep();
    drag = null;
  });
  root.addEventListener("input", (event) => {
    const edge = edgeOf(event);
    if (!edge) return;
    set(columnOf(edge), Number(edge.value), edge);
    keep();
  });
  root.addEventListener("dblclick", (event) => edgeOf(event) && reset(columnOf(edgeOf(event))));
  root.addEventListener("keydown", (event) => {
    if (event.key === "Delete" && edgeOf(event)) reset(columnOf(edgeOf(event)));
  });
}

/** Another view may have other columns. */
export function mountPiece() {
  if (!drag) widths = JSON.parse(localStorage.getItem(key()) ?? "{}");
  place();
}
