"""How the values of a field make groups, where not each value makes one: as data, as text, as a person reads it.

As text: `config.lr:log:4`, `config.lr:edges:0.001:0.1`, `config.layers:explode`, `tags:whole`; a field by itself for a
group per value (of tags: per tag). Parts are written as projects.query.parts says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from projects.query.fields import RUN_FIELDS, Type, field_from, groupable, label
from projects.query.parts import parts_from, parts_text
from projects.query.runset import RUN, BadQuery, Field, Split
from projects.query.typed import number_from
from runs.columns import typed

EXPLODE, WHOLE = "explode", "whole"
EDGES = "edges"
MOST_BINS = 100


@dataclass(frozen=True, slots=True)
class Way:
    """A way to bin numbers; `counted`: into so many bins, else by the edges given."""

    key: str
    label: str
    counted: bool = True


WAYS: dict[str, Way] = {
    way.key: way
    for way in (
        Way("equal", "Equal width"),
        Way("log", "Log"),
        Way("quantile", "Quantile"),
        Way(EDGES, "Edges", counted=False),
    )
}


def group_field_from(text: str) -> Field:
    """The inverse of group_field_text. Raises BadQuery for what runs can't be grouped by."""
    name, *rest = parts_from(text)
    field = field_from(name)
    if not groupable(field):
        raise BadQuery(f"{label(field)} can't be grouped by.")
    if not rest:
        return field
    how, *numbers = rest
    if has_tags(field):
        if numbers or how not in (EXPLODE, WHOLE):
            raise BadQuery("tags are grouped by one by one, or tags:whole")
        return field if how == EXPLODE else Split(RUN, field.key, WHOLE)
    if field.scope == RUN:
        raise BadQuery(f"{label(field)} has no numbers and no lists")
    if how == EXPLODE and not numbers:
        return Split(field.scope, field.key, EXPLODE)
    if how not in WAYS:
        raise BadQuery(
            f"after the field comes one of {', '.join(WAYS)} or {EXPLODE}, not “{how[:100]}”; "
            "a “:” of the field's own name is written “\\:”"
        )
    return Split(field.scope, field.key, how, _counted(numbers) if WAYS[how].counted else _edges(numbers))


def group_field_text(field: Field) -> str:
    name = str(field.plain)
    if not isinstance(field, Split):
        return parts_text([name])
    return parts_text([name, field.how, *(typed(number).text for number in field.numbers)])


def split_label(field: Field) -> str:
    """ "4 log bins", "bins at 0.001, 0.1", "each item"; "" for a field by itself."""
    if not isinstance(field, Split):
        return ""
    if field.how == EDGES:
        return f"bins at {', '.join(typed(edge).text for edge in field.numbers)}"
    if field.how in WAYS:
        return f"{typed(field.numbers[0]).text} {WAYS[field.how].label.lower()} bins"
    return {EXPLODE: "each item", WHOLE: "all together"}[field.how]


def has_tags(field: Field) -> bool:
    return field.scope == RUN and RUN_FIELDS[field.key].type is Type.TAGS


def explodes(field: Field) -> bool:
    """Whether a run is in a group for each item of its value."""
    return field.how == EXPLODE if isinstance(field, Split) else has_tags(field)


def _counted(numbers: Sequence[str]) -> tuple[float, ...]:
    text = numbers[0] if len(numbers) == 1 else ""
    if not (text.isascii() and text.isdigit() and 1 < int(text[:9]) <= MOST_BINS):
        raise BadQuery(f"how many bins is a number from 2 to {MOST_BINS}")
    return (float(text),)


def _edges(numbers: Sequence[str]) -> tuple[float, ...]:
    found = {number_from(text) for text in numbers}
    edges = sorted(float(number) for number in found if number is not None)
    if None in found or not edges or len(edges) > MOST_BINS:
        raise BadQuery(f"edges are 1 to {MOST_BINS} numbers")
    return tuple(edges)
