/* Finding names by a part of them: every word of the query somewhere, else its letters in order. */
function score(name, words) {
  let sum = 0;
  for (const word of words) {
    const at = name.indexOf(word);
    if (at < 0) return null;
    // The whole name, then the beginning of one of its parts, then anywhere; of these the shorter name.
    sum += (name === word ? 0 : at === 0 || !/[a-z0-9]/.test(name[at - 1]) ? 10 : 20) + name.length / 1000;
  }
  return sum;
}

function scattered(name, letters) {
  let first = -1;
  let at = -1;
  for (const letter of letters) {
    at = name.indexOf(letter, at + 1);
    if (at < 0) return null;
    if (first < 0) first = at;
  }
  return at - first + name.length / 1000;
}

function ranked(names, rank) {
  return names
    .map((name, at) => [rank(name.toLowerCase()), at])
    .filter(([value]) => value !== null)
    .sort((one, other) => one[0] - other[0] || one[1] - other[1])
    .map(([, at]) => at);
}

/** Which of the names match, as indices, the best first. */
export function found(names, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const whole = ranked(names, (name) => score(name, words));
  return whole.length ? whole : ranked(names, (name) => scattered(name, words.join("")));
}

/** Shows only the rows of the `.candidates` lists that match, with their captions. Returns the best row. */
export function narrow(root, query) {
  const rows = [...root.querySelectorAll(".candidates > .row")];
  const matching = found(rows.map((row) => row.querySelector(".field-name").textContent), query).map((at) => rows[at]);
  const shown = new Set(matching);
  for (const row of rows) row.hidden = !shown.has(row);
  for (const list of root.querySelectorAll(".candidates")) {
    list.hidden = list.previousElementSibling.hidden = ![...list.children].some((row) => shown.has(row));
  }
  root.querySelector(".none").hidden = matching.length > 0;
  return matching[0] ?? null;
}

export function mount(root) {
  root.addEventListener("input", (event) => {
    if (event.target.matches?.("[data-finds]")) narrow(event.target.form, event.target.value);
  });
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches?.("[data-finds]")) return;
    event.preventDefault();
    if (event.target.value) narrow(event.target.form, event.target.value)?.querySelector("button")?.click();
  });
}
