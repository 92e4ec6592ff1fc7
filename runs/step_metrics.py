"""The x axis a client asked for (`define_metric(…, step_metric=…)`), out of its own config entry. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Numbered fields of a definition; tracker/wire/PROTOCOL.md.
_NAME, _GLOB, _STEP = "1", "2", "5"


def step_metrics(client_info: Mapping[str, Any]) -> dict[str, str]:
    """Metric or glob (`val/*`) -> its step metric, "" for a metric that has none where a glob might give it one.

    What is malformed is left out.
    """
    defined = client_info.get("m")
    if not isinstance(defined, list):
        return {}
    names: dict[str, str] = {}
    globs: dict[str, str] = {}
    for definition in defined:
        if isinstance(definition, dict):
            step = _name(defined, definition.get(_STEP))
            if isinstance(name := definition.get(_NAME), str) and name:
                names[_plain(name)] = step
            elif isinstance(glob := definition.get(_GLOB), str) and glob and step:
                globs[_plain(glob)] = step
    return globs | {name: step for name, step in names.items() if step or globs}


def defined_for(metric: str, definition: str) -> bool:
    """Whether a name or a glob, which has its only `*` at the end, is meant for the metric."""
    return definition == metric or (definition.endswith("*") and metric.startswith(definition[:-1]))


def _name(defined: list[Any], number: object) -> str:
    """Of the definition with this number, from 1; "" if there is none."""
    if type(number) is not int or not 0 < number <= len(defined) or not isinstance(defined[number - 1], dict):
        return ""
    name = defined[number - 1].get(_NAME)
    return _plain(name) if isinstance(name, str) else ""


def _plain(name: str) -> str:
    """Definitions escape the dots that are in a key, and not those between nested ones; here both are dots."""
    return name.replace("\\.", ".")
