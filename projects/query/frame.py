"""The selected runs in memory: what grouping, sorting and statistics need of them, in a fixed number of queries.

A run is a position: its rank by (created_at, id). Values come column by column in index order, not by joins from
the runs, and meet the runs here: on SQLite that is several times faster, and both databases give the same answer.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import numpy as np
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from projects.models import Project
from projects.query.columns import FEW, numeric_fields
from projects.query.fields import RUN_FIELDS, id_of
from projects.query.natural import Order, natural
from projects.query.runset import RUN, Field, Runset
from projects.query.selection import selected
from projects.query.statistics import Floats
from projects.query.targets import path
from runs.models import ColumnValue, Kind, Run, Tag
from runs.states import state_expression

# What a run has of a field: typed tokens; none when not set, several for tags.
Tokens = tuple[str, ...]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Frame:
    """Lists and arrays of one entry a run."""

    ids: list[str]  # hex
    states: list[str]  # derived
    tokens: dict[Field, list[Tokens]]
    texts: dict[Field, dict[str, str]]  # token -> as shown
    numbers: dict[Field, Floats]  # numeric fields only; NaN: not a finite number, or not set

    def text(self, field: Field, tokens: Tokens) -> str:
        return ", ".join(self.texts[field][token] for token in tokens)

    def order(self, field: Field, tokens: Tokens) -> Order:
        """Natural order of a run's value."""
        return natural(tokens[0], self.text(field, tokens)) if tokens else natural(None, "")


def load(project: Project, runset: Runset, *, keys: Iterable[Field], columns: Iterable[Field] = ()) -> Frame:
    """The runs of a runset with the tokens of `keys`, and of each of `columns` its numbers, or tokens if it has none.

    At most five queries.
    """
    keys, columns = tuple(keys), tuple(columns)
    numeric = numeric_fields(project, columns)
    with_tokens = tuple(dict.fromkeys((*keys, *(field for field in columns if field not in numeric))))
    runs = selected(project, runset)
    frame = Frame([], [], {field: [] for field in with_tokens}, {field: {} for field in with_tokens}, {})
    positions = _load_runs(frame, runs, [field for field in with_tokens if _on_run(field)], numeric)
    if any(field.scope == RUN and not _on_run(field) for field in with_tokens):
        _load_tags(frame, runs, positions)
    rows = ColumnValue.objects.all()
    if (runset.search or runset.conditions) and len(frame.ids) <= FEW:
        rows = rows.filter(run_id__in=frame.ids)
    _load_tokens(frame, _Values(project, rows), positions, [field for field in with_tokens if field.scope != RUN])
    numbers = rows.filter(number__isnull=False)
    if any(kinds & Kind.BOOL for kinds in numeric.values()):
        # Only then: without it, the index on numbers is all that is read.
        numbers = numbers.filter(kind=Kind.NUMBER)
    _load_numbers(frame, _Values(project, numbers), positions, [field for field in numeric if field.scope != RUN])
    return frame


def _on_run(field: Field) -> bool:
    return field.scope == RUN and field.key != "tags"


def _load_runs(frame: Frame, runs: QuerySet[Run], fields: Sequence[Field], numeric: Iterable[Field]) -> dict[str, int]:
    """Fills what is the run's own. Returns the position of each run by its id, as the database writes it."""
    now = timezone.now()
    timed = [field for field in numeric if _on_run(field)]
    asked = (*fields, *timed)
    rows = list(
        runs.order_by("created_at", "id")
        .annotate(
            id_text=Cast("pk", TextField()),
            state_now=state_expression(now),
            **{path(field): RUN_FIELDS[field.key].expression(now) for field in asked},
        )
        .values_list("id_text", "state_now", *(path(field) for field in asked))
    )
    frame.ids.extend(row[0].replace("-", "") for row in rows)
    frame.states.extend(row[1] for row in rows)
    for place, field in enumerate(fields, start=2):
        texts, seen = frame.texts[field], {}
        for row in rows:
            value = row[place]
            if value not in seen:
                seen[value] = _run_token(value, texts)
            frame.tokens[field].append(seen[value])
    for place, field in enumerate(timed, start=2 + len(fields)):
        frame.numbers[field] = np.array([row[place].total_seconds() for row in rows], dtype=np.float64)
    return {row[0]: position for position, row in enumerate(rows)}


