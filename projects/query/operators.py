"""The operators of a condition, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Q

from projects.query.fields import label
from projects.query.runset import BadQuery, Condition
from projects.query.targets import Target, target


@dataclass(frozen=True, slots=True)
class Operator:
    """`values`: how many it takes: 0, 1, or None for one or more.

    The negative ones are exact complements, so they hold where nothing is set.
    """

    key: str
    label: str
    values: int | None
    function: Callable[[Target, tuple[str, ...]], Q]


def _any(field: Target, values: tuple[str, ...]) -> Q:
    found = Q()
    for value in values:
        found |= field.equal(value)
    return found


OPERATORS: dict[str, Operator] = {
    operator.key: operator
    for operator in (
        Operator("=", "=", 1, lambda field, values: field.equal(values[0])),
        Operator("!=", "≠", 1, lambda field, values: ~field.equal(values[0])),
        Operator("<", "<", 1, lambda field, values: field.compare("lt", values[0])),
        Operator("<=", "≤", 1, lambda field, values: field.compare("lte", values[0])),
        Operator(">", ">", 1, lambda field, values: field.compare("gt", values[0])),
        Operator(">=", "≥", 1, lambda field, values: field.compare("gte", values[0])),
        Operator("in", "in", None, _any),
        Operator("not in", "not in", None, lambda field, values: ~_any(field, values)),
        Operator("contains", "contains", 1, lambda field, values: field.contains(values[0])),
        Operator("regex", "matches regex", 1, lambda field, values: field.regex(values[0])),
        Operator("set", "is set", 0, lambda field, values: field.present()),
        Operator("not set", "is not set", 0, lambda field, values: ~field.present()),
    )
}


def condition_check(condition: Condition) -> None:
    """Raises BadQuery for an operator there is not, or a wrong number of values."""
    operator = OPERATORS.get(condition.operator)
    if operator is None:
        raise BadQuery(f"there is no operator “{condition.operator[:100]}”")
    count = len(condition.values)
    if count != operator.values if operator.values is not None else count == 0:
        wanted = {0: "no value", 1: "one value", None: "at least one value"}[operator.values]
        raise BadQuery(f"“{operator.label}” on {label(condition.field)} takes {wanted}, not {count}")


def condition_q(condition: Condition, *, column_id: str) -> Q:
    """The condition over Run, its run fields annotated as targets.path(field); `column_id` is for other fields."""
    condition_check(condition)
    return OPERATORS[condition.operator].function(target(condition.field, column_id), condition.values)
