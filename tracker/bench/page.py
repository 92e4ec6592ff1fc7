"""The project page in a real Chromium on a real server: how soon it is drawn, and what it costs to watch runs go on."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from projects import access
from runs import ingest
from tracker.bench import data
from tracker.bench.copies import histories_copy
from tracker.bench.measure import Measure, medians
from tracker.health import answers

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHARTS = 12
RUNS, STEPS = 200, 5000
RUNNING = 50
_UPLOAD = 15  # seconds between two of a run; what the client does by default
_WATCHED = 20  # seconds
_DRAWN = """window.drawnAt = new Map();
document.addEventListener("panel:drawn", ({ target }) => window.drawnAt.set(target.id, performance.now()));"""
_ALL_DRAWN = f"""() => new Promise((resolve) => {{
  const look = () => {{
    if (window.drawnAt.size >= {CHARTS}) resolve(Math.max(...window.drawnAt.values()));
    else setTimeout(look, 50);
  }};
  look();
}})"""
_LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
_TICK = os.sysconf("SC_CLK_TCK")


def measure(*, repeat: int) -> list[Measure]:
    """Seconds from navigation until 12 grouped charts are drawn; seconds of the server's cores for each one watched."""
    _written("page", RUNS, STEPS, ends=True)
    growing = _written("page-live", RUNNING, 200, ends=False)
    data.settle()
    with _server() as (url, process), _browser() as page:
        page.goto(url + reverse("sign-in-link", args=[access.sign_in_link_create(user=data.user())]))
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{url}/")
        taken: dict[str, list[float]] = {"drawn": [], "loaded": []}
        for counted in [False] + [True] * repeat:
            found = _visited(page, f"{url}/{data.USER}/page?group=config.{data.ARM}")
            for name, seconds in found.items() if counted else ():
                taken[name].append(seconds)
        median = medians(taken)
        case = f"{CHARTS} grouped charts, {RUNS} runs × {STEPS:,} steps"
        drawn = Measure("page", case, "all drawn", median["drawn"], median["loaded"], "s", "the page's load event")
        _visited(page, f"{url}/{data.USER}/page-live?group=config.{data.ARM}")
        share = _watched(process, growing)
        case = f"{CHARTS} grouped charts, {RUNNING} running runs"
        cost = Measure("page", case, "server, per second watched", share, 1.0, "s", "a second of one core")
    return [drawn, cost]


def _written(name: str, runs: int, steps: int, *, ends: bool) -> list[uuid.UUID]:
    owner = data.project(name)
    with transaction.atomic():
        ids = [data.run_make(owner, f"run-{number}", arm=number % data.GROUPS) for number in range(runs)]
    different = ids if not ends else ids[: data.GROUPS]
    for number, run in enumerate(different):
        _log(run, 0, steps, seed=number, ends=ends)
    histories_copy([(ids[at], ids[(at + at // data.GROUPS) % data.GROUPS]) for at in range(len(different), runs)])
    return ids


def _log(run: uuid.UUID, start: int, count: int, *, seed: int, ends: bool = False) -> None:
    values = data.noisy(CHARTS, count, seed=seed + start).T.tolist()
    names = [f"m{number:02}" for number in range(CHARTS)]
    lines = [
        orjson.dumps({"_step": step, **dict(zip(names, row, strict=True))}).decode()
        for step, row in enumerate(values, start)
    ]
    said = ingest.StreamRequest(history=ingest.Lines(offset=start, lines=lines), complete=ends)
    ingest.stream_accept(run_id=run, writer="", request=said)


def _visited(page: Page, address: str) -> dict[str, float]:
    page.goto("about:blank")
    page.goto(address)
    return {"drawn": page.evaluate(_ALL_DRAWN) / 1000, "loaded": page.evaluate(_LOADED) / 1000}


def _watched(process: subprocess.Popen[bytes], runs: list[uuid.UUID]) -> float:
    """Seconds of the server's cores, for each second in which the runs take turns in sending 15 lines."""
    before, start = _cpu(process.pid), time.monotonic()
    for turn in range(_WATCHED * len(runs) // _UPLOAD):
        lap, at = divmod(turn, len(runs))
        _log(runs[at], 200 + lap * _UPLOAD, _UPLOAD, seed=at)
        time.sleep(max(0.0, start + (turn + 1) * _UPLOAD / len(runs) - time.monotonic()))
    return (_cpu(process.pid) - before) / (time.monotonic() - start)


def _cpu(pid: int) -> float:
    """Seconds that a process and its children have had of a core."""
    _, _, fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    user, system = fields.split()[11:13]
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (int(user) + int(system)) / _TICK + sum(_cpu(int(child)) for child in children)


@contextmanager
def _server() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`manage.py serve` on this process's database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "manage.py", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        if not answers(url, process, within=60):
            raise RuntimeError("the server does not answer")
        yield url, process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _browser() -> Iterator[Page]:
    from playwright.sync_api import sync_playwright  # for developers only: not in every installation

    # Playwright keeps an event loop in this thread, and Django then refuses the database here.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    options: dict[str, Any] = {"executable_path": shutil.which("chromium"), "args": ["--no-sandbox", "--disable-gpu"]}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**options)
        page = browser.new_page(viewport={"width": 1920, "height": 1080})  # which shows all of the charts
        page.add_init_script(_DRAWN)
        yield page
        browser.close()