def _run_token(value: object, texts: dict[str, str]) -> Tokens:
    if value is None:
        return ()
    match value:
        case timedelta():
            text = f"{value.total_seconds():g}"
            token = f"n:{value.total_seconds()!r}"
        case datetime():
            text = value.isoformat(sep=" ", timespec="seconds")
            token = f"s:{value.isoformat()}"
        case date():
            text = value.isoformat()
            token = f"s:{text}"
        case _:
            text = str(value)
            token = f"s:{text}"
    texts[token] = text
    return (token,)


def _load_tags(frame: Frame, runs: QuerySet[Run], positions: dict[str, int]) -> None:
    field = Field(RUN, "tags")
    found: list[list[str]] = [[] for _ in frame.ids]
    rows = Tag.objects.filter(run__in=runs).annotate(run_text=Cast("run_id", TextField()))
    for run, tag in rows.values_list("run_text", "tag"):
        if (position := positions.get(run)) is not None:
            found[position].append(tag)
    frame.tokens[field].extend(tuple(f"s:{tag}" for tag in sorted(tags)) for tags in found)
    frame.texts[field].update((f"s:{tag}", tag) for tags in found for tag in tags)


@dataclass(frozen=True, slots=True)
class _Values:
    """The ColumnValue rows that may be of the selected runs."""

    project: Project
    rows: QuerySet[ColumnValue]

    def of(self, fields: Sequence[Field], *names: str) -> QuerySet[ColumnValue, tuple[Any, ...]]:
        """(run, column, values of `names`...) of every row of these fields, both ids as the database writes them."""
        # As text, ids stay what the driver gives: making UUID objects of them would take most of the time.
        return (
            self.rows.filter(column_id__in=[id_of(self.project, field) for field in fields])
            .annotate(run_text=Cast("run_id", TextField()), column_text=Cast("column_id", TextField()))
            .values_list("run_text", "column_text", *names)
        )

    def by_id(self, found: Mapping[Field, T]) -> dict[str, T]:
        """The same by column id, in either way of writing it."""
        ids = {field: uuid.UUID(id_of(self.project, field)) for field in found}
        return {text: value for field, value in found.items() for text in (ids[field].hex, str(ids[field]))}


def _load_tokens(frame: Frame, values: _Values, positions: dict[str, int], fields: Sequence[Field]) -> None:
    frame.tokens.update((field, [()] * len(frame.ids)) for field in fields)
    places = values.by_id({field: (frame.tokens[field], frame.texts[field]) for field in fields})
    singles: dict[str, Tokens] = {}
    for run, column, token, text in values.of(fields, "token", "text") if fields else ():
        position = positions.get(run)
        if position is None:
            continue
        tokens, texts = places[column]
        tokens[position] = singles.setdefault(token, (token,))
        # Equal values may be shown in several ways: which one must not hang on their order.
        if texts.setdefault(token, text) != text:
            texts[token] = min(texts[token], text, key=lambda text: (len(text), text))


def _load_numbers(frame: Frame, values: _Values, positions: dict[str, int], fields: Sequence[Field]) -> None:
    lists = {field: [math.nan] * len(frame.ids) for field in fields}
    places = values.by_id(lists)
    for run, column, number in values.of(fields, "number") if fields else ():
        position = positions.get(run)
        if position is not None:
            places[column][position] = number
    frame.numbers.update((field, np.array(found, dtype=np.float64)) for field, found in lists.items())
