"""What each field gives the operators to work on: conditions over Run as Q objects, never unknown (SQL's null), so that
their complements are exact. Values are read as projects.query.typed says."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_date, parse_datetime

from projects.models import Project
from projects.query.fields import RUN_FIELDS, Type, id_of, label
from projects.query.runset import RUN, BadQuery, Field
from projects.query.texts import contains_q, regex_q
from projects.query.typed import number_from, token_of, unquoted
from runs.models import ColumnValue, Kind, Run, Tag

_WANTED = {
    Type.DAY: "a day (2026-01-31)",
    Type.SECONDS: "a number of seconds",
    Type.TIME: "a time (2026-01-31T12:00)",
}
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN = re.compile(rf"(\d{{1,9}})\s*([{''.join(_UNITS)}])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target(ABC):
    """A field as the left side of a condition. What a field can't be asked is refused with BadQuery."""

    label: str

    def among(self, typed: Sequence[str]) -> Q:
        """Equal to one of the values."""
        raise BadQuery(f"{self.label} is compared with nothing")

    def compare(self, lookup: str, typed: str) -> Q:
        """`lookup` is one of lt, lte, gt, gte."""
        raise BadQuery(f"{self.label} has no order to compare by")

    def contains(self, text: str) -> Q:
        raise BadQuery(f"{self.label} is compared, not searched")

    def regex(self, pattern: str) -> Q:
        raise BadQuery(f"{self.label} is compared, not searched")

    def within(self, typed: str) -> Q:
        """Not longer ago than the span."""
        raise BadQuery(f"{self.label} is no time")

    @abstractmethod
    def present(self) -> Q:
        """Whether it is set."""


def path(field: Field) -> str:
    """Under which name a run field's expression is annotated."""
    return f"field_{field.key}"


def target(field: Field, project: Project, runs: QuerySet[Run], now: datetime) -> Target:
    """`runs`: all runs of the project that may be found, the run field aliased as path(field)."""
    if field.scope != RUN:
        return _ColumnTarget(label(field), ColumnValue.objects.filter(column_id=id_of(project, field)), "text")
    match RUN_FIELDS[field.key].type:
        case Type.TEXT:
            return _TextTarget(label(field), path(field), runs)
        case Type.TAGS:
            return _RowsTarget(label(field), Tag.objects.filter(run__project=project), "tag")
        case Type.COUNT:
            raise BadQuery(f"{label(field)} are counted in groups, a run has none")
        case type:
            return _OrderedTarget(label(field), path(field), type, now)


@dataclass(frozen=True, slots=True)
class _RowsTarget(Target):
    """Rows of a run, none where nothing is set: a condition holds when it does for one of them. Here its tags."""

    rows: QuerySet[Any]
    text: str  # which column holds the text

    def _runs(self, *conditions: Q) -> Q:
        return Q(pk__in=self.rows.filter(*conditions).values("run_id"))

    def among(self, typed: Sequence[str]) -> Q:
        return self._runs(Q(**{f"{self.text}__in": [unquoted(text) for text in typed]}))

    def contains(self, text: str) -> Q:
        return self._runs(contains_q(self.text, text, self.rows))

    def regex(self, pattern: str) -> Q:
        return self._runs(regex_q(self.text, pattern, self.rows))

    def present(self) -> Q:
        return self._runs()


@dataclass(frozen=True, slots=True)
class _ColumnTarget(_RowsTarget):
    """A config or summary column: rows of ColumnValue."""

    def among(self, typed: Sequence[str]) -> Q:
        return self._runs(Q(token__in=[token_of(text) for text in typed]))

    def compare(self, lookup: str, typed: str) -> Q:
        number = number_from(typed)
        if number is None:
            raise BadQuery(f"{self.label} is compared with numbers, “{typed[:100]}” is none")
        return self._runs(Q(kind=Kind.NUMBER, **{f"number__{lookup}": float(number)}))


@dataclass(frozen=True, slots=True)
class _TextTarget(Target):
    """A run field of text, null where it is not set."""

    name: str
    runs: QuerySet[Run]

    def among(self, typed: Sequence[str]) -> Q:
        return self.present() & Q(**{f"{self.name}__in": [unquoted(text) for text in typed]})

    def contains(self, text: str) -> Q:
        return self.present() & contains_q(self.name, text, self.runs)

    def regex(self, pattern: str) -> Q:
        return self.present() & regex_q(self.name, pattern, self.runs)

    def present(self) -> Q:
        return Q(**{f"{self.name}__isnull": False})


@dataclass(frozen=True, slots=True)
class _OrderedTarget(Target):
    """A moment (ISO 8601, UTC unless it says otherwise), a day or a number of seconds; always set."""

    name: str
    type: Type
    now: datetime

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

    def among(self, typed: Sequence[str]) -> Q:
        return Q(**{f"{self.name}__in": [self._value(text) for text in typed]})

    def compare(self, lookup: str, typed: str) -> Q:
        return Q(**{f"{self.name}__{lookup}": self._value(typed)})

    def within(self, typed: str) -> Q:
        if self.type is Type.SECONDS:
            return Target.within(self, typed)
        span = _SPAN.fullmatch(typed.strip())
        if span is None:
            raise BadQuery(f"a span of time is a number and one of s, m, h, d, w (7d), not “{typed[:100]}”")
        try:
            since: date = self.now - timedelta(**{_UNITS[span[2]]: int(span[1])})
        except OverflowError:
            since = datetime.min.replace(tzinfo=UTC)
        if self.type is Type.DAY:
            since = datetime.date(since) if isinstance(since, datetime) else since
        return Q(**{f"{self.name}__gte": since})

    def present(self) -> Q:
        return Q(**{f"{self.name}__isnull": False})
