"""How long after a client's upload was answered an open page shows it, chart and table."""

from __future__ import annotations

import base64
import json
import random
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connections
from django.urls import reverse

from projects.access import api_key_create
from tracker.bench import data

if TYPE_CHECKING:
    from playwright.sync_api import Page

_PROBES = 9
_GIVE_UP = 30  # seconds
_FIRST = 1e6
_TIMES = 1000.0  # each value is so many times the one before: a group's mean tells it from all that came before

# When the greatest value drawn of a metric, and the greatest number in the table, became what they are.
_WATCH = """(metric) => {
  window.shown = { chart: [], table: [] };
  const seen = (where, values) => {
    const greatest = values.reduce((one, other) => (other > one ? other : one), 0);
    if (greatest > (window.shown[where].at(-1)?.[0] ?? 0)) window.shown[where].push([greatest, Date.now()]);
  };
  document.addEventListener("panel:drawn", ({ target }) => {
    if (target.dataset.metric !== metric) return;
    seen("chart", target.querySelector(".plot")._fullData.flatMap(({ y }) => [...y]));
  });
  new MutationObserver(() => {
    const cells = [...document.querySelectorAll("#runs tbody td")].map((cell) => cell.textContent.replaceAll(",", ""));
    seen("table", cells.flatMap((text) => text.match(/[\\d.]+(e[+]?\\d+)?/g) ?? []).map(Number));
  }).observe(document.getElementById("runs"), { childList: true, subtree: true, characterData: true });
}"""
_SHOWN = """(least) => Object.values(window.shown).every((found) => found.some(([value]) => value >= least))"""
_WHEN = (
    """(least) => Math.max(...Object.values(window.shown).map((found) => found.find(([value]) => value >= least)[1]))"""
)


def shown_after(page: Page, url: str, project: str, run: str, *, metric: str, step: int) -> float:
    """Median seconds from the answer to an upload of one line until the page, which is open, shows it in both places.

    `step`: of the run's next line. The client sends at moments that have nothing to do with the page's.
    """
    moments = random.Random(step)
    send = _client(f"{url}{reverse('run-file', args=[data.USER, project, run, 'file_stream'])}")
    page.evaluate(_WATCH, metric)
    taken = []
    for probe in range(_PROBES):
        time.sleep(moments.uniform(1.0, 4.0))
        value = _FIRST * _TIMES**probe
        answered = send(step + probe, {metric: value})
        least = value / _TIMES * 2  # a run of the group had the value before, and there are fewer than 500 of them
        page.wait_for_function(_SHOWN, arg=least, timeout=1000 * _GIVE_UP)
        shown: float = page.evaluate(_WHEN, least) / 1000
        taken.append(shown - answered)
    return statistics.median(taken)


@contextmanager
def meanwhile(log: Callable[[int], object], every: float) -> Iterator[None]:
    """Calls log(0), log(1) … so many seconds apart, in a thread."""
    over = threading.Event()

    def go_on() -> None:
        turn = 0
        while not over.wait(every):
            log(turn)
            turn += 1
        connections.close_all()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _client(address: str) -> Callable[[int, dict[str, float]], float]:
    """Sends a line, with the summary as a client does, and gives the time of the answer."""
    key = base64.b64encode(f"api:{api_key_create(user=data.user())}".encode()).decode()
    headers = {"Authorization": f"Basic {key}", "Content-Type": "application/json"}

    def send(step: int, logged: dict[str, float]) -> float:
        files = {
            "wandb-history.jsonl": {"offset": step, "content": [json.dumps({"_step": step, **logged})]},
            "wandb-summary.json": {"offset": 0, "content": [json.dumps(logged)]},
        }
        request = urllib.request.Request(address, json.dumps({"files": files}).encode(), headers)
        with urllib.request.urlopen(request) as response:
            response.read()
        return time.time()

    return send
