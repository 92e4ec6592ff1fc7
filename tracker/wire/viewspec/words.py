"""What both ways of a view's translation share: reading JSON that may be anything, and how fields are named."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from graphql import GraphQLError

from projects.query.fields import RUN_FIELDS
from projects.query.runset import CONFIG, RUN, SUMMARY, Field
from tracker.wire.graphql.filters import config_key, run_field

T = TypeVar("T")

# Of run fields whose name is not ours in camel case.
_NAMES = {"user": "username", "git_commit": "commit"}
_FIELDS = {"config": CONFIG, "summary": SUMMARY}


@dataclass(frozen=True, slots=True)
class Names:
    """What is known of the project. `run_id`: a run's id (hex) by its name; `run_names`: names by id, of hidden runs;
    `config_keys`: which of these the project has."""

    run_id: Callable[[str], str]
    run_names: Mapping[str, str]
    metrics: Sequence[str]  # that have been logged
    config_keys: Callable[[Sequence[str]], Collection[str]]


def said(source: Mapping[str, Any], key: str, kind: type[T], default: T) -> T:
    """What is there; `default` for nothing and null. Raises GraphQLError for a value of another kind."""
    value = source.get(key)
    if value is None:
        return default
    wrong = isinstance(value, bool) and kind is not bool
    if kind is float and isinstance(value, int) and not wrong:
        return value  # type: ignore[return-value]
    if wrong or not isinstance(value, kind):
        raise GraphQLError(f"the view's {key} is no {kind.__name__}")
    return value


def objects(source: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = said(source, key, list, [])
    if not all(isinstance(item, dict) for item in found):
        raise GraphQLError(f"the view's {key} is a list of objects")
    return found


def texts(source: Mapping[str, Any], key: str) -> list[str]:
    found = said(source, key, list, [])
    if not all(isinstance(item, str) for item in found):
        raise GraphQLError(f"the view's {key} is a list of texts")
    return found


def field_of(section: str, name: str, names: Names) -> Field:
    """Raises GraphQLError for what runs here don't have."""
    if section in ("tags", "run"):
        return run_field("tags" if section == "tags" else name)
    if section not in _FIELDS or not name:
        raise GraphQLError(f"this server knows nothing of {section[:100]} {name[:100]!r} of runs")
    return Field(_FIELDS[section], config_key(name, names.config_keys) if section == "config" else name)


def field_at(key: Mapping[str, Any], names: Names) -> Field:
    """Of a key {"section", "name"}."""
    return field_of(said(key, "section", str, "run"), said(key, "name", str, ""), names)


def field_name(field: Field) -> str:
    """A run field as the client calls it; of a column its key."""
    if field.scope != RUN:
        return field.key
    return _NAMES.get(field.key) or re.sub(r"_(.)", lambda found: found[1].upper(), field.key)


def enveloped(key: str) -> str:
    """A config key as the client stores it: each value under `value`."""
    first, *rest = key.split(".")
    return ".".join([first, "value", *rest])


def column_from(text: str, names: Names) -> Field:
    """Of `config:lr.value`, `c::lr`, `summary:loss`, `run:createdAt`, as columns and axes are written."""
    scope, _, key = text.partition(":")
    return field_of("config" if scope == "c" else scope, key.removeprefix(":") if scope == "c" else key, names)


def column_text(field: Field) -> str:
    return f"{field.scope}:{enveloped(field.key) if field.scope == CONFIG else field_name(field)}"


def group_from(text: str, names: Names) -> Field:
    """Of a panel's grouping: a run field bare, a config key with its `value`."""
    if "value" not in text.split(".") and (text in _NAMES.values() or _snake(text) in RUN_FIELDS):
        return run_field(text)
    return field_of("config", text, names)


def group_text(field: Field) -> str | None:
    """None for what a panel can't be grouped by there."""
    if field.scope == SUMMARY:
        return None
    return enveloped(field.key) if field.scope == CONFIG else field_name(field)


def metric_from(text: str) -> str:
    if text.startswith("config."):
        raise GraphQLError(f"this server draws metrics, and {text[:100]!r} is of the config")
    return text.removeprefix("summary_metrics.")


def _snake(text: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text).lower()
