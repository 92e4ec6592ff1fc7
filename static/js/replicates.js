/* Group by everything that varies, except what is ticked: says by what that is. */
export function mount(root) {
  for (const form of root.querySelectorAll("form.replicates")) {
    const boxes = [...form.querySelectorAll("[name=except]")];
    const names = (ticked) =>
      boxes.filter((box) => box.checked === ticked).map((box) => box.parentElement.querySelector(".field-name").textContent);
    const say = () => {
      const [by, apart] = [names(false), names(true)];
      form.querySelector(".picked").textContent = by.length ? `by ${by.join(", ")}` : "nothing else varies";
      form.querySelector("summary").textContent = apart.length ? `all but ${apart.join(", ")}` : "except…";
      form.querySelector("button").disabled = !by.length;
    };
    form.addEventListener("change", say);
    say();
  }
}
