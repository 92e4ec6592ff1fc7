"""The next point by what earlier ones gave: optuna's TPE, rebuilt from the kept trials each time. Pure functions."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runs.search.config import varied
from runs.search.space import Choice, Integers, Parameter, drawn

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


@dataclass(frozen=True, slots=True)
class Outcome:
    """`values` in the order of the parameters. `objective` is None where there is none: to come while `going_on`."""

    values: list[Any]
    objective: float | None
    going_on: bool


def suggested(parameters: tuple[Parameter, ...], past: Sequence[Outcome], *, maximize: bool, seed: str) -> list[Any]:
    """A value of each parameter; the same past and seed suggest the same. Costs in proportion to the past."""
    searched = varied(parameters)
    if not searched:
        return drawn(parameters, seed)
    import optuna  # a second, and memory, that only those who search pay

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = {str(place): _space(parameter) for place, parameter in enumerate(parameters) if parameter in searched}
    # Points that others try just now count as bad ones, so that agents at work at once do not try the same.
    sampler = optuna.samplers.TPESampler(seed=zlib.crc32(seed.encode()), constant_liar=True)
    study = optuna.create_study(sampler=sampler, direction="maximize" if maximize else "minimize")
    study.add_trials([trial for outcome in past if (trial := _trial(parameters, space, outcome)) is not None])
    found = study.ask(space).params
    return [
        _value(parameter, found[str(place)]) if str(place) in found else drawn([parameter], seed)[0]
        for place, parameter in enumerate(parameters)
    ]


def _space(parameter: Parameter) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match parameter.distribution:
        case Choice(values=values):
            return CategoricalDistribution(tuple(range(len(values))))
        case Integers(low=low, high=high):
            return IntDistribution(low, high)
        case numbers:
            return FloatDistribution(numbers.low, numbers.high)


def _value(parameter: Parameter, found: Any) -> Any:
    match parameter.distribution:
        case Choice() as choice:
            return choice.at(found)
        case Integers():
            return int(found)
        case numbers:
            return numbers.value(found)


def _place(parameter: Parameter, value: Any) -> Any:
    """None for a value that the distribution, changed meanwhile, does not know."""
    if isinstance(parameter.distribution, Integers):
        inside = type(value) is int and parameter.distribution.low <= value <= parameter.distribution.high
        return value if inside else None
    return parameter.distribution.place(value)


def _trial(
    parameters: tuple[Parameter, ...], space: dict[str, BaseDistribution], outcome: Outcome
) -> FrozenTrial | None:
    from optuna.trial import TrialState, create_trial

    if outcome.objective is None and not outcome.going_on:
        return None
    places = {key: _place(parameters[int(key)], outcome.values[int(key)]) for key in space}
    if any(place is None for place in places.values()):
        return None
    if outcome.objective is None:
        return create_trial(state=TrialState.RUNNING, params=places, distributions=space)
    return create_trial(value=outcome.objective, params=places, distributions=space)
