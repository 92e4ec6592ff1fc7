/* Group by everything that varies, except what is ticked: says by what that is, and how many groups it makes. */
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
    let asked = 0;
    const count = async () => {
      const question = new URLSearchParams(new FormData(form));
      question.set("replicates", "sizes");
      const mine = ++asked;
      const response = await fetch(`${form.getAttribute("action")}?${question}`);
      if (mine === asked) form.querySelector(".sizes").textContent = response.ok ? await response.text() : "";
    };
    form.addEventListener("change", () => {
      say();
      count();
    });
    say();
  }
}
