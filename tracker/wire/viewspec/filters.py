"""A view's filters, in both forms there are of them, <-> those of a Runset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLError

from projects.query.fields import RUN_FIELDS, Type
from projects.query.operators import OPERATORS
from projects.query.runset import RUN, Branch, Condition, Field, Filter
from projects.query.typed import number_from, text_for, unquoted, value_from
from runs.models import Kind
from tracker.wire.graphql.filters import typed_text
from tracker.wire.viewspec.words import Names, field_at, field_name, objects, said

FORMAT = "filterV2"

_OPERATORS = {"=": "=", "==": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "IN": "in", "NIN": "not in"}
_WORDS = {ours: theirs for theirs, ours in _OPERATORS.items() if theirs != "=="}
_COMPLEMENTS = {"=": "!=", "!=": "=", "in": "not in", "not in": "in", "set": "not set", "not set": "set"}
_WITHIN = "WITHINSECONDS"
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_NOT = "not "
_OF_TEXT = {"contains", "regex", "within"}
_MAX_DEPTH = 10


def conditions_from(filters: Mapping[str, Any], names: Names) -> tuple[Filter, ...]:
    """All must hold. A flat list whose `and` binds tighter than its `or`, with groups; or a tree.

    Raises GraphQLError for what means nothing here.
    """
    found = (
        _flat(objects(filters, "filters"), names) if filters.get("filterFormat") == FORMAT else _tree(filters, names)
    )
    if found is None:
        return ()
    return found.parts if isinstance(found, Branch) and found.join == "all" else (found,)


def filters_said(conditions: Sequence[Filter]) -> dict[str, Any]:
    """In the flat form. What its usual operators can't say has ours for an operator, `not` before it if need be."""
    if not conditions:
        return {"filterFormat": FORMAT, "filters": []}
    return {"filterFormat": FORMAT, "filters": _items(_plain(Branch("all", tuple(conditions)), False))}


def _flat(items: Sequence[Mapping[str, Any]], names: Names, depth: int = 0) -> Filter | None:
    if depth > _MAX_DEPTH:
        raise GraphQLError("the view's filters are nested too deeply")
    alternatives: list[list[Filter]] = [[]]
    for item in items:
        found = _flat(objects(item, "filters"), names, depth + 1) if "filters" in item else _leaf(item, names)
        if found is None:
            continue
        if alternatives[-1] and said(item, "connector", str, "AND").upper() == "OR":
            alternatives.append([])
        alternatives[-1].append(found)
    return _joined("any", [found for parts in alternatives if (found := _joined("all", parts)) is not None])


def _tree(node: Mapping[str, Any], names: Names, depth: int = 0) -> Filter | None:
    if depth > _MAX_DEPTH:
        raise GraphQLError("the view's filters are nested too deeply")
    if node.get("key") is not None:
        return _leaf(node, names)
    parts = [_tree(part, names, depth + 1) for part in objects(node, "filters")]
    join = "any" if said(node, "op", str, "AND") == "OR" else "all"
    return _joined(join, [part for part in parts if part is not None])


def _joined(join: str, parts: Sequence[Filter]) -> Filter | None:
    """Each part once: the same one twice is the same."""
    flat: list[Filter] = []
    for part in parts:
        flat += part.parts if isinstance(part, Branch) and part.join == join else [part]
    flat = list(dict.fromkeys(flat))
    return None if not flat else flat[0] if len(flat) == 1 else Branch(join, tuple(flat))


def _leaf(item: Mapping[str, Any], names: Names) -> Filter | None:
    """None for one that is switched off, or not filled in."""
    key = said(item, "key", dict, {})
    if not key.get("name") or said(item, "disabled", bool, False):
        return None
    field, operator, value = field_at(key, names), said(item, "op", str, "="), item.get("value")
    if operator == _WITHIN:
        return Condition(field, "within", (_span(value),))
    key_of_ours = _OPERATORS.get(operator, operator)
    if key_of_ours.startswith(_NOT) and key_of_ours not in OPERATORS:
        return Branch("none", (_condition(field, key_of_ours.removeprefix(_NOT), value),))
    return _condition(field, key_of_ours, value)


