/* Changes a table into a freshly rendered one, touching only what differs: selection, focus and hover stay where they are. */
function keyed(body) {
  const seen = new Map();
  return [...body.rows].map((row) => {
    // A run with several tags has a row in several groups.
    const time = (seen.get(row.dataset.key) ?? 0) + 1;
    seen.set(row.dataset.key, time);
    return [`${row.dataset.key} ${time}`, row];
  });
}

export function morphRows(body, fresh) {
  const known = new Map(keyed(body));
  let place = body.firstElementChild;
  for (const [key, row] of keyed(fresh)) {
    const own = known.get(key);
    known.delete(key);
    if (own) morphRow(own, row);
    if (own && own === place) place = place.nextElementSibling;
    else body.insertBefore(own ?? row, place);
  }
  for (const row of known.values()) row.remove();
}

function morphRow(own, fresh) {
  own.className = fresh.className;
  if (own.cells.length !== fresh.cells.length) {
    own.replaceChildren(...fresh.cells);
    return;
  }
  [...fresh.cells].forEach((cell, at) => {
    if (!own.cells[at].isEqualNode(cell)) own.cells[at].replaceWith(cell);
  });
}
