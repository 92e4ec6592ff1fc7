"""A script: compares what the database of this environment holds with what clients were told is stored.

    python -m tests.chaos.check FILE    (a line of JSON for each run, of tests.chaos.script.Said)

Prints JSON: points and lines checked, lost and doubled, and a text for each thing that differs.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import django
import numpy as np

from tests.chaos import script
from tests.chaos.script import ENTITY, MARK, PROJECT, Said

_CLOCKS = {"_step", "_runtime", "_timestamp"}
_NUMBER = re.compile(rf"{MARK} (\d+)$")


def checked(said: list[Said]) -> dict[str, Any]:
    from runs.models import Run

    counts: Counter[str] = Counter()
    wrong: list[str] = []
    runs = {run.name: run for run in Run.objects.filter(project__entity__name=ENTITY, project__name=PROJECT)}
    for one in said:
        counts["runs"] += 1
        run = runs.pop(one.run, None)
        if one.refused:
            wrong.append(f"{one.run}: refused: {one.refused}")
        elif run is None:
            counts["points lost"] += script.points(one.lines)
            wrong.append(f"{one.run}: no such run")
        else:
            wrong += [f"{one.run}: {text}" for text in _history(run, one, counts)]
            wrong += [f"{one.run}: {text}" for text in (*_rest(run, one, counts), *_files(run, one, counts))]
    wrong += [f"{name}: nobody logged it" for name in runs]
    return dict(counts) | {"wrong": wrong}


def _history(run: Any, said: Said, counts: Counter[str]) -> list[str]:
    from runs.columns import column_id
    from runs.history import store
    from runs.models import Scope, StreamName

    wrong = []
    steps: list[int] = []
    seen: set[int] = set()
    for row in store.rows(run_id=run.id, stream=StreamName.HISTORY):
        step = row["_step"]
        values = {key: value for key, value in row.items() if key not in _CLOCKS}
        expected = script.logged(said.run, step)
        counts["points"] += len(values)
        if step in seen or step >= said.lines:
            counts["points doubled"] += len(values)
        elif values != expected:
            counts["points lost"] += sum(values.get(key) != value for key, value in expected.items())
            wrong.append(f"step {step} is {values}, not {expected}")
        steps.append(step)
        seen.add(step)
    missing = set(range(said.lines)) - seen
    counts["points lost"] += sum(len(script.logged(said.run, step)) for step in missing)
    lines = sum(run.streams.filter(stream=StreamName.HISTORY).values_list("lines", flat=True))
    found = (steps == list(range(said.lines)), lines, run.history_lines, run.last_step)
    if found != (True, said.lines, said.lines, said.lines - 1):
        wrong.append(f"{said.lines} lines were logged; in order, lines, history_lines, last_step: {found}")
    series = store.read(
        column_id=column_id(run.project_id, Scope.HISTORY, "noise/0"), run_ids=[run.id], exact_below=2**60
    )
    logged = np.array([script.logged(said.run, step)["noise/0"] for step in range(said.lines)])
    if not np.array_equal(series.y, logged):
        wrong.append(f"the series of noise/0 has {len(series.y)} points, or others than were logged")
    return wrong


def _rest(run: Any, said: Said, counts: Counter[str]) -> list[str]:
    from django.utils import timezone

    from runs import states
    from runs.history import store
    from runs.models import StreamName

    events = [row["system.cpu"] for row in store.rows(run_id=run.id, stream=StreamName.EVENTS) if "system.cpu" in row]
    texts = run.console_lines.order_by("writer", "number").values_list("text", flat=True)
    numbers = [int(found[1]) for text in texts if (found := _NUMBER.search(text))]
    counts["console lines"] += len(numbers)
    pairs = {
        "config": (run.config, script.config(said.run, said.config)),
        "summary": ({key: run.summary.get(key) for key in said.summary}, said.summary),
        "console": (numbers, list(range(said.console))),
        "state": ((states.state_of(run, timezone.now()), run.exit_code), (said.state, said.exit_code)),
    }
    if said.client == "raw":
        pairs["events"] = (events, list(range(said.events)))
    return [
        f"{what} is {str(is_)[:300]}, not {str(ought)[:300]}" for what, (is_, ought) in pairs.items() if is_ != ought
    ]


def _files(run: Any, said: Said, counts: Counter[str]) -> list[str]:
    from django.core.files.storage import default_storage

    wrong = []
    stored = dict(run.files.values_list("name", "stored_as"))
    for name, md5 in said.files.items():
        counts["files"] += 1
        if not stored.get(name):
            wrong.append(f"file {name} is missing")
            continue
        with default_storage.open(stored[name]) as file:
            if hashlib.md5(file.read()).hexdigest() != md5:
                wrong.append(f"file {name} is another than was sent")
    return wrong


if __name__ == "__main__":
    django.setup()
    lines = Path(sys.argv[1]).read_text().splitlines()
    print(json.dumps(checked([Said(**json.loads(line)) for line in lines])))
