"""Where the columns of runs come from: rows of ColumnValue, or the run's own row."""

from __future__ import annotations

import json
import math
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import Combinable
from django.utils import timezone

from projects.models import Project
from projects.query.fields import RUN_FIELDS, Type, id_of, numeric_fields
from projects.query.reading import Ids, grouped, holding, ids_of, numbers, uuids
from projects.query.reductions import REDUCTIONS
from projects.query.runset import CONFIG, RUN, Field, Reduced, Searched
from projects.query.statistics import Counts, Floats
from projects.query.targets import path
from projects.query.texts import matcher
from runs.columns import EXACT, column_id, text_of
from runs.models import ColumnValue, Kind, Run, Scope

# A typed token, and a text that a value with it was logged as (equal values may differ in it).
Pair: TypeAlias = tuple[str, str]

# Between the tokens of a run's tags: in no text that a database keeps.
SEPARATOR = "\0"

_ROWS = 500  # whose ids or tokens one query asks for


@dataclass(frozen=True, slots=True)
class Part:
    """Values of one column, an entry of `ids` and `codes` for each run that has one.

    By code: the value's number, and its Pair unless the number says it all (NaN: no finite number).
    """

    ids: Ids
    codes: Counts
    numbers: Floats
    pairs: dict[int, Pair]


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
        if numeric.get(field) == Kind.NUMBER:
            yield field, _numbers(values, repeated=field.scope == CONFIG)
        else:
            yield field, _tokens(values)


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
        yield field, _of_uuids(runs_of)


def reduced(project: Project, field: Reduced, runs: Sequence[uuid.UUID]) -> Part:
    """Numbers out of the history of these runs, however large. As many queries for one run as for all."""
    read = REDUCTIONS[field.how].read
    each = np.full(len(runs), np.nan) if read is None else read(column_id(project.id, Scope.HISTORY, field.key), runs)
    known = np.isfinite(each)
    distinct, codes = np.unique(each[known], return_inverse=True)
    return Part(ids_of(runs)[known], codes, distinct, {})


def searched(project: Project, field: Searched, runs: Ids) -> Part:
    """Of these runs, or of all of the project if they are more than a query asks for. A query."""
    match = matcher(field.pattern)
    rows = Run.objects.filter(project=project, deleted_at=None)
    if len(runs) <= _ROWS:
        rows = rows.filter(pk__in=uuids(runs))
    ids = holding(rows, ("display_name", "name"), match)
    return Part(ids, np.zeros(len(ids), dtype=np.int64), np.ones(1), {})


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
        return _of_uuids(
            {pair: [id] for moment, id in runs.values_list(name, "id") if (pair := run_pair(field, moment))}
        )
    values, sizes, ids = grouped(runs, name, "id")
    pairs = [run_pair(field, value) for value in values]
    given = np.array([pair is not None for pair in pairs], dtype=bool)
    return _part([pair for pair in pairs if pair], sizes[given], ids[np.repeat(given, sizes)])


def _numbers(values: QuerySet[ColumnValue], *, repeated: bool) -> Part:
    """Of a column that has held nothing but numbers. Its floats say it all, unless they are large or not finite.

    `repeated`: to be expected are few numbers of many runs each, as in a config.
    """
    if values.filter(Q(number=None) | Q(number__gte=EXACT) | Q(number__lte=-EXACT)).exists():
        return _tokens(values)
    values = values.filter(number__gt=-EXACT, number__lt=EXACT)
    if repeated:
        found, sizes, ids = grouped(values, "number", "run_id")
        return Part(ids, np.repeat(np.arange(len(sizes)), sizes), np.array(found, dtype=np.float64), {})
    ids, each = numbers(values)
    distinct, codes = np.unique(each, return_inverse=True)
    return Part(ids, codes, distinct, {})


def _tokens(values: QuerySet[ColumnValue]) -> Part:
    """By token, which an index has beside the run; texts, for which rows must be visited, only where needed."""
    tokens, sizes, ids = grouped(values, "token", "run_id")
    texts = [text_of(token) for token in tokens]
    said = np.array([text is not None for text in texts], dtype=bool)
    pairs = [(token, text) for token, text in zip(tokens, texts, strict=True) if text is not None]
    part = _part(pairs, sizes[said], ids[np.repeat(said, sizes)])
    unsaid = [token for token, text in zip(tokens, texts, strict=True) if text is None]
    if not unsaid:
        return part
    runs_of: dict[Pair, list[uuid.UUID]] = defaultdict(list)
    for start in range(0, len(unsaid), _ROWS):
        rows = values.filter(token__in=unsaid[start : start + _ROWS])
        for run, token, text in rows.values_list("run_id", "token", "text"):
            runs_of[token, text].append(run)
    return _joined(part, _of_uuids(runs_of))


def _of_uuids(runs_of: Mapping[Pair, Sequence[uuid.UUID]]) -> Part:
    sizes = np.array([len(runs) for runs in runs_of.values()], dtype=np.int64)
    return _part(list(runs_of), sizes, ids_of(run for runs in runs_of.values() for run in runs))


def _part(pairs: Sequence[Pair], sizes: Counts, ids: Ids) -> Part:
    """Of pairs with so many runs each."""
    found = np.array([_number(pair) for pair in pairs], dtype=np.float64)
    kept = {code: pairs[code] for code in np.flatnonzero(~(np.abs(found) < EXACT)).tolist()}
    return Part(ids, np.repeat(np.arange(len(sizes)), sizes), found, kept)


def _joined(one: Part, other: Part) -> Part:
    base = len(one.numbers)
    return Part(
        np.concatenate([one.ids, other.ids]),
        np.concatenate([one.codes, other.codes + base]),
        np.concatenate([one.numbers, other.numbers]),
        one.pairs | {code + base: pair for code, pair in other.pairs.items()},
    )


def _number(pair: Pair) -> float:
    """NaN for what is no finite number."""
    token, text = pair
    if not token.startswith("n:"):
        return math.nan
    try:
        number = float(token[2:])
    except ValueError:  # more digits than a token holds; a text of fewer than it holds is of no finite number
        number = float(text)
    return number if math.isfinite(number) else math.nan
