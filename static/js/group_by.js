/* The fields to group by: ticking a candidate moves it among the chosen, in order; buttons, arrow keys and dragging reorder. */
const icon = (id) => `<svg class="lucide" aria-hidden="true"><use href="#icon-${id}"></use></svg>`;

function button(action, label, name) {
  const made = document.createElement("button");
  made.type = "button";
  made.dataset.act = action;
  made.setAttribute("aria-label", `${label} ${name}`);
  made.title = label;
  made.innerHTML = icon({ earlier: "left", later: "right", remove: "x" }[action]);
  return made;
}

function enhance(form) {
  const chosen = form.querySelector(".chosen");
  const search = form.querySelector("[type=search]");
  const home = new Map([...form.querySelectorAll(".candidates .row")].map((row) => [row, row.parentElement]));
  const nameOf = (row) => row.querySelector(".field-name").textContent;

  const equip = (row) => {
    if (row.querySelector(".tools")) return;
    const tools = document.createElement("span");
    tools.className = "tools";
    tools.append(
      button("earlier", "Move earlier", nameOf(row)), button("later", "Move later", nameOf(row)),
      button("remove", "Remove", nameOf(row)),
    );
    row.append(tools);
    row.draggable = true;
  };
  const settle = () => {
    const rows = [...chosen.children];
    rows.forEach((row, at) => {
      equip(row);
      row.querySelector("[data-act=earlier]").disabled = at === 0;
      row.querySelector("[data-act=later]").disabled = at === rows.length - 1;
    });
    filter();
  };
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const list of form.querySelectorAll(".candidates")) {
      let any = false;
      for (const row of list.children) {
        row.hidden = !words.every((word) => nameOf(row).toLowerCase().includes(word));
        any ||= !row.hidden;
        shown += !row.hidden;
      }
      list.hidden = list.previousElementSibling.hidden = !any;
    }
    form.querySelector(".none").hidden = shown > 0;
  };
  const add = (row) => {
    row.querySelector("input").checked = true;
    row.hidden = false;
    chosen.append(row);
    search.value = "";
    settle();
    form.querySelector(".said").textContent = `${nameOf(row)} added, ${chosen.children.length} fields`;
  };
  const remove = (row) => {
    row.querySelector("input").checked = false;
    row.querySelector(".tools")?.remove();
    row.draggable = false;
    (home.get(row) ?? form.querySelector(".candidates"))?.prepend(row);
    settle();
    form.querySelector(".said").textContent = `${nameOf(row)} removed`;
  };
  const move = (row, by) => {
    if (by < 0) row.previousElementSibling?.before(row);
    else row.nextElementSibling?.after(row);
    settle();
  };

  form.addEventListener("change", (event) => {
    const row = event.target.closest(".row");
    if (!row) return;
    if (event.target.checked) add(row);
    else remove(row);
    search.focus();
  });
  form.addEventListener("click", (event) => {
    const act = event.target.closest("[data-act]");
    if (!act) return;
    const row = act.closest(".row");
    if (act.dataset.act === "remove") {
      remove(row);
      search.focus();
    } else {
      move(row, act.dataset.act === "earlier" ? -1 : 1);
      (act.disabled ? row.querySelector("[data-act]:not(:disabled)") : act)?.focus();
    }
  });
  search.addEventListener("input", filter);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !search.value) return;
    event.preventDefault();
    const first = form.querySelector(".candidates .row:not([hidden])");
    if (first) add(first);
  });

  let dragged = null;
  chosen.addEventListener("dragstart", (event) => {
    dragged = event.target.closest(".row");
    dragged.classList.add("dragged");
  });
  chosen.addEventListener("dragover", (event) => {
    const over = event.target.closest(".row");
    if (!dragged) return;
    event.preventDefault();
    if (!over || over === dragged) return;
    const box = over.getBoundingClientRect();
    event.clientX < box.left + box.width / 2 ? over.before(dragged) : over.after(dragged);
  });
  chosen.addEventListener("dragend", () => {
    dragged?.classList.remove("dragged");
    dragged = null;
    settle();
  });

  form.classList.add("enhanced");
  settle();
}

export function mount(root) {
  root.querySelectorAll(".group-form:not(.enhanced)").forEach(enhance);
}
