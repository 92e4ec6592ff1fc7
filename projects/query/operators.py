"""The operators of a condition, and what joins conditions, as data."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Flag, auto
from functools import reduce

from django.db.models import Q

from projects.query.fields import RUN_FIELDS, Type, label
from projects.query.runset import RUN, BadQuery, Branch, Condition, Field, Filter
from projects.query.targets import Target
from runs.models import Kind


class Fits(Flag):
    """What kinds of values an operator makes sense for."""

    TEXT = auto()
    NUMBER = auto()
    TIME = auto()
    OTHER = auto()
    ANY = TEXT | NUMBER | TIME | OTHER

    @property
    def words(self) -> str:
        return " ".join(fits.name.lower() for fits in self if fits.name)


@dataclass(frozen=True, slots=True)
class Operator:
    """`values`: how many it takes: 0, 1, or None for one or more.

    The negative ones are exact complements, so they hold where nothing is set.
    """

    key: str
    label: str
    values: int | None
    fits: Fits
    function: Callable[[Target, tuple[str, ...]], Q]
    hint: str = ""  # what is typed
    suggests: bool = False  # whether values that there are make sense


OPERATORS: dict[str, Operator] = {
    operator.key: operator
    for operator in (
        Operator("=", "=", 1, Fits.ANY, lambda field, values: field.among(values), suggests=True),
        Operator("!=", "≠", 1, Fits.ANY, lambda field, values: ~field.among(values), suggests=True),
        Operator(
            "<", "<", 1, Fits.NUMBER | Fits.TIME, lambda field, values: field.compare("lt", values[0]), suggests=True
        ),
        Operator(
            "<=", "≤", 1, Fits.NUMBER | Fits.TIME, lambda field, values: field.compare("lte", values[0]), suggests=True
        ),
        Operator(
            ">", ">", 1, Fits.NUMBER | Fits.TIME, lambda field, values: field.compare("gt", values[0]), suggests=True
        ),
        Operator(
            ">=", "≥", 1, Fits.NUMBER | Fits.TIME, lambda field, values: field.compare("gte", values[0]), suggests=True
        ),
        Operator("in", "in", None, Fits.ANY, lambda field, values: field.among(values), suggests=True),
        Operator("not in", "not in", None, Fits.ANY, lambda field, values: ~field.among(values), suggests=True),
        Operator("contains", "contains", 1, Fits.TEXT, lambda field, values: field.contains(values[0])),
        Operator(
            "regex", "matches regex", 1, Fits.TEXT, lambda field, values: field.regex(values[0]), hint="RE2 pattern"
        ),
        Operator(
            "within", "within last", 1, Fits.TIME, lambda field, values: field.within(values[0]), hint="7d, 24h, 30m"
        ),
        Operator("set", "is set", 0, Fits.ANY, lambda field, values: field.present()),
        Operator("not set", "is not set", 0, Fits.ANY, lambda field, values: ~field.present()),
    )
}


@dataclass(frozen=True, slots=True)
class Join:
    """`word` stands between the parts, `before` before them."""

    key: str
    label: str
    word: str
    before: str
    function: Callable[[Sequence[Q]], Q]


JOINS: dict[str, Join] = {
    join.key: join
    for join in (
        Join("all", "All of these hold", "and", "", lambda parts: reduce(operator.and_, parts)),
        Join("any", "Any of these holds", "or", "", lambda parts: reduce(operator.or_, parts)),
        Join("none", "None of these holds", "or", "not ", lambda parts: ~reduce(operator.or_, parts)),
    )
}


def fits(field: Field, kinds: int) -> Fits:
    """What a field's values are; `kinds`: those seen in a config or summary column (Column.kinds)."""
    if field.scope == RUN:
        match RUN_FIELDS[field.key].type:
            case Type.TIME | Type.DAY:
                return Fits.TIME
            case Type.SECONDS | Type.COUNT:
                return Fits.NUMBER
            case _:
                return Fits.TEXT
    found = Fits.OTHER
    if kinds & Kind.NUMBER:
        found |= Fits.NUMBER
    if kinds & (Kind.TEXT | Kind.LIST | Kind.OBJECT):
        found |= Fits.TEXT
    return found


def condition_check(condition: Condition) -> None:
    """Raises BadQuery for an operator there is not, or a wrong number of values."""
    operator = OPERATORS.get(condition.operator)
    if operator is None:
        raise BadQuery(f"there is no operator “{condition.operator[:100]}”")
    count = len(condition.values)
    if count != operator.values if operator.values is not None else count == 0:
        wanted = {0: "no value", 1: "one value", None: "at least one value"}[operator.values]
        raise BadQuery(f"“{operator.label}” on {label(condition.field)} takes {wanted}, not {count}")


def filter_q(filter: Filter, target_of: Callable[[Field], Target]) -> Q:
    """The filter over Run. Raises BadQuery for a condition that means nothing."""
    if isinstance(filter, Branch):
        return JOINS[filter.join].function([filter_q(part, target_of) for part in filter.parts])
    condition_check(filter)
    return OPERATORS[filter.operator].function(target_of(filter.field), filter.values)


def filter_label(filter: Filter) -> str:
    """As people read it: `lr ≥ 0.1`, `lr ≥ 0.1 or not (Group = a or Group = b)`."""
    if isinstance(filter, Branch):
        join = JOINS[filter.join]
        parts = [
            f"({filter_label(part)})"
            if isinstance(part, Branch) and len(part.parts) > 1 and not JOINS[part.join].before
            else filter_label(part)
            for part in filter.parts
        ]
        joined = f" {join.word} ".join(parts)
        return f"{join.before}({joined})" if join.before else joined
    operator = OPERATORS[filter.operator]
    values = ", ".join(value or '""' for value in filter.values)
    return f"{label(filter.field)} {operator.label} {values}".rstrip()