def _condition(field: Field, operator: str, value: Any) -> Filter:
    if operator not in OPERATORS:
        raise GraphQLError(f"this server does not support {operator[:100]!r} in filters")
    if operator in ("=", "!=") and (value is None or value == "" and field.scope == RUN):
        unset: Filter = Condition(field, "not set")
        if field.scope != RUN:
            unset = Branch("any", (unset, Condition(field, "=", ("null",))))
        return unset if operator == "=" else Branch("none", (unset,))
    match OPERATORS[operator].values:
        case 0:
            return Condition(field, operator)
        case 1 if operator in _OF_TEXT:
            return Condition(field, operator, (str(value),))
        case 1:
            return Condition(field, operator, (_text(field, value),))
        case _:
            values = value if isinstance(value, list) else [value]
            if not values:
                raise GraphQLError(f"the filter by {field} lists no values")
            return Condition(field, operator, tuple(_text(field, one) for one in values))


def _span(seconds: Any) -> str:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e9:
        raise GraphQLError(f"{_WITHIN} takes a number of seconds")
    seconds = int(seconds)
    unit = next(unit for unit, length in _UNITS.items() if seconds % length == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def _plain(filter: Filter, negated: bool) -> Filter:
    """The same, or its complement, with branches of all and any alone."""
    if isinstance(filter, Branch):
        parts = [_plain(part, negated ^ (filter.join == "none")) for part in filter.parts]
        joined = _joined("all" if (filter.join != "any") ^ negated else "any", parts)
        assert joined is not None
        return joined
    if not negated:
        return filter
    return Condition(filter.field, _COMPLEMENTS.get(filter.operator, _NOT + filter.operator), filter.values)


def _items(filter: Filter) -> list[dict[str, Any]]:
    if not isinstance(filter, Branch):
        return [_said(filter)]
    connector = "AND" if filter.join == "all" else "OR"
    items: list[dict[str, Any]] = []
    for part in filter.parts:
        # An `and` inside an `or` needs no brackets.
        inner = _items(part)
        grouped = isinstance(part, Branch) and part.join == "any" and len(inner) > 1
        added: list[dict[str, Any]] = [{"filters": inner}] if grouped else inner
        if items:
            added = [{**added[0], "connector": connector}, *added[1:]]
        items += added
    return items


def _said(condition: Condition) -> dict[str, Any]:
    field, operator, values = condition.field, condition.operator, condition.values
    key = {"section": field.scope, "name": field_name(field)}
    positive = operator if operator in OPERATORS else operator.removeprefix(_NOT)
    value: Any = values[0] if values else None
    if OPERATORS[positive].values is None:
        value = [_value(field, text) for text in values]
    elif values and positive not in _OF_TEXT:
        value = _value(field, values[0])
        if value is None:  # which by itself stands for what is not set, too
            operator, value = {"=": "in", "!=": "not in"}.get(operator, operator), [value]
    elif operator == "within" and (span := _seconds(values[0])) is not None:
        operator, value = _WITHIN, span
    return {"key": key, "op": _WORDS.get(operator, operator), "value": value, "disabled": False}


def _text(field: Field, value: Any) -> str:
    """As a person would type it."""
    of_texts = field.scope != RUN or RUN_FIELDS[field.key].type in (Type.TEXT, Type.TAGS)
    return text_for(Kind.TEXT, value) if isinstance(value, str) and of_texts else typed_text(field, value)


def _value(field: Field, text: str) -> Any:
    """The inverse of _text."""
    if field.scope != RUN:
        return value_from(text)
    if RUN_FIELDS[field.key].type is Type.SECONDS:
        return number_from(text)
    return unquoted(text)


def _seconds(span: str) -> int | None:
    """None for a span in other units, which stays as it was typed."""
    number, unit = span.strip()[:-1].strip(), span.strip()[-1:]
    return int(number) * _UNITS[unit] if number.isascii() and number.isdigit() and unit in _UNITS else None
