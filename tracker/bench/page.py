"""The project page in a real Chromium on a real server: how soon it is drawn, and what it costs to watch runs go on."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from django.db import transaction
from django.urls import reverse

from projects import access
from runs import ingest
from runs.models import run_id
from tracker.bench import data, live
from tracker.bench.browsing import browser, server
from tracker.bench.copies import histories_copy
from tracker.bench.measure import Measure, medians

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHARTS = 12
RUNS, STEPS = 200, 5000
RUNNING = 50
BEGUN = 200  # lines of a running run when it is first looked at
_AGAIN = 3  # visits that do not count, until the browser has kept what it compiled
_UPLOAD = 15  # seconds between two of a run; what the client does by default
_WATCHED = 20  # seconds
_PROBED = "m00"  # the metric whose new values are waited for
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
    """Seconds from navigation until 12 grouped charts are drawn; seconds of the server's cores for each one watched;
    seconds from the answer to an upload until the page shows it."""
    _written("page", RUNS, STEPS, ends=True)
    growing = _written("page-live", RUNNING, BEGUN, ends=False)
    _written("page-one", 1, BEGUN, ends=False)
    _written("page-some", RUNS - RUNNING, BEGUN, ends=True)
    some = _written("page-some", RUNNING, BEGUN, ends=False, first=RUNS - RUNNING)
    data.settle()
    grouped = f"group=config.{data.ARM}"
    with server() as (url, process), browser(_DRAWN) as page:
        page.goto(url + reverse("sign-in-link", args=[access.sign_in_link_create(user=data.user())]))
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{url}/")
        taken: dict[str, list[float]] = {"drawn": [], "loaded": []}
        for counted in [False] * _AGAIN + [True] * repeat:
            found = _visited(page, f"{url}/{data.USER}/page?{grouped}")
            for name, seconds in found.items() if counted else ():
                taken[name].append(seconds)
        median = medians(taken)
        case = f"{CHARTS} grouped charts, {RUNS} runs × {STEPS:,} steps"
        drawn = Measure("page", case, "all drawn", median["drawn"], median["loaded"], "s", "the page's load event")
        _visited(page, f"{url}/{data.USER}/page-live?{grouped}")
        share = _watched(process, growing)
        case = f"{CHARTS} grouped charts, {RUNNING} running runs"
        cost = Measure("page", case, "server, per second watched", share, 1.0, "s", "a second of one core")

        def shown(project: str, query: str, run: str) -> float:
            _visited(page, f"{url}/{data.USER}/{project}?{query}&columns=summary.{_PROBED}")
            return live.shown_after(page, url, project, run, metric=_PROBED, step=BEGUN)

        alone = shown("page-one", "group=", "run-0")
        # One of the first groups, which are drawn. It sends nothing besides: its next line is known.
        waited = some.index(run_id(data.project("page-some").id, f"run-{RUNS - data.GROUPS}"))
        others = some[:waited] + some[waited + 1 :]
        with live.meanwhile(lambda turn: _log_next(others, turn), _UPLOAD / RUNNING):
            among = shown("page-some", grouped, f"run-{RUNS - data.GROUPS}")
    what, against = "upload answered until shown", "the second between two looks"
    return [
        drawn,
        cost,
        Measure("page", "one running run", what, alone, 1.0, "s", against),
        Measure("page", f"{RUNS} runs, {RUNNING} of them running", what, among, 1.0, "s", against),
    ]


def _written(name: str, runs: int, steps: int, *, ends: bool, first: int = 0) -> list[uuid.UUID]:
    owner = data.project(name)
    with transaction.atomic():
        numbers = range(first, first + runs)
        ids = [data.run_make(owner, f"run-{number}", arm=number % data.GROUPS) for number in numbers]
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


def _log_next(runs: list[uuid.UUID], turn: int) -> None:
    """15 lines of the run whose turn it is."""
    lap, at = divmod(turn, len(runs))
    _log(runs[at], BEGUN + lap * _UPLOAD, _UPLOAD, seed=at)


def _visited(page: Page, address: str) -> dict[str, float]:
    page.goto("about:blank")
    page.goto(address)
    return {"drawn": page.evaluate(_ALL_DRAWN) / 1000, "loaded": page.evaluate(_LOADED) / 1000}


def _watched(process: subprocess.Popen[bytes], runs: list[uuid.UUID]) -> float:
    """Seconds of the server's cores, for each second in which the runs take turns in sending 15 lines."""
    before, start = _cpu(process.pid), time.monotonic()
    for turn in range(_WATCHED * len(runs) // _UPLOAD):
        _log_next(runs, turn)
        time.sleep(max(0.0, start + (turn + 1) * _UPLOAD / len(runs) - time.monotonic()))
    return (_cpu(process.pid) - before) / (time.monotonic() - start)


def _cpu(pid: int) -> float:
    """Seconds that a process and its children have had of a core."""
    _, _, fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    user, system = fields.split()[11:13]
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (int(user) + int(system)) / _TICK + sum(_cpu(int(child)) for child in children)
