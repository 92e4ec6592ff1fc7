"""The one typed question: which runs, grouped how, sorted how. Frozen; validated where it is made (from_url)."""

from __future__ import annotations

from dataclasses import dataclass

RUN, CONFIG, SUMMARY = "run", "config", "summary"


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


@dataclass(frozen=True, slots=True)
class Condition:
    """`operator` is a key of operators.OPERATORS; `values` are texts as typed."""

    field: Field
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sort:
    field: Field
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Runset:
    """`fields` are kept while `grouped` is off, so that the Group button can bring them back."""

    search: str = ""
    conditions: tuple[Condition, ...] = ()  # all must hold
    fields: tuple[Field, ...] = ()
    grouped: bool = False
    sort: tuple[Sort, ...] = ()
    columns: tuple[Field, ...] | None = None  # None: the project's default columns
    hidden: frozenset[str] = frozenset()  # ids of groups (Group.id) and runs (hex) whose eye is off
    open: frozenset[str] = frozenset()  # ids of the groups whose chevron is open
    page: int = 1

    @property
    def grouping(self) -> tuple[Field, ...]:
        """The fields in force."""
        return self.fields if self.grouped else ()
