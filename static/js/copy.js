/** Copy buttons: [data-copy="ID"] copies the text of the element ID, and says so in the status beside it.
 *
 * What is selected in a table of numbers is copied with hyphens for minus signs: no program reads the true ones. */

const SAID_FOR = 2000;

/** navigator.clipboard exists on https and localhost only; a tracker in a lab is often neither. */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = Object.assign(document.createElement("textarea"), { value: text, readOnly: true, className: "sr-only" });
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("the browser refused");
}

export function mount(root) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    const status = Object.assign(document.createElement("span"), { className: "said", role: "status" });
    button.before(status);
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      try {
        await copy(source.innerText);
        button.focus();
        status.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(source);
        status.textContent = "Selected: press Ctrl-C";
      }
      setTimeout(() => { status.textContent = ""; }, SAID_FOR);
    });
  }
}

document.addEventListener("copy", (event) => {
  const selection = getSelection();
  const text = selection.toString();
  const place = selection.anchorNode?.parentElement;
  if (!text.includes("−") || !place?.closest(".results-scroll")) return;
  event.clipboardData.setData("text/plain", text.replaceAll("−", "-"));
  event.preventDefault();
});

mount(document);
