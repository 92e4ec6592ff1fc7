"""What a summary column shows of a run: the summary's value, or one of the run's history under the same key."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from projects.query.runset import LATEST
from projects.query.statistics import Floats
from runs.history import store


@dataclass(frozen=True, slots=True)
class Reduction:
    """`read` takes a history column's id and runs to one number each, NaN where there is none; None: the summary's."""

    key: str
    label: str
    read: Callable[[uuid.UUID, Sequence[uuid.UUID]], Floats] | None = None


REDUCTIONS: dict[str, Reduction] = {
    reduction.key: reduction
    for reduction in (
        Reduction(LATEST, "Latest"),
        Reduction("min", "Min", lambda column, runs: store.extremes(column_id=column, run_ids=runs)[0]),
        Reduction("max", "Max", lambda column, runs: store.extremes(column_id=column, run_ids=runs)[1]),
        Reduction("first", "First", lambda column, runs: store.firsts(column_id=column, run_ids=runs)),
    )
}
