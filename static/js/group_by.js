/* A choice of fields in order: ticking a candidate moves it among the chosen; buttons and dragging reorder, Alt and arrow keys too. */
import { narrow } from "./find.js";
import * as replicates from "./replicates.js";
import * as splits from "./splits.js";

const icon = (id) => `<svg class="lucide" aria-hidden="true"><use href="#icon-${id}"></use></svg>`;

function button(action, label, name, listed) {
  const made = document.createElement("button");
  made.type = "button";
  made.dataset.act = action;
  made.setAttribute("aria-label", `${label} ${name}`);
  made.title = label;
  made.innerHTML = icon({ earlier: listed ? "up" : "left", later: listed ? "down" : "right", remove: "x" }[action]);
  return made;
}

function enhance(form) {
  const chosen = form.querySelector(".chosen");
  const search = form.querySelector("[type=search]");
  const home = new Map([...form.querySelectorAll(".candidates .row")].map((row) => [row, row.parentElement]));
  const nameOf = (row) => row.querySelector(".field-name").textContent;

  const listed = form.classList.contains("listed");
  const equip = (row) => {
    if (row.querySelector(".tools")) return;
    if (form.matches(".pinning") && !row.querySelector(".pin")) row.append(pin(row));
    splits.equip(row, nameOf(row));
    const tools = document.createElement("span");
    tools.className = "tools";
    tools.append(
      button("earlier", "Move earlier", nameOf(row), listed), button("later", "Move later", nameOf(row), listed),
      button("remove", "Remove", nameOf(row)),
    );
    row.append(tools);
    row.draggable = true;
  };
  const pin = (row) => {
    const label = document.createElement("label");
    label.className = "pin";
    const box = Object.assign(document.createElement("input"), { type: "checkbox", name: "pin" });
    box.value = row.querySelector("input").value;
    box.setAttribute("aria-label", `Pin ${nameOf(row)}`);
    label.append(box, Object.assign(document.createElement("span"), { textContent: "Pin" }));
    return label;
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
  const filter = () => narrow(form, search.value);
  const add = (row) => {
    row.querySelector("input").checked = true;
    row.hidden = false;
    chosen.append(row);
    search.value = "";
    settle();
    form.querySelector(".said").textContent = `${nameOf(row)} added, ${chosen.children.length} chosen`;
  };
  const remove = (row) => {
    row.querySelector("input").checked = false;
    row.querySelector(".tools")?.remove();
    row.querySelector(".pin")?.remove();
    splits.strip(row);
    row.draggable = false;
    (home.get(row) ?? form.querySelector(".candidates"))?.prepend(row);
    settle();
    form.querySelector(".said").textContent = `${nameOf(row)} removed`;
  };
  const moved = (row) => {
    settle();
    form.querySelector(".said").textContent = `${nameOf(row)}, ${[...chosen.children].indexOf(row) + 1} of ${chosen.children.length}`;
  };
  const move = (row, by) => {
    if (by < 0) row.previousElementSibling?.before(row);
    else row.nextElementSibling?.after(row);
    moved(row);
  };

  form.addEventListener("change", (event) => {
    const row = event.target.closest(".row");
    if (!row || event.target.name === "pin" || splits.changed(event)) return;
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
  chosen.addEventListener("input", splits.changed);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !search.value) return;
    event.preventDefault();
    const best = filter();
    if (best) add(best);
  });
  chosen.addEventListener("keydown", (event) => {
    const by = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
    if (!by || !event.altKey || event.target.matches(".bins *")) return;
    event.preventDefault();
    const focused = document.activeElement;
    move(event.target.closest(".row"), by);
    focused.focus();
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
    const before = listed ? event.clientY < box.top + box.height / 2 : event.clientX < box.left + box.width / 2;
    over[before ? "before" : "after"](dragged);
  });
  chosen.addEventListener("dragend", () => {
    if (!dragged) return;
    dragged.classList.remove("dragged");
    moved(dragged);
    dragged = null;
  });

  form.classList.add("enhanced");
  settle();
}

export function mount(root) {
  root.querySelectorAll(".group-form:not(.enhanced)").forEach(enhance);
  replicates.mount(root);
}
