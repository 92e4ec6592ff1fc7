"""The one typed question: which runs, grouped how, sorted how. Frozen; validated where it is made (from_url)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from projects.query.statistics import MEAN_STD

RUN, CONFIG, SUMMARY = "run", "config", "summary"
LATEST = "latest"  # what a summary column shows of a run unless something else was chosen


class BadQuery(ValueError):
    """A query that means nothing; the text is for the person who typed it."""


@dataclass(frozen=True, slots=True, order=True)
class Field:
    """Something a run can be grouped, sorted or filtered by, and a column of the table.

    As text: `config.opt.name`, `summary.val/acc`, or a run field bare (`group`, `job_type`, `created_day` …:
    columns.RUN_FIELDS).
    """

    scope: str
    key: str

    def __str__(self) -> str:
        return self.key if self.scope == RUN else f"{self.scope}.{self.key}"

    @property
    def plain(self) -> Field:
        """The field by itself, however it is split."""
        return Field(self.scope, self.key)


@dataclass(frozen=True, slots=True)
class Split(Field):
    """A field to group by of which not each value makes a group (projects.query.splits).

    `how`: a key of splits.WAYS with how many bins, or with their edges, as `numbers`; splits.EXPLODE; splits.WHOLE.
    """

    how: str
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Reduced(Field):
    """A summary column of which a run's value comes from its history: `how` is a key of reductions.REDUCTIONS."""

    how: str


@dataclass(frozen=True, slots=True)
class Searched(Field):
    """No column but whom a search means by a pattern: a run has 1 if one of its names matches, else nothing."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Condition:
    """`operator` is a key of operators.OPERATORS; `values` are texts as typed."""

    field: Field
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Branch:
    """Conditions and further branches, at least one; `join` is a key of operators.JOINS."""

    join: str
    parts: tuple[Filter, ...]


Filter: TypeAlias = Condition | Branch


def leaves(filters: Iterable[Filter]) -> Iterator[Condition]:
    """The conditions of a tree, in the order written."""
    for filter in filters:
        if isinstance(filter, Branch):
            yield from leaves(filter.parts)
        else:
            yield filter


@dataclass(frozen=True, slots=True)
class Sort:
    field: Field
    descending: bool = False


@dataclass(frozen=True, slots=True)
class ColumnStatistic:
    """What a column shows of groups: `statistic` is a key of statistics.STATISTICS."""

    field: Field
    statistic: str


@dataclass(frozen=True, slots=True)
class Runset:
    """`fields` are kept while `grouped` is off, so that the Group button can bring them back."""

    search: str = ""
    conditions: tuple[Filter, ...] = ()  # all must hold
    fields: tuple[Field, ...] = ()
    grouped: bool = False
    sort: tuple[Sort, ...] = ()
    # None: the project's default columns; "differ": the config and summary columns that differ between the runs.
    columns: tuple[Field, ...] | Literal["differ"] | None = None
    pinned: tuple[Field, ...] = ()  # columns that come first and stay in sight
    statistics: tuple[ColumnStatistic, ...] = ()  # where it is not the mean ± std; each field once, in order
    reduced: tuple[Reduced, ...] = ()  # columns that show other than the latest of runs; each field once, in order
    hidden: frozenset[str] = frozenset()  # ids of groups (Group.id) and runs (hex) whose eye is off
    open: frozenset[str] = frozenset()  # ids of the groups whose chevron is open
    page: int = 1
    # What no address says: lines (Tree.line_id) with the colours picked for them, and the group whose page it is.
    colours: frozenset[tuple[str, str]] = frozenset()
    within: str | None = None

    @property
    def grouping(self) -> tuple[Field, ...]:
        """The fields in force."""
        return self.fields if self.grouped else ()

    def statistic(self, field: Field) -> str:
        """What its column shows of groups, and sorts them by."""
        return next((chosen.statistic for chosen in self.statistics if chosen.field == field), MEAN_STD)

    def shown(self, field: Field) -> Field:
        """Where its column has the value of a run, that statistics and sorting are of, from."""
        return next((chosen for chosen in self.reduced if chosen.plain == field), field)
