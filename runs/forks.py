"""Forked runs begin with their parent's history up to the fork's step.

Its lines are copied, as those of a writer of their own: the fork's process counts its lines from 0, whatever is before
them, and starting the fork anew drops what it logged itself, not what it began with.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from runs.history import store
from runs.models import Run, StreamName, run_id

# No client can be called so: their names are printable.
PARENT = "\x01parent"
_AT_ONCE = 4096


class BranchPoint(NamedTuple):
    """Up to which step (inclusive) of which run, by the client's id."""

    parent: str
    step: int


def branch_point(run: Run, client_info: dict[str, Any] | None) -> BranchPoint | None:
    """Where a run was forked from, as its client says; None of one that was not, or only rewound."""
    said = (client_info or {}).get("branch_point")
    parent, step = (said.get("run_id"), said.get("step")) if isinstance(said, dict) else (None, None)
    if not isinstance(parent, str) or not parent.isprintable() or parent == run.name:
        return None
    if isinstance(step, bool) or not isinstance(step, (int, float)):
        return None
    return BranchPoint(parent, math.floor(step)) if abs(step) < 2**63 else None


def beginning_put(run: Run, point: BranchPoint | None) -> None:
    """Make the parent's lines of the same project what a run begins with; none, when there is no such run. The caller
    holds a transaction and the run's lock."""
    store.clear(run_id=run.id, stream=StreamName.HISTORY, writer=PARENT)
    parent = point and Run.objects.filter(pk=run_id(run.project_id, point.parent), deleted_at=None).first()
    offset = 0
    if point and parent:
        rows = store.rows(run_id=parent.id, stream=StreamName.HISTORY, max_step=min(point.step, 2**63 - 2) + 1)
        for lines in _batches(rows):
            store.append(run=run, stream=StreamName.HISTORY, writer=PARENT, offset=offset, lines=lines)
            offset += len(lines)
    store.measure(run=run)


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[str]]:
    while some := [json.dumps(row) for row in islice(rows, _AT_ONCE)]:
        yield some
