"""The configuration of a sweep, as the client sends it, checked. Pure functions."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from runs.search.hyperband import Hyperband, hyperband_from
from runs.search.space import BadSweep, Choice, Parameter, distribution_from

MAX_TEXT = 200_000
_MAX_NODES = 50_000  # aliases spread out
_MAX_DEPTH = 30
_MAX_PARAMETERS = 1_000

METHODS = ("grid", "random", "bayes")
GOALS = ("minimize", "maximize")


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    maximize: bool = False


@dataclass(frozen=True, slots=True)
class SweepConfig:
    method: str
    parameters: tuple[Parameter, ...]
    metric: Metric | None
    run_cap: int | None
    early_terminate: Hyperband | None


def config_from_yaml(text: str) -> dict[str, Any]:
    """A YAML (or JSON) mapping as plain JSON values. Raises BadSweep."""
    if len(text) > MAX_TEXT:
        raise BadSweep(f"the configuration is longer than {MAX_TEXT} characters")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise BadSweep(f"malformed YAML: {error}") from None
    except RecursionError:
        raise BadSweep("the configuration is nested too deeply") from None
    if not isinstance(value, dict):
        raise BadSweep("the configuration is no mapping")
    found = _plain(value, 0, iter(range(_MAX_NODES)))
    assert isinstance(found, dict)
    return found


def config_to_yaml(config: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
    return text


def _plain(value: Any, depth: int, left: Iterator[int]) -> Any:
    if next(left, None) is None or depth > _MAX_DEPTH:
        raise BadSweep("the configuration is too large")
    match value:
        case dict():
            if not all(isinstance(key, str) for key in value):
                raise BadSweep("keys are texts")
            return {_storable(key): _plain(item, depth + 1, left) for key, item in value.items()}
        case list():
            return [_plain(item, depth + 1, left) for item in value]
        case datetime.date():
            return value.isoformat()
        case str():
            return _storable(value)
        case None | bool() | int() | float():
            return value
        case _:
            raise BadSweep(f"a {type(value).__name__} is no value of a configuration")


def _storable(text: str) -> str:
    """No page can carry half a surrogate pair, and no database U+0000."""
    if "\0" in text or not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise BadSweep("the configuration has characters that can't be stored")
    return text


def sweep_config(config: Mapping[str, Any]) -> SweepConfig:
    """What a plain configuration means. Raises BadSweep."""
    method = config.get("method", "bayes")
    if method not in METHODS:
        raise BadSweep(f"method is one of {', '.join(METHODS)}")
    said = config.get("parameters")
    if not isinstance(said, dict) or not said:
        raise BadSweep("parameters is a mapping with at least one parameter")
    parameters = tuple(_parameters(said, ()))
    if len(parameters) > _MAX_PARAMETERS:
        raise BadSweep(f"at most {_MAX_PARAMETERS} parameters")
    metric = _metric(config.get("metric"))
    if metric is None and (method == "bayes" or config.get("early_terminate") is not None):
        raise BadSweep("metric needs a name: bayes and early_terminate go by it")
    early = config.get("early_terminate")
    found = SweepConfig(
        method=method,
        parameters=parameters,
        metric=metric,
        run_cap=_run_cap(config.get("run_cap")),
        early_terminate=None if early is None else hyperband_from(early),
    )
    if method == "grid":
        grid_size(parameters)
    return found


def _parameters(said: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[Parameter]:
    for name, entry in said.items():
        path = (*above, name)
        if not isinstance(entry, dict):
            raise BadSweep(f"parameter {'.'.join(path)}: a mapping, such as {{values: [1, 2]}}")
        below = entry.get("parameters")
        if isinstance(below, dict) and below:
            yield from _parameters(below, path)
            continue
        try:
            yield Parameter(path, distribution_from(entry))
        except BadSweep as error:
            raise BadSweep(f"parameter {'.'.join(path)}: {error}") from None


def _metric(said: Any) -> Metric | None:
    if said is None:
        return None
    if not isinstance(said, dict) or not isinstance(said.get("name"), str) or not said["name"]:
        raise BadSweep("metric has a name")
    goal = said.get("goal", GOALS[0])
    if goal not in GOALS:
        raise BadSweep(f"metric: goal is one of {', '.join(GOALS)}")
    return Metric(said["name"], goal == GOALS[1])


def _run_cap(said: Any) -> int | None:
    if said is None:
        return None
    if type(said) is not int or not 0 < said < 2**31:
        raise BadSweep("run_cap is a whole number from 1 on")
    return said


def grid_size(parameters: tuple[Parameter, ...]) -> int:
    """How many points there are. Raises BadSweep for a parameter that can't be listed."""
    size = 1
    for parameter in parameters:
        try:
            size *= parameter.distribution.size
        except BadSweep as error:
            raise BadSweep(f"parameter {parameter}: {error}; a grid needs values, or q_uniform") from None
    return size


def grid_point(parameters: tuple[Parameter, ...], number: int) -> list[Any]:
    """The values of point `number`, counted from 0; the last parameter changes fastest."""
    values = []
    for parameter in reversed(parameters):
        number, index = divmod(number, parameter.distribution.size)
        values.append(parameter.distribution.at(index))
    return values[::-1]


def nested(parameters: tuple[Parameter, ...], values: list[Any]) -> dict[str, Any]:
    """Values by the keys of their parameters, as a run's config has them."""
    found: dict[str, Any] = {}
    for parameter, value in zip(parameters, values, strict=True):
        inner = found
        for key in parameter.path[:-1]:
            inner = inner.setdefault(key, {})
        inner[parameter.path[-1]] = value
    return found


def values_of(parameters: tuple[Parameter, ...], config: Mapping[str, Any]) -> list[Any]:
    """The inverse of `nested`; None where nothing is."""
    values = []
    for parameter in parameters:
        inner: Any = config
        for key in parameter.path:
            inner = inner.get(key) if isinstance(inner, dict) else None
        values.append(inner)
    return values


def varied(parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """Those that have more than one value."""
    return tuple(
        one for one in parameters if not (isinstance(one.distribution, Choice) and len(one.distribution.values) == 1)
    )
