/* A condition of the filter's form: the operators that fit its column, and a field for each value it takes. What is sent
   while the form is being changed is sent as it is then. */
const parts = (condition) => ["column", "operator", "values"].map((name) => condition.querySelector(`.${name}`));

function fit(condition) {
  const [column, operator] = parts(condition);
  const columns = condition.closest("form").querySelector("#filter-columns").options;
  const fits = [...columns].find((option) => option.value === column.value)?.dataset.fits.split(" ");
  for (const option of operator.options) {
    option.hidden = option.disabled = fits ? !option.dataset.fits.split(" ").some((kind) => fits.includes(kind)) : false;
  }
  if (operator.selectedOptions[0]?.disabled ?? true) operator.value = "=";
  take(condition);
}

function take(condition) {
  const [column, operator, values] = parts(condition);
  const { takes, suggests } = operator.selectedOptions[0].dataset;
  const [first, ...more] = values.querySelectorAll("input");
  values.hidden = takes === "0";
  if (takes !== "any") more.forEach((input) => input.remove());
  const last = values.querySelector("input:last-of-type");
  if (takes === "any" && last.value) last.after(another(last, more.length + 2));
  for (const input of values.querySelectorAll("input")) {
    const query = new URLSearchParams({ field: column.value });
    if (suggests && column.value) input.dataset.values = `${values.dataset.source}?${query}`;
    else delete input.dataset.values;
  }
  first.placeholder = operator.selectedOptions[0].dataset.hint || "Value";
}

function another(input, number) {
  const made = document.createElement("input");
  for (const name of ["class", "name", "autocomplete", "spellcheck"]) made.setAttribute(name, input.getAttribute(name));
  made.placeholder = "or";
  made.setAttribute("aria-label", `Value ${number}`);
  return made;
}

let changes = 0; // of the form that the server has not answered
let sending = false; // once they are

const isChange = ({ detail: { requestConfig } }) => requestConfig.elt.closest(".filter-form .scroll") !== null;

function inOrder(root) {
  root.addEventListener("htmx:beforeRequest", (event) => { changes += isChange(event); });
  root.addEventListener("htmx:afterRequest", (event) => {
    if (!isChange(event)) return;
    changes -= 1;
    if (!changes && !event.detail.successful) sending = false;
  });
  // Before htmx sees it, which would forget it with the form that it is of.
  root.addEventListener("submit", (event) => {
    if (!changes || !event.target.matches(".filter-form")) return;
    event.preventDefault();
    event.stopPropagation();
    sending = true;
  }, true);
  root.addEventListener("htmx:afterSettle", () => {
    if (!sending || changes) return;
    sending = false;
    document.getElementById("filter-form")?.requestSubmit();
  });
}

export function mount(root) {
  inOrder(root);
  root.addEventListener("change", (event) => {
    const condition = event.target.closest?.(".condition");
    if (!condition) return;
    if (event.target.matches(".column")) fit(condition);
    else if (event.target.matches(".operator")) take(condition);
  });
  root.addEventListener("input", (event) => {
    if (event.target.matches?.(".condition .value")) take(event.target.closest(".condition"));
  });
}
