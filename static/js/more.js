/* Rows beyond a page come as they are scrolled to. */
const MOST = 50; // pages kept fresh in a live table

let loaded = new Set(); // keys of the "more" rows whose pages are shown
let watched = null;

async function rowsOf(link) {
  const response = await fetch(link.getAttribute("href"), { headers: { "HX-Request": "true", "HX-Target": "rows" } });
  if (!response.ok) throw new Error(String(response.status));
  const holder = document.createElement("template");
  holder.innerHTML = await response.text();
  return holder.content;
}

const moreRows = (body) => [...body.querySelectorAll("tr.more")];

async function load(row) {
  if (row.dataset.loading) return;
  row.dataset.loading = "yes";
  const { key } = row.dataset;
  try {
    const rows = await rowsOf(row.querySelector("a"));
    if (!row.isConnected) return;
    loaded.add(key);
    const body = row.parentElement;
    row.replaceWith(rows);
    window.htmx?.process(body);
    watch(body);
  } catch {
    delete row.dataset.loading; // The link stays, to be clicked.
  }
}

function watch(body) {
  watched?.disconnect();
  watched = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => load(entry.target)),
    { root: body.closest(".runs-scroll"), rootMargin: "300px" },
  );
  moreRows(body).forEach((row) => watched.observe(row));
}

/** Into a freshly asked table, the further pages that are shown already. */
export async function grown(body) {
  for (let pages = 0; pages < MOST; pages += 1) {
    const row = moreRows(body).find((more) => loaded.has(more.dataset.key));
    if (!row) return;
    row.replaceWith(await rowsOf(row.querySelector("a")));
  }
}

/** A table of another view: nothing more of it is loaded yet. */
export function mountPiece(root, { fresh = true } = {}) {
  const body = root.querySelector(".table tbody");
  if (fresh) loaded = new Set();
  if (!body) return;
  watch(body);
}

export function mount(root) {
  root.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-more]");
    if (!link) return;
    event.preventDefault();
    load(link.closest("tr"));
  });
}
