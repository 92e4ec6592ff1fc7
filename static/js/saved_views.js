/* The popover of saved views: each of its forms asks for one change, then the page goes where the answer says. */
import { post } from "./ask.js";
import { complain } from "./dialog.js";

async function change(form) {
  const page = document.querySelector("[data-views-url]");
  const body = { do: form.dataset.view };
  if (form.elements.name) body.name = form.elements.name.value;
  if (form.elements.shared) body.shared = form.elements.shared.checked;
  if (body.do === "delete" && !window.confirm("Delete this view for good?")) return;
  try {
    const { viewsUrl } = page.dataset; // It says what the page shows, or else the page's address does.
    const answer = await post(viewsUrl.includes("?") ? viewsUrl : viewsUrl + location.search, body);
    location.assign(JSON.parse(answer).url);
  } catch (error) {
    complain(form.closest(".views"), error.message);
  }
}

export function mount(root) {
  root.querySelector("#views")?.addEventListener("submit", (event) => {
    event.preventDefault();
    change(event.target);
  });
}
