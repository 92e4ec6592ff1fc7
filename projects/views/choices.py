"""What the popovers above the runs table offer: fields to group by, columns to show, an order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from projects.models import Project
from projects.query.columns import Candidate, table_columns
from projects.query.fields import RUN_FIELDS, Type, label
from projects.query.natural import natural_text
from projects.query.runset import CONFIG, RUN, SUMMARY, Field, Runset
from runs.models import Column, Scope

_SCOPES = {RUN: "Run", CONFIG: "Config", SUMMARY: "Summary"}


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
    run_fields = [Field(RUN, key) for key, field in RUN_FIELDS.items() if field.type is not Type.COUNT]
    found = (*run_fields, *_columns(project))
    return _choices(table_columns(project, runset), [FieldChoice(field, label(field)) for field in found])


def sort_choices(project: Project, runset: Runset) -> Choices:
    """What the table sorts by, its own columns first. Two queries."""
    every = [Field(RUN, key) for key in RUN_FIELDS]
    shown = [field for field in table_columns(project, runset) if field.scope != RUN]
    chosen = {key.field for key in runset.sort}
    rest = [field for field in _columns(project) if field not in shown]
    parts = (
        ("In the table", shown),
        ("Run", every),
        *((_SCOPES[scope], _of(rest, scope)) for scope in (CONFIG, SUMMARY)),
    )
    return Choices(
        (),
        tuple(
            Part(caption, tuple(FieldChoice(field, label(field)) for field in fields if field not in chosen))
            for caption, fields in parts
        ),
    )


def _columns(project: Project) -> list[Field]:
    """Every config and summary column, naturally ordered. One query."""
    columns = Column.objects.filter(project=project, scope__in=[Scope.CONFIG, Scope.SUMMARY])
    names = sorted(columns.values_list("scope", "key"), key=lambda name: (natural_text(name[1]), name))
    return [Field(scope, key) for scope, key in names]


def _of(fields: Iterable[Field], scope: str) -> list[Field]:
    return [field for field in fields if field.scope == scope]


def _choices(chosen: Sequence[Field], found: Sequence[FieldChoice]) -> Choices:
    by_field = {choice.field: choice for choice in found}
    return Choices(
        tuple(by_field.get(field) or FieldChoice(field, label(field)) for field in chosen),
        tuple(
            Part(caption, tuple(it for it in found if it.field.scope == scope and it.field not in chosen))
            for scope, caption in _SCOPES.items()
        ),
    )
