/* The controls above the panels: what they say of all panels goes into the address. */
const AFTER = 300;

/** Weight per type of smoothing: what to begin with, and what the slider spans. */
const WEIGHTS = {
  exponentialTimeWeighted: { first: 0.6, max: 0.99, step: 0.01 },
  exponential: { first: 0.6, max: 0.99, step: 0.01 },
  gaussian: { first: 2, max: 50, step: 0.5 },
  average: { first: 5, max: 100, step: 1 },
};

let pending = {}; // parameters chosen whose page has not come yet

/** The page at its own address with some parameters changed; the server brings the table, which brings the panels. */
function go(changes) {
  pending = { ...pending, ...changes };
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(pending)) url.searchParams.set(name, value);
  window.htmx.ajax("GET", url.pathname + url.search, { target: "#runs", swap: "outerHTML" });
}

const part = (id) => document.getElementById(id);

/** As the address has it: after Back, too. */
export function mountPiece(runs) {
  const now = runs.querySelector("[data-sync]").dataset;
  const { x, smoothing, sync } = now;
  pending = Object.fromEntries(Object.entries(pending).filter(([name, value]) => now[name] !== value));
  // The answer to an earlier choice: the later one's is on its way.
  if (Object.keys(pending).length) return;
  const axes = part("x-axis");
  if (![...axes.options].some((option) => option.value === x)) axes.append(new Option(`x-axis: ${x}`, x));
  axes.value = x;
  if (!part("smoothing").open) {
    const [type, weight = ""] = smoothing.split(":");
    part("smoothing-type").value = type;
    part("smoothing-weight").value = weight;
    spell(type, weight);
  }
  for (const box of document.querySelectorAll("#panel-settings [name=sync]")) box.checked = sync.split(",").includes(box.value);
}

function spell(type, weight) {
  const { max = 1, step = 0.01 } = WEIGHTS[type] ?? {};
  const slider = part("smoothing-slider");
  Object.assign(slider, { min: 0, max, step, value: weight || 0 });
  for (const field of [slider, part("smoothing-weight")]) field.disabled = !(type in WEIGHTS);
  part("smoothing").querySelector(".now").textContent = type in WEIGHTS ? weight : "";
}

export function mount(root) {
  const axes = root.querySelector("#x-axis");
  if (!axes) return;
  axes.addEventListener("change", () => go({ x: axes.value }));

  const [type, weight, slider] = ["smoothing-type", "smoothing-weight", "smoothing-slider"].map(part);
  let soon = null;
  const smooth = () => {
    spell(type.value, weight.value);
    clearTimeout(soon);
    soon = setTimeout(() => go({ smoothing: type.value && `${type.value}:${weight.value || 0}` }), AFTER);
  };
  type.addEventListener("change", () => {
    weight.value = WEIGHTS[type.value]?.first ?? "";
    smooth();
  });
  slider.addEventListener("input", () => {
    weight.value = slider.value;
    smooth();
  });
  weight.addEventListener("input", () => Number.isFinite(Number(weight.value)) && smooth());

  root.querySelector("#panel-settings").addEventListener("change", () => {
    const on = [...root.querySelectorAll("#panel-settings [name=sync]:checked")].map((box) => box.value);
    go({ sync: on.join(",") });
  });
}
