"""Projects of many runs, written on the server's own database through the functions that the doors call."""

from __future__ import annotations

import json

from tests.factories import log_run, make_project
from tests.live import LiveServer

ARMS = 10


def history(metrics: int, steps: range, number: int) -> list[dict[str, float]]:
    names = [f"part/m{metric:02}" for metric in range(metrics)]
    return [{name: at + number / (1 + step) for at, name in enumerate(names)} for step in steps]


def fill(project: str, *, runs: int, metrics: int, steps: int, running: bool) -> None:
    from django.db import transaction

    from projects.access import user_get_or_create

    owner = make_project(user_get_or_create(name="ada"), project)
    for batch in (range(at, min(runs, at + 50)) for at in range(0, runs, 50)):
        with transaction.atomic():
            for number in batch:
                rows = history(metrics, range(steps), number)
                config = {"arm": number % ARMS, "seed": number}
                log_run(owner, f"run-{number}", rows, summary=rows[-1], complete=not running, config=config)


def extend(project: str, *, runs: int, metrics: int, start: int, steps: int) -> None:
    from projects.models import Project
    from runs import ingest
    from runs.models import run_id

    owner = Project.objects.get(entity__name="ada", name=project)
    for number in range(runs):
        rows = history(metrics, range(start, start + steps), number)
        lines = [json.dumps({"_step": step, **row}) for step, row in enumerate(rows, start)]
        request = ingest.StreamRequest(history=ingest.Lines(offset=start, lines=lines), summary=rows[-1])
        ingest.stream_accept(run_id=run_id(owner.id, f"run-{number}"), writer="", request=request)


def filled(live: LiveServer, project: str, *, runs: int, metrics: int, steps: int, running: bool = False) -> str:
    """The page of a project of `ada` with runs in `ARMS` groups, a value of each metric a step."""
    _call(live, f"fill({project!r}, {runs=}, {metrics=}, {steps=}, {running=})")
    return f"{live.url}/ada/{project}"


def go_on(live: LiveServer, project: str, *, runs: int, metrics: int, start: int, steps: int) -> None:
    """Further steps of such running runs."""
    _call(live, f"extend({project!r}, {runs=}, {metrics=}, {start=}, {steps=})")


def _call(live: LiveServer, call: str) -> None:
    live.manage("shell", "-c", f"from tests.browser.many import *; {call}", within=300)
