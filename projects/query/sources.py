"""Where the columns of runs come from: rows of ColumnValue, or the run's own row."""

from __future__ import annotations

import json
import math
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import Combinable
from django.utils import timezone
from numpy.typing import NDArray

from projects.models import Project
from projects.query.fields import RUN_FIELDS, Type, id_of, numeric_fields
from projects.query.reading import Ids, grouped, ids_of, numbers
from projects.query.runset import RUN, Field
from projects.query.statistics import Counts, Floats
from projects.query.targets import path
from runs.columns import EXACT, text_of
from runs.models import ColumnValue, Kind, Run

# A typed token, and a text that a value with it was logged as (equal values may differ in it).
Pair: TypeAlias = tuple[str, str]

# Between the tokens of a run's tags: in no text that a database keeps.
SEPARATOR = "\0"

_ROWS = 500  # whose ids or tokens one query asks for


@dataclass(frozen=True, slots=True)
class Part:
    """Values of one column, an entry a run: those that are set. `codes` are places in `pairs`, -1 for none."""

    ids: Ids
    numbers: Floats
    codes: NDArray[np.int64]
    pairs: Sequence[Pair]


def whole(project: Project, fields: Sequence[Field]) -> Iterator[tuple[Field, Part]]:
    """All values that the runs of the project have. One to three queries a field."""
    columns = [field for field in fields if field.scope != RUN]
    # Asked for after the runs were listed, so that no kind of a listed value is missing.
    numeric = numeric_fields(project, columns) if columns else {}
    for field in fields:
        if field.scope == RUN:
            yield field, _run_field(project, field)
            continue
        values = ColumnValue.objects.filter(column_id=id_of(project, field))
        yield field, _numbers(values) if numeric.get(field) == Kind.NUMBER else _tokens(values)


def some(project: Project, fields: Sequence[Field], runs: Sequence[uuid.UUID]) -> Iterator[tuple[Field, Part]]:
    """The values of these runs. Two queries for every 500 runs, whatever the number of fields."""
    found: dict[Field, dict[Pair, list[uuid.UUID]]] = {field: defaultdict(list) for field in fields}
    columns = {uuid.UUID(id_of(project, field)): field for field in fields if field.scope != RUN}
    own = [field for field in fields if field.scope == RUN]
    for start in range(0, len(runs), _ROWS):
        batch = runs[start : start + _ROWS]
        if columns:
            values = ColumnValue.objects.filter(run_id__in=batch, column_id__in=columns)
            for run, column, token, text in values.values_list("run_id", "column_id", "token", "text"):
                found[columns[column]][token, text].append(run)
        if own:
            rows = Run.objects.filter(pk__in=batch).annotate(**{path(field): _expression(field) for field in own})
            for run, *shown in rows.values_list("id", *map(path, own)):
                for field, value in zip(own, shown, strict=True):
                    if (pair := run_pair(field, value)) is not None:
                        found[field][pair].append(run)
    for field, runs_of in found.items():
        sizes = np.array([len(ids) for ids in runs_of.values()], dtype=np.int64)
        yield field, _part(list(runs_of), sizes, ids_of(run for ids in runs_of.values() for run in ids))


def run_pair(field: Field, value: Any) -> Pair | None:
    """The pair of a run field's value; None where it is not set."""
    if value is None:
        return None
    match RUN_FIELDS[field.key].type:
        case Type.TAGS:
            tags = sorted(json.loads(value) if isinstance(value, str) else value)
            return (SEPARATOR.join(f"s:{tag}" for tag in tags), ", ".join(tags)) if tags else None
        case Type.TIME:
            return f"s:{value.isoformat()}", value.isoformat(sep=" ", timespec="seconds")
        case _:
            return f"s:{value}", str(value)


def _expression(field: Field) -> Combinable:
    """The state as it is stored: what silence makes of it is no change of the run."""
    return F("state") if field.key == "state" else RUN_FIELDS[field.key].expression(timezone.now())


def _run_field(project: Project, field: Field) -> Part:
    name = path(field)
    runs = Run.objects.filter(project=project, deleted_at=None).annotate(**{name: _expression(field)})
    if RUN_FIELDS[field.key].type is Type.TIME:
        rows = runs.values_list(name, "id")
        pairs = [run_pair(field, moment) for moment, _ in rows]
        return _part(
            [pair for pair in pairs if pair], np.ones(len(pairs), dtype=np.int64), ids_of(id for _, id in rows)
        )
    values, sizes, ids = grouped(runs, name, "id")
    pairs = [run_pair(field, value) for value in values]
    given = np.array([pair is not None for pair in pairs], dtype=bool)
    return _part([pair for pair in pairs if pair], sizes[given], ids[np.repeat(given, sizes)])


def _numbers(values: QuerySet[ColumnValue]) -> Part:
    """Of a column that has held nothing but numbers. Its floats say it all, unless they are large or not finite."""
    if values.filter(Q(number=None) | Q(number__gte=EXACT) | Q(number__lte=-EXACT)).exists():
        return _tokens(values)
    ids, found = numbers(values.filter(number__gt=-EXACT, number__lt=EXACT))
    return Part(ids, found, np.full(len(ids), -1), ())


def _tokens(values: QuerySet[ColumnValue]) -> Part:
    """By token, which an index has beside the run; texts, for which rows must be visited, only where needed."""
    tokens, sizes, ids = grouped(values, "token", "run_id")
    pairs: list[Pair] = []
    apart = []
    for token in tokens:
        text = text_of(token)
        pairs.append((token, text or ""))
        if text is None:
            apart.append(token)
    if not apart:
        return _part(pairs, sizes, ids)
    unclear = set(apart)
    kept = np.array([token not in unclear for token in tokens], dtype=bool)
    pairs = [pair for pair, clear in zip(pairs, kept.tolist(), strict=True) if clear]
    more: dict[Pair, list[uuid.UUID]] = defaultdict(list)
    for start in range(0, len(apart), _ROWS):
        rows = values.filter(token__in=apart[start : start + _ROWS]).values_list("run_id", "token", "text")
        for run, token, text in rows:
            more[token, text].append(run)
    return _part(
        [*pairs, *more],
        np.concatenate([sizes[kept], np.array([len(runs) for runs in more.values()], dtype=np.int64)]),
        np.concatenate([ids[np.repeat(kept, sizes)], ids_of(run for runs in more.values() for run in runs)]),
    )


def _part(pairs: Sequence[Pair], sizes: Counts, ids: Ids) -> Part:
    """Of pairs, with so many runs each; numbers that say it all lose theirs."""
    found = [_number(token) for token, _ in pairs]
    plain = np.array([abs(number) < EXACT for number in found], dtype=bool)
    codes = np.where(plain, -1, np.cumsum(~plain) - 1)
    kept = [pair for pair, is_plain in zip(pairs, plain.tolist(), strict=True) if not is_plain]
    return Part(ids, np.repeat(np.array(found, dtype=np.float64), sizes), np.repeat(codes, sizes), kept)


def _number(token: str) -> float:
    """NaN for what is no finite number."""
    if not token.startswith("n:"):
        return math.nan
    try:
        number = float(token[2:])
    except ValueError:  # more digits than a token holds
        return math.nan
    return number if math.isfinite(number) else math.nan
