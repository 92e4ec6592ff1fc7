/* Asking the server afresh: for JSON, for pieces of pages, and again and again while the page is looked at. */
const SLOWEST = 30000;

/** For how many milliseconds the server's processors were busy with what was asked here. */
export const server = { busy: 0 };

async function asked(url, options) {
  const response = await fetch(url, options);
  server.busy += Number(/cpu;dur=([\d.]+)/.exec(response.headers.get("Server-Timing"))?.[1] ?? 0);
  return response;
}

async function answer(url, headers = {}) {
  const response = await asked(url, { headers, cache: "no-store" });
  if (!response.ok) throw new Error(String(response.status));
  return response;
}

export const json = async (url) => (await answer(url)).json();

/** What htmx would be given at this address (for `target`), as a document. */
export async function piece(url, target = null) {
  const headers = { "HX-Request": "true", ...(target && { "HX-Target": target }) };
  return new DOMParser().parseFromString(await (await answer(url, headers)).text(), "text/html");
}

/** Calls `look` every so many milliseconds; it may return another pause until the next time. */
export function poll(look, every) {
  let wait = every;
  async function forever() {
    try {
      if (!document.hidden) wait = (await look()) ?? every;
    } catch {
      // The server is away or the session has ended: ask less and less often.
      wait = Math.min(SLOWEST, wait * 2);
    }
    setTimeout(forever, wait);
  }
  setTimeout(forever, every);
}

/** POST of JSON; the answer's text. What the server says is wrong is the error's message. */
export async function post(url, body) {
  const response = await asked(url, {
    method: "POST",
    body: JSON.stringify(body),
    headers: {
      "Content-Type": "application/json",
      "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value,
    },
  });
  if (response.ok) return response.text();
  const answer = await response.json().catch(() => ({}));
  throw new Error(answer.error ?? `The server answered ${response.status}.`);
}
