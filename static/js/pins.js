/* Pinned columns stay beside the names while the rest of the table scrolls, as far as they leave room for it. */
const ROOM = 0.75;

const sheet = new CSSStyleSheet();
document.adoptedStyleSheets.push(sheet);

function place(table) {
  const cells = [...(table?.tHead?.rows[0]?.cells ?? [])];
  const room = (table?.parentElement.clientWidth ?? 0) * ROOM;
  const width = (cell) => cell?.getBoundingClientRect().width ?? 0;
  let left = width(cells[0]) + width(cells[1]);
  const rules = [];
  for (const [at, cell] of cells.entries()) {
    if (!("pinned" in cell.dataset)) continue;
    if (left + width(cell) > room) break;
    rules.push(`.table tr > :nth-child(${at + 1}) { position: sticky; left: ${left}px; z-index: 1; }`);
    rules.push(`.table thead tr > :nth-child(${at + 1}) { z-index: 3; }`);
    left += width(cell);
  }
  sheet.replaceSync(rules.join("\n"));
}

const watched = new ResizeObserver(() => place(document.querySelector("#runs-scroll > .table")));

export function mountPiece(root) {
  watched.disconnect();
  const table = root.querySelector("#runs-scroll > .table");
  if (table) for (const box of [table, table.parentElement, ...table.tHead.rows[0].cells]) watched.observe(box);
  else place(null);
}
