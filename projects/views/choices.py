"""What the popovers above the runs table offer: fields to group by, columns to show, an order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from projects.models import Project
from projects.query.columns import Candidate, every_column, table_columns
from projects.query.fields import RUN_FIELDS, Type, groupable, label
from projects.query.runset import CONFIG, RUN, SUMMARY, Field, Runset, Split
from projects.query.splits import explodes, group_field_text, has_tags, split_label
from runs.columns import typed
from runs.models import Kind

_SCOPES = {RUN: "Run", CONFIG: "Config", SUMMARY: "Summary"}
_REST = "The same in all runs, or another in each"


@dataclass(frozen=True, slots=True)
class FieldChoice:
    field: Field
    label: str
    distinct: int | None = None  # values among the selected runs; None when not counted
    kinds: int = 0  # of its values, where that matters

    @property
    def value(self) -> str:
        """What a form sends to group by it."""
        return group_field_text(self.field)

    @property
    def plain(self) -> str:
        return group_field_text(self.field.plain)

    @property
    def split(self) -> str:
        return split_label(self.field)

    @property
    def way(self) -> str:
        return self.field.how if isinstance(self.field, Split) else ""

    @property
    def numbers(self) -> str:
        return ", ".join(typed(number).text for number in self.field.numbers) if isinstance(self.field, Split) else ""

    @property
    def has_numbers(self) -> bool:
        return bool(self.kinds & Kind.NUMBER)

    @property
    def explodes(self) -> bool | None:
        """Whether items make groups; None for what has none."""
        return explodes(self.field) if self.kinds & Kind.LIST or has_tags(self.field) else None


@dataclass(frozen=True, slots=True)
class Part:
    """Choices of one sort under its caption."""

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
    found = [(it.worth, FieldChoice(it.field, it.label, it.distinct, it.kinds)) for it in candidates if it.distinct]
    worth, rest = ([choice for is_worth, choice in found if is_worth is asked] for asked in (True, False))
    return _choices(runset.grouping, worth, rest)


def field_choice(field: Field) -> FieldChoice:
    return FieldChoice(field, label(field))


def group_choices(project: Project) -> list[FieldChoice]:
    """All that runs can be grouped by: run fields, then columns in natural order. One query."""
    own = [Field(RUN, key) for key in RUN_FIELDS if groupable(Field(RUN, key))]
    columns = every_column(project).items()
    return [*map(field_choice, own), *(FieldChoice(field, label(field), kinds=kinds) for field, kinds in columns)]


def column_choices(project: Project, runset: Runset) -> Choices:
    """What the table can show. Two queries."""
    run_fields = [Field(RUN, key) for key, field in RUN_FIELDS.items() if field.type is not Type.COUNT]
    found = (*run_fields, *every_column(project))
    return _choices(table_columns(project, runset), list(map(field_choice, found)))


def sort_choices(project: Project, runset: Runset) -> Choices:
    """What the table sorts by, its own columns first. Two queries."""
    every = [Field(RUN, key) for key in RUN_FIELDS]
    shown = [field for field in table_columns(project, runset) if field.scope != RUN]
    chosen = {key.field for key in runset.sort}
    rest = [field for field in every_column(project) if field not in shown]
    parts = (
        ("In the table", shown),
        ("Run", every),
        *((_SCOPES[scope], _of(rest, scope)) for scope in (CONFIG, SUMMARY)),
    )
    return Choices(
        (),
        tuple(
            Part(caption, tuple(field_choice(field) for field in fields if field not in chosen))
            for caption, fields in parts
        ),
    )


def groupable_fields(project: Project) -> list[FieldChoice]:
    """What runs can be grouped by: run fields, then columns. One query."""
    own = [Field(RUN, key) for key in RUN_FIELDS]
    return [field_choice(field) for field in (*own, *every_column(project)) if groupable(field)]


def numeric_choices(project: Project) -> list[FieldChoice]:
    """What has a number of each run: summary columns, then config columns, then run fields. One query."""
    columns = [field for field, kinds in every_column(project).items() if kinds & Kind.NUMBER]
    timed = [Field(RUN, key) for key, field in RUN_FIELDS.items() if field.type is Type.SECONDS]
    return [field_choice(field) for field in (*_of(columns, SUMMARY), *_of(columns, CONFIG), *timed)]


def _of(fields: Iterable[Field], scope: str) -> list[Field]:
    return [field for field in fields if field.scope == scope]


def _choices(chosen: Sequence[Field], found: Sequence[FieldChoice], rest: Sequence[FieldChoice] = ()) -> Choices:
    """`found` by scope, then `rest`."""
    by_field = {choice.field: choice for choice in (*found, *rest)}
    taken = {field.plain for field in chosen}
    parts = [(caption, [it for it in found if it.field.scope == scope]) for scope, caption in _SCOPES.items()]
    return Choices(
        tuple(replace(by_field.get(field.plain) or field_choice(field), field=field) for field in chosen),
        tuple(
            Part(caption, tuple(it for it in choices if it.field not in taken))
            for caption, choices in (*parts, (_REST, rest))
        ),
    )
