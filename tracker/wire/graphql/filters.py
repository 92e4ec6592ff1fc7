"""Filters and orders of `wandb.Api().runs`, in MongoDB's manner, to those of a Runset."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from graphql import GraphQLError

from projects.models import Project
from projects.query.fields import RUN_FIELDS, Type
from projects.query.runset import CONFIG, RUN, SUMMARY, Branch, Condition, Field, Filter, Sort
from runs.columns import column_id
from runs.models import Column, Scope

MAX_CONDITIONS = 100
MAX_VALUES = 10_000  # in all lists together

_SCOPES = {"config": CONFIG, "summary_metrics": SUMMARY, "summaryMetrics": SUMMARY, "summary": SUMMARY}
_RUN_FIELDS = {"username": "user", "commit": "git_commit", "sweep_name": "sweep"}
_JOINS = {"$and": "all", "$or": "any", "$nor": "none"}
_COMPARISONS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}

# No run is without a name.
_EVERY = Condition(Field(RUN, "name"), "set")


def filters_from(project: Project, said: Any) -> tuple[Filter, ...]:
    """Raises GraphQLError for what means nothing or is not supported, naming it."""
    return () if not said else (_Translation(project).whole(said),)


def sort_from(project: Project, order: str) -> Sort:
    """`+` or no sign is ascending. Raises GraphQLError."""
    return Sort(_field(project, order.lstrip("+-")), descending=order.startswith("-"))


class _Translation:
    def __init__(self, project: Project) -> None:
        self._project = project
        self._conditions = self._values = 0

    def whole(self, said: Any) -> Filter:
        """All entries of an object hold."""
        if not isinstance(said, dict):
            raise GraphQLError("a filter is a JSON object")
        return _joined("all", [self._entry(name, value) for name, value in said.items()])

    def _entry(self, name: str, value: Any) -> Filter:
        if name in _JOINS:
            if not isinstance(value, list) or not value and name != "$and":
                raise GraphQLError(f"{name} takes a list of filters")
            return _joined(_JOINS[name], [self.whole(part) for part in value])
        if name == "$not":
            return Branch("none", (self.whole(value),))
        if name.startswith("$"):
            raise _unsupported(name)
        return self._of_field(_field(self._project, name), value)

    def _of_field(self, field: Field, said: Any) -> Filter:
        if not (isinstance(said, dict) and any(name.startswith("$") for name in said)):
            return self._among(field, [said])
        options = said.get("$options", "")
        said = {name: value for name, value in said.items() if name != "$options"}
        return _joined("all", [self._condition(field, name, value, options) for name, value in said.items()])

    def _condition(self, field: Field, operator: str, value: Any, options: Any) -> Filter:
        match operator:
            case "$eq":
                return self._among(field, [value])
            case "$ne":
                return Branch("none", (self._among(field, [value]),))
            case "$in" | "$nin":
                if not isinstance(value, list):
                    raise GraphQLError(f"{operator} takes a list of values")
                among = self._among(field, value)
                return among if operator == "$in" else Branch("none", (among,))
            case "$exists":
                return self._one(field, "set" if value else "not set")
            case "$not":
                return Branch("none", (self._of_field(field, value),))
            case "$regex":
                if not isinstance(value, str) or options not in ("", "i"):
                    raise GraphQLError("$regex takes a pattern; of $options, only i is supported")
                return self._one(field, "regex", f"(?i){value}" if options else value)
            case _ if operator in _COMPARISONS:
                return self._one(field, _COMPARISONS[operator], typed_text(field, value))
            case _:
                raise _unsupported(operator)

    def _among(self, field: Field, values: Sequence[Any]) -> Filter:
        """Equal to one of them; null is what is not set, too."""
        nothing = (None, "") if field.scope == RUN else (None,)
        typed = [typed_text(field, value) for value in values if value not in nothing]
        parts = [self._one(field, "in", *typed)] if typed else []
        if len(typed) < len(values):
            parts.append(self._one(field, "not set"))
            if field.scope != RUN:
                parts.append(self._one(field, "=", "null"))
        return _joined("any", parts) if parts else Branch("none", (_EVERY,))

    def _one(self, field: Field, operator: str, *values: str) -> Condition:
        self._conditions += 1
        self._values += len(values)
        if self._conditions > MAX_CONDITIONS or self._values > MAX_VALUES:
            raise GraphQLError(f"a filter has at most {MAX_CONDITIONS} conditions and {MAX_VALUES} values")
        if any("\0" in value for value in values):
            raise GraphQLError("U+0000 is in no text")
        return Condition(field, operator, values)


def _joined(join: str, parts: list[Any]) -> Filter:
    if not parts:
        return _EVERY
    return parts[0] if len(parts) == 1 and join != "none" else Branch(join, tuple(parts))


def _field(project: Project, name: str) -> Field:
    scope, dot, key = name.partition(".")
    if dot and scope in _SCOPES:
        return Field(_SCOPES[scope], config_key(key, partial(config_keys, project)) if scope == CONFIG else key)
    return run_field(name)


def run_field(name: str) -> Field:
    """By the client's name, in camel or snake case. Raises GraphQLError."""
    key = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    key = _RUN_FIELDS.get(key, key)
    if key not in RUN_FIELDS or RUN_FIELDS[key].type is Type.COUNT:
        raise GraphQLError(f"this server does not filter, group or sort runs by {name[:100]!r}")
    return Field(RUN, key)


def config_key(key: str, there: Callable[[Sequence[str]], Collection[str]]) -> str:
    """The client's config has each value under `value`: `lr.value` is our `lr`, `opt.value.name` our `opt.name`.

    `there`: which of these keys the project has.
    """
    parts = key.split(".")
    without = [".".join(parts[:at] + parts[at + 1 :]) for at in range(1, len(parts)) if parts[at] == "value"]
    if not without:
        return key
    candidates = [*without, key]
    known = there(candidates)
    return next((candidate for candidate in candidates if candidate in known), without[0])


def config_keys(project: Project, keys: Sequence[str]) -> set[str]:
    """Those that are columns of the project. One query."""
    ids = {column_id(project.id, Scope.CONFIG, key): key for key in keys}
    return {ids[id] for id in Column.objects.filter(id__in=ids).values_list("id", flat=True)}


def typed_text(field: Field, value: Any) -> str:
    """A value as projects.query.typed reads it."""
    if field.scope != RUN:
        return f'"{value}"' if isinstance(value, str) else json.dumps(value)
    if isinstance(value, dict | list):
        raise GraphQLError(f"{field} is compared with one value; for several there is $in")
    text = value if isinstance(value, str) else json.dumps(value)
    return f'"{text}"' if RUN_FIELDS[field.key].type in (Type.TEXT, Type.TAGS) else text


def _unsupported(operator: str) -> GraphQLError:
    return GraphQLError(f"this server does not support {operator[:100]} in filters")
