/* What was done, said at the bottom of the window for a while, with a way back if there is one. */
const SHOWN = 10_000;

export function say(text, undo = null) {
  document.querySelector(".toast")?.remove();
  const toast = document.createElement("p");
  toast.className = "toast";
  toast.setAttribute("role", "status");
  document.body.append(toast);
  toast.append(text);
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link";
    button.textContent = "Undo";
    button.addEventListener("click", () => {
      toast.remove();
      attempt(undo);
    });
    toast.append(button);
  }
  setTimeout(() => toast.remove(), SHOWN);
}

/** Does it; what went wrong is said. */
export async function attempt(act) {
  try {
    await act();
  } catch (error) {
    say(error.message);
  }
}
