/** The console log: opens at its end, follows it while the run prints, loads earlier lines above. */

import { piece } from "./ask.js";

// Progress bars rewrite lines that were printed already, so the last ones are asked for again.
const REWRITTEN = 100;
const NEAR_END = 40;

/** Returns what brings the log up to date, or null when there is no log here. */
export function mount(root) {
  const box = root.querySelector("#console");
  if (!box) return null;
  const list = () => box.querySelector(".lines");
  const last = () => Number(list().lastElementChild?.dataset.number ?? -1);
  const toEnd = () => { box.scrollTop = box.scrollHeight; };
  const atEnd = () => box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;
  const follow = root.querySelector("#console-follow");
  follow.parentElement.hidden = list().dataset.later === "yes";
  if (location.hash.startsWith("#line-")) document.getElementById(location.hash.slice(1))?.scrollIntoView({ block: "center" });
  else if (list().dataset.later === "no") toEnd();
  follow.addEventListener("change", () => follow.checked && toEnd());
  box.addEventListener("scroll", () => { follow.checked = atEnd(); });

  const lines = (asked) => piece(`${box.dataset.consoleUrl}?${new URLSearchParams({ writer: box.dataset.writer, q: box.dataset.search, ...asked })}`);

  async function earlier(before) {
    const fresh = await lines({ before });
    const end = box.scrollHeight - box.scrollTop;
    list().prepend(...fresh.querySelector(".lines").children);
    box.querySelector(".earlier")?.remove();
    const more = fresh.querySelector(".earlier");
    if (more) box.prepend(more);
    box.scrollTop = box.scrollHeight - end;
    box.focus({ preventScroll: true });
  }

  function put(line) {
    const own = document.getElementById(line.id);
    if (!own) list().append(line);
    else if (!own.isEqualNode(line)) own.replaceWith(line);
  }

  async function refresh() {
    if (list().dataset.later === "yes") return;
    const following = follow.checked;
    let fresh = await lines({ after: last() - REWRITTEN });
    if (Number(fresh.querySelector(".lines").dataset.count) <= last()) {
      // The run was started anew: its log begins again.
      fresh = await lines({});
      box.replaceChildren(...fresh.body.childNodes);
    }
    for (;;) {
      const more = fresh.querySelector(".lines")?.dataset.later === "yes";
      [...fresh.querySelectorAll(".lines > li")].forEach(put);
      if (!more) break;
      fresh = await lines({ after: last() });
    }
    if (last() >= 0) root.querySelector(".none")?.remove();
    if (following) toEnd();
  }

  box.addEventListener("click", (event) => {
    const link = event.target.closest("[data-before]");
    if (!link) return;
    event.preventDefault();
    earlier(link.dataset.before).catch(() => location.assign(link.href));
  });
  return refresh;
}
