"""A few runs side by side: what each was configured with and what came out, key by key."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from projects.models import Project
from projects.query.natural import natural_text
from runs.columns import Value, flatten, typed
from runs.models import Kind, Run, run_id
from runs.states import state_of

MOST_RUNS = 10
MOST_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Cell:
    """`text` is None where the run has no such key. `difference` is of numbers: this less the first run's."""

    text: str | None
    kind: str = ""
    difference: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    key: str
    cells: tuple[Cell, ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one kind, the first MOST_ROWS that are asked for; `total` and `differing` count all."""

    title: str
    rows: tuple[Row, ...]
    left_out: int
    total: int
    differing: int


def runs_named(project: Project, names: Sequence[str]) -> list[Run]:
    """In the order of the names; those that are not there are left out. One query."""
    ids = [run_id(project.id, name) for name in names]
    there = Run.objects.filter(project=project, deleted_at=None).in_bulk(ids)
    found = [there[id] for id in dict.fromkeys(ids) if id in there]
    for run in found:
        run.project = project
    return found


def compared(runs: Sequence[Run], now: datetime, *, everything: bool, search: str = "") -> list[Part]:
    """`everything`: also the rows in which all runs are the same. `search`: words that a key must hold."""
    sides: Mapping[str, list[dict[str, Value]]] = {
        "Run": [_facts(run, now) for run in runs],
        "Config": [flatten(run.config) for run in runs],
        "Summary": [flatten({key: it for key, it in run.summary.items() if key != "_wandb"}) for run in runs],
    }
    words = search.casefold().split()
    return [_part(title, of_runs, words, everything=everything) for title, of_runs in sides.items()]


def _part(title: str, of_runs: list[dict[str, Value]], words: list[str], *, everything: bool) -> Part:
    keys = {key: None for values in of_runs for key in values}
    if title != "Run":
        keys = dict.fromkeys(sorted(keys, key=lambda key: (key.startswith("_"), natural_text(key), key)))
    rows = [_row(key, [values.get(key) for values in of_runs]) for key in keys]
    asked = [
        row
        for row in rows
        if (everything or row.differs or len(of_runs) == 1) and all(word in row.key.casefold() for word in words)
    ]
    shown = tuple(asked[:MOST_ROWS])
    return Part(title, shown, len(asked) - len(shown), len(rows), sum(row.differs for row in rows))


def _row(key: str, values: Sequence[Value | None]) -> Row:
    first = values[0]
    cells = tuple(
        Cell(None) if value is None else Cell(value.text, Kind(value.kind).name.lower(), _difference(value, first))
        for value in values
    )
    return Row(key, cells, len({value and value.token for value in values}) > 1)


def _difference(value: Value, first: Value | None) -> float | None:
    if first is None or value is first or not value.kind == first.kind == Kind.NUMBER:
        return None
    if value.number is None or first.number is None:
        return None
    difference = value.number - first.number
    return difference if difference and math.isfinite(difference) else None


def _facts(run: Run, now: datetime) -> dict[str, Value]:
    seconds = ((run.ended_at or run.heartbeat_at) - run.created_at).total_seconds()
    facts: dict[str, object] = {
        "State": state_of(run, now).label,
        "Group": run.group,
        "Job type": run.job_type,
        "Tags": ", ".join(run.tags),
        "Notes": run.notes,
        "Created": f"{run.created_at:%Y-%m-%d %H:%M:%S}",
        "Duration (s)": round(seconds, 1),
        "User": run.user_name,
        "Host": run.host,
        "Program": run.program,
        "Git commit": run.git_commit,
        "Sweep": run.sweep,
        "Last step": run.last_step if run.last_step >= 0 else "",
    }
    return {label: typed(value) for label, value in facts.items() if value != ""}
