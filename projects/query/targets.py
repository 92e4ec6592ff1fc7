"""What each field gives the operators to work on: conditions over Run as Q objects.

Typed text: `0.1` is the number, `true` and `false` the booleans, `null` null; "…" in quotes is always text; anything
else is the text of a string, list or object.
"""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.utils.dateparse import parse_date, parse_datetime

from projects.query.fields import RUN_FIELDS, Type, label
from projects.query.runset import RUN, BadQuery, Field
from runs import columns
from runs.models import ColumnValue, Kind, Tag

MAX_PATTERN = 200

_WANTED = {
    Type.DAY: "a day (2026-01-31)",
    Type.SECONDS: "a number of seconds",
    Type.TIME: "a time (2026-01-31T12:00)",
}


class Target(Protocol):
    """A field as the left side of a condition; `lookup` is one of lt, lte, gt, gte."""

    def equal(self, typed: str) -> Q: ...
    def compare(self, lookup: str, typed: str) -> Q: ...
    def contains(self, text: str) -> Q: ...
    def regex(self, pattern: str) -> Q: ...
    def present(self) -> Q: ...


def path(field: Field) -> str:
    """Under which name a run field's expression is annotated."""
    return f"field_{field.key}"


def contains_q(name: str, text: str) -> Q:
    """Case-insensitive; SQLite's LIKE knows the case of ASCII letters only."""
    if text.isascii():
        return Q(**{f"{name}__icontains": text})
    return Q(**{f"{name}__iregex": re.escape(text)})


def regex_q(name: str, pattern: str) -> Q:
    """Case-sensitive, found anywhere. Raises BadQuery unless both Python (as SQLite) and the database take it."""
    if len(pattern) > MAX_PATTERN:
        raise BadQuery(f"the pattern is longer than {MAX_PATTERN} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
        if connection.vendor != "sqlite":
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT '' ~ %s", [pattern])
    except (re.error, OverflowError, RecursionError, DatabaseError) as error:
        raise BadQuery(f"/{pattern}/ is no regular expression: {str(error).splitlines()[0]}") from None
    return Q(**{f"{name}__regex": pattern})


def number_from(typed: str) -> float | None:
    """The finite number a text stands for; a whole one is exact."""
    if "_" in typed:
        return None
    for read in (int, float):
        try:
            number = read(typed)
            return number if math.isfinite(number) else None
        except (ValueError, OverflowError):
            continue
    return None


def _value(typed: str) -> str | float | bool | None:
    """What a text stands for, by its type."""
    text = _unquoted(typed)
    if text is not None:
        return text
    words: dict[str, bool | None] = {"true": True, "false": False, "null": None}
    if typed in words:
        return words[typed]
    number = number_from(typed)
    return typed if number is None else number


def target(field: Field, column_id: str) -> Target:
    if field.scope != RUN:
        return _ColumnTarget(column_id, label(field))
    match RUN_FIELDS[field.key].type:
        case Type.TEXT:
            return _TextTarget(path(field), label(field))
        case Type.TAGS:
            return _TagTarget(label(field))
        case Type.COUNT:
            raise BadQuery(f"{label(field)} are counted in groups, a run has none")
        case type:
            return _OrderedTarget(path(field), label(field), type)


def _unquoted(typed: str) -> str | None:
    return typed[1:-1] if len(typed) > 1 and typed[0] == typed[-1] == '"' else None


@dataclass(frozen=True, slots=True)
class _ColumnTarget:
    """A config or summary column: rows of ColumnValue, none where nothing is set."""

    column_id: str
    label: str

    def _runs(self, *conditions: Q, **lookups: object) -> Q:
        rows = ColumnValue.objects.filter(*conditions, column_id=self.column_id, **lookups)
        return Q(pk__in=rows.values("run_id"))

    def equal(self, typed: str) -> Q:
        value = _value(typed)
        same = Q(token=columns.typed(value).token)
        if value == typed:
            # As shown: [8, 16], {"a": 1}, NaN.
            same |= Q(kind__in=[Kind.LIST, Kind.OBJECT, Kind.NUMBER], text=typed)
        return self._runs(same)

    def compare(self, lookup: str, typed: str) -> Q:
        number = number_from(typed)
        if number is None:
            raise BadQuery(f"{self.label} is compared with numbers, “{typed[:100]}” is none")
        return self._runs(kind=Kind.NUMBER, **{f"number__{lookup}": float(number)})

    def contains(self, text: str) -> Q:
        return self._runs(contains_q("text", text))

    def regex(self, pattern: str) -> Q:
        return self._runs(regex_q("text", pattern))

    def present(self) -> Q:
        return self._runs()


@dataclass(frozen=True, slots=True)
class _TextTarget:
    """A run field of text, null where it is not set."""

    name: str
    label: str

    def equal(self, typed: str) -> Q:
        text = _unquoted(typed)
        # Not a bare comparison: its complement must hold for null.
        return Q(**{self.name: typed if text is None else text, f"{self.name}__isnull": False})

    def compare(self, lookup: str, typed: str) -> Q:
        raise BadQuery(f"{self.label} has no order to compare by")

    def contains(self, text: str) -> Q:
        return contains_q(self.name, text)

    def regex(self, pattern: str) -> Q:
        return regex_q(self.name, pattern)

    def present(self) -> Q:
        return Q(**{f"{self.name}__isnull": False})


@dataclass(frozen=True, slots=True)
class _TagTarget:
    """The tags of a run: a condition holds when it does for one of them."""

    label: str

    def _runs(self, *conditions: Q) -> Q:
        return Q(pk__in=Tag.objects.filter(*conditions).values("run_id"))

    def equal(self, typed: str) -> Q:
        text = _unquoted(typed)
        return self._runs(Q(tag=typed if text is None else text))

    def compare(self, lookup: str, typed: str) -> Q:
        raise BadQuery(f"{self.label} have no order to compare by")

    def contains(self, text: str) -> Q:
        return self._runs(contains_q("tag", text))

    def regex(self, pattern: str) -> Q:
        return self._runs(regex_q("tag", pattern))

    def present(self) -> Q:
        return self._runs()


@dataclass(frozen=True, slots=True)
class _OrderedTarget:
    """A moment (ISO 8601, UTC unless it says otherwise), a day or a number of seconds; always set."""

    name: str
    label: str
    type: Type

    def _value(self, typed: str) -> object:
        try:
            if self.type is Type.DAY:
                value: object = parse_date(typed)
            elif self.type is Type.SECONDS:
                seconds = number_from(typed)
                value = None if seconds is None else timedelta(seconds=seconds)
            else:
                moment = parse_datetime(typed)
                day = parse_date(typed) if moment is None else None
                moment = datetime(day.year, day.month, day.day) if day is not None else moment
                value = moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
        except (ValueError, OverflowError):
            value = None
        if value is None:
            raise BadQuery(f"{self.label} is compared with {_WANTED[self.type]}, not “{typed[:100]}”")
        return value

    def equal(self, typed: str) -> Q:
        return Q(**{self.name: self._value(typed)})

    def compare(self, lookup: str, typed: str) -> Q:
        return Q(**{f"{self.name}__{lookup}": self._value(typed)})

    def contains(self, text: str) -> Q:
        raise BadQuery(f"{self.label} is compared, not searched")

    def regex(self, pattern: str) -> Q:
        raise BadQuery(f"{self.label} is compared, not searched")

    def present(self) -> Q:
        return Q(**{f"{self.name}__isnull": False})
