"""What the popovers above the runs table offer: fields to group by, columns to show, an order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from projects.models import Project
from projects.query.columns import Candidate, table_columns
from projects.query.fields import RUN_FIELDS, Type, label
from projects.query.natural import natural_text
from projects.query.runset import CONFIG, RUN, SUMMARY, Field, Runset
from projects.query.table import Header
from runs.models import Column, Scope

_SCOPES = {RUN: "Run", CONFIG: "Config", SUMMARY: "Summary"}
_ALWAYS_SORTABLE = ("display_name", "created_at", "duration", "state", "runs")


@dataclass(frozen=True, slots=True)
class FieldChoice:
    field: Field
    label: str
    distinct: int | None = None  # values among the selected runs; None when not counted


@dataclass(frozen=True, slots=True)
class Part:
    """Choices of one scope under its caption."""

    caption: str
    choices: tuple[FieldChoice, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """`chosen` in their order; `parts` hold the others."""

    chosen: tuple[FieldChoice, ...]
    parts: tuple[Part, ...]

    @property
    def count(self) -> int:
        return len(self.chosen) + sum(len(part.choices) for part in self.parts)


def field_choices(runset: Runset, candidates: Iterable[Candidate]) -> Choices:
    """What to group by, in the order of the candidates; fields that no run has any value of are left out."""
    found = [FieldChoice(it.field, it.label, it.distinct) for it in candidates if it.distinct]
    return _choices(runset.grouping, found)


def column_choices(project: Project, runset: Runset) -> Choices:
    """What the table can show. Two queries."""
    columns = Column.objects.filter(project=project, scope__in=[Scope.CONFIG, Scope.SUMMARY])
    names = sorted(columns.values_list("scope", "key"), key=lambda name: (natural_text(name[1]), name))
    run_fields = [Field(RUN, key) for key, field in RUN_FIELDS.items() if field.type is not Type.COUNT]
    found = (*run_fields, *(Field(scope, key) for scope, key in names))
    return _choices(table_columns(project, runset), [FieldChoice(field, label(field)) for field in found])


def sort_choices(headers: Sequence[Header]) -> list[FieldChoice]:
    """What the table sorts by: its own columns, and what every run has."""
    always = [Field(RUN, key) for key in _ALWAYS_SORTABLE]
    own = [header.field for header in headers if header.field not in always]
    return [FieldChoice(field, label(field)) for field in (*always, *own)]


def _choices(chosen: Sequence[Field], found: Sequence[FieldChoice]) -> Choices:
    by_field = {choice.field: choice for choice in found}
    return Choices(
        tuple(by_field.get(field) or FieldChoice(field, label(field)) for field in chosen),
        tuple(
            Part(caption, tuple(it for it in found if it.field.scope == scope and it.field not in chosen))
            for scope, caption in _SCOPES.items()
        ),
    )
