"""What one run logged, row by row: pages of it, and all of it as a sheet."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from django.db.models import F

from projects.query.export import Scalar, Sheet, SheetColumn
from projects.query.natural import natural_text
from projects.query.runset import BadQuery
from runs.history import store
from runs.models import Column, Kind, Run, Scope, StreamName

AT_ONCE = 1000
STREAMS = {"history": (StreamName.HISTORY, Scope.HISTORY), "system": (StreamName.EVENTS, Scope.SYSTEM)}
_CURSOR = re.compile(r"(-?[0-9]{1,18})\.([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Asked:
    """`keys`: dotted; () for all. Steps: low ≤ step < end. Of system metrics, a step is the line's number."""

    stream: str = "history"
    keys: tuple[str, ...] = ()
    low: int | None = None
    end: int | None = None


def rows(run: Run, asked: Asked) -> Iterator[dict[str, Any]]:
    """In order of step, then of arrival. A stretch of lines is held at once."""
    stream, _ = STREAMS[asked.stream]
    keys = [*asked.keys, *(["_step"] if stream == StreamName.HISTORY else [])] if asked.keys else None
    found = store.rows(run_id=run.id, stream=stream, min_step=asked.low, max_step=asked.end, keys=keys)
    wanted = set(asked.keys)
    return (row for row in found if not wanted or not wanted.isdisjoint(row))


def page(run: Run, asked: Asked, *, after: str, size: int) -> tuple[list[dict[str, Any]], str]:
    """The first `size` rows, and what the page after them is asked for with: "" after the last.

    `after` holds a step and how many of its rows are given already, so that a page costs what it gives. Raises
    BadQuery.
    """
    skip = 0
    if after:
        low, skip = _cursor(after)
        asked = replace(asked, low=low)
    found = list(islice(rows(run, asked), skip, skip + size + 1))
    shown = found[:size]
    if len(found) <= size:
        return shown, ""
    if asked.stream != "history":  # short, and without steps
        return shown, f"{asked.low or 0}.{skip + size}"
    step = found[size]["_step"]
    given = sum(row["_step"] == step for row in shown)
    return shown, f"{step}.{given + skip if given == size and step == asked.low else given}"


def sheet(run: Run, asked: Asked, *, texts: bool) -> Sheet:
    """All rows, by column; what is not logged in a row is None, and what is no number the JSON it was logged as.

    `texts`: whether NaN and infinities are texts, too; else they stay numbers. Two queries before the first row.
    """
    stream, scope = STREAMS[asked.stream]
    keys = asked.keys or tuple(store.keys(run=run, stream=stream))
    if stream == StreamName.HISTORY:
        keys = ("_step", *(key for key in sorted(keys, key=natural_text) if key != "_step"))
    numeric = Column.objects.alias(numbers=F("kinds").bitand(Kind.NUMBER)).filter(
        project=run.project_id, scope=scope, numbers__gt=0
    )
    having = set(numeric.values_list("key", flat=True))
    columns = tuple(SheetColumn(key, key in having) for key in keys)
    return Sheet(columns, _pieces(rows(run, asked), columns, texts))


def plain(value: Any) -> Any:
    """The value as JSON has it: NaN and infinities, inside of lists and objects too, are "NaN", "Infinity" …"""
    if isinstance(value, float):
        return value if math.isfinite(value) else json.dumps(value)
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def _pieces(
    found: Iterator[dict[str, Any]], columns: Sequence[SheetColumn], texts: bool
) -> Iterator[list[tuple[Scalar, ...]]]:
    while piece := list(islice(found, AT_ONCE)):
        yield [tuple(_cell(row.get(column.name), column.numeric, texts) for column in columns) for row in piece]


def _cell(value: Any, numeric: bool, texts: bool) -> Scalar:
    if value is None or isinstance(value, str):
        return value
    if numeric and isinstance(value, int | float) and not isinstance(value, bool):
        return json.dumps(value) if texts and not math.isfinite(value) else float(value)
    return json.dumps(value, ensure_ascii=False)


def _cursor(after: str) -> tuple[int, int]:
    found = _CURSOR.fullmatch(after)
    if not found:
        raise BadQuery("after: what a page before this gave as the next")
    return int(found[1]), int(found[2])
