/* The search of a tree of keys: its part of the page is asked for anew while one types, under an address that can be shared. */
const AFTER = 150;

/** `refresh` brings the page to what its address says. */
export function mount(root, refresh) {
  let soon = null;

  function look() {
    const address = new URL(location.href);
    for (const { name, value } of root.querySelectorAll("[data-tree-search] [type=search]")) {
      if (value) address.searchParams.set(name, value);
      else address.searchParams.delete(name);
    }
    history.replaceState(history.state, "", address);
    refresh();
  }
  root.addEventListener("input", (event) => {
    if (!event.target.closest("[data-tree-search]")) return;
    clearTimeout(soon);
    soon = setTimeout(look, AFTER);
  });
  root.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-tree-search]")) return;
    event.preventDefault();
    clearTimeout(soon);
    look();
  });
}
