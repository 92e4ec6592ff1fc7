"""What one parameter of a sweep may be: kinds of distributions, each to draw from, to list, and to hand to a sampler.

The kinds and their names are those of the client's documentation. Pure functions.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Any, TypeAlias


class BadSweep(ValueError):
    """A configuration that means nothing; the text is for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a list, each as likely as its weight says; a constant is a list of one."""

    values: tuple[Any, ...]
    weights: tuple[float, ...] | None = None

    def draw(self, rng: random.Random) -> Any:
        return rng.choices(self.values, self.weights)[0]

    @property
    def size(self) -> int:
        return len(self.values)

    def at(self, index: int) -> Any:
        return self.values[index]

    def place(self, value: Any) -> int | None:
        """The index of a value, told apart by type as JSON does; None when it is none of these."""
        texts = [json.dumps(own, sort_keys=True) for own in self.values]
        text = json.dumps(value, sort_keys=True)
        return texts.index(text) if text in texts else None


@dataclass(frozen=True, slots=True)
class Integers:
    """low ≤ value ≤ high, all as likely."""

    low: int
    high: int

    def draw(self, rng: random.Random) -> int:
        return rng.randint(self.low, self.high)

    @property
    def size(self) -> int:
        return self.high - self.low + 1

    def at(self, index: int) -> int:
        return self.low + index


@dataclass(frozen=True, slots=True)
class Numbers:
    """`forward` of a place that is uniform in low ≤ place ≤ high, rounded to multiples of `step`.

    Samplers work with places, so that a logarithm or a bell curve is none of their business.
    """

    low: float
    high: float
    forward: Callable[[float], float]
    backward: Callable[[float], float]
    step: float | None = None
    draws: Callable[[random.Random], float] | None = None  # where `forward` alone does not give the distribution
    listable: bool = False  # its multiples of `step` can be listed

    def draw(self, rng: random.Random) -> float:
        return self._rounded(self.draws(rng)) if self.draws else self.value(rng.uniform(self.low, self.high))

    def value(self, place: float) -> float:
        return self._rounded(self.forward(place))

    def place(self, value: Any) -> float | None:
        """Where a value was drawn from, or the nearest; None for what is no number."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        try:
            return min(max(self.backward(value), self.low), self.high)
        except (ValueError, OverflowError):
            return self.low

    @property
    def size(self) -> int:
        if self.step is None or not self.listable:
            raise BadSweep("has endless values")
        return math.floor((self.high - self.low) / self.step + 1e-9) + 1

    def at(self, index: int) -> float:
        assert self.step is not None
        return self._rounded(self.low + index * self.step)

    def _rounded(self, value: float) -> float:
        if self.step is None:
            return value
        # In decimals, so that 3 × 0.1 is 0.3; multiples of a whole number are whole.
        step = Decimal(repr(self.step))
        rounded = step * round(value / self.step)
        return int(rounded) if step == int(step) else float(rounded)


Distribution: TypeAlias = Choice | Integers | Numbers


@dataclass(frozen=True, slots=True)
class Parameter:
    """`path`: its keys from the outermost one on."""

    path: tuple[str, ...]
    distribution: Distribution

    def __str__(self) -> str:
        return ".".join(self.path)


def distribution_from(said: Mapping[str, Any]) -> Distribution:
    """The distribution a parameter's entry describes. Raises BadSweep."""
    kind = said.get("distribution") or _kind(said)
    if not isinstance(kind, str) or kind not in DISTRIBUTIONS:
        raise BadSweep(f"distribution is one of {', '.join(DISTRIBUTIONS)}")
    return DISTRIBUTIONS[kind](said)


def _kind(said: Mapping[str, Any]) -> str:
    if "value" in said:
        return "constant"
    if "values" in said:
        return "categorical"
    if "min" in said and "max" in said:
        whole = type(said["min"]) is int and type(said["max"]) is int
        return "int_uniform" if whole else "uniform"
    if "mu" in said or "sigma" in said:
        return "normal"
    raise BadSweep("has a value, values, or min and max")


def _constant(said: Mapping[str, Any]) -> Choice:
    if "value" not in said:
        raise BadSweep("constant needs a value")
    return Choice((said["value"],))


def _categorical(said: Mapping[str, Any]) -> Choice:
    values = said.get("values")
    if not isinstance(values, list) or not values:
        raise BadSweep("values is a list with at least one value")
    weights = said.get("probabilities", said.get("probability"))
    if weights is None:
        return Choice(tuple(values))
    if not isinstance(weights, list) or len(weights) != len(values):
        raise BadSweep("probabilities is a list, one number for each value")
    numbers = tuple(_finite(weight, "probabilities") for weight in weights)
    if min(numbers) < 0 or abs(sum(numbers) - 1) > 1e-6:
        raise BadSweep("probabilities are not negative and add up to 1")
    return Choice(tuple(values), numbers)


def _int_uniform(said: Mapping[str, Any]) -> Integers:
    low, high = _range(said)
    if low != int(low) or high != int(high) or max(abs(low), abs(high)) > 2**53:
        raise BadSweep("int_uniform has whole numbers as min and max")
    return Integers(int(low), int(high))


def _uniform(said: Mapping[str, Any]) -> Numbers:
    return Numbers(*_range(said), float, float, listable=True)


def _log_uniform(said: Mapping[str, Any]) -> Numbers:
    """min and max are natural logarithms."""
    low, high = _range(said)
    _exp(high)
    return Numbers(low, high, math.exp, math.log)


def _log_uniform_values(said: Mapping[str, Any]) -> Numbers:
    low, high = _range(said)
    if low <= 0:
        raise BadSweep("min is greater than 0")
    return Numbers(math.log(low), math.log(high), lambda place: min(max(math.exp(place), low), high), math.log)


def _inv_log_uniform(said: Mapping[str, Any]) -> Numbers:
    """The logarithm of 1/x is uniform between min and max."""
    low, high = _range(said)
    _exp(-low)
    return Numbers(low, high, lambda place: math.exp(-place), lambda value: -math.log(value))


_INSIDE = 1e-9  # the ends of a bell curve are infinite


def _normal(said: Mapping[str, Any]) -> Numbers:
    bell = _bell(said)
    return Numbers(_INSIDE, 1 - _INSIDE, bell.inv_cdf, bell.cdf)


def _log_normal(said: Mapping[str, Any]) -> Numbers:
    bell = _bell(said)
    _exp(bell.inv_cdf(1 - _INSIDE))
    return Numbers(
        _INSIDE, 1 - _INSIDE, lambda place: math.exp(bell.inv_cdf(place)), lambda value: bell.cdf(math.log(value))
    )


def _beta(said: Mapping[str, Any]) -> Numbers:
    a, b = _number(said, "a"), _number(said, "b")
    if a <= 0 or b <= 0:
        raise BadSweep("a and b are greater than 0")
    return Numbers(0.0, 1.0, float, float, draws=lambda rng: rng.betavariate(a, b))


def _stepped(kind: Callable[[Mapping[str, Any]], Numbers]) -> Callable[[Mapping[str, Any]], Numbers]:
    def stepped(said: Mapping[str, Any]) -> Numbers:
        plain, step = kind(said), _number(said, "q", 1)
        if step <= 0:
            raise BadSweep("q is greater than 0")
        return Numbers(plain.low, plain.high, plain.forward, plain.backward, step, plain.draws, plain.listable)

    return stepped


DISTRIBUTIONS: dict[str, Callable[[Mapping[str, Any]], Distribution]] = {
    "constant": _constant,
    "categorical": _categorical,
    "categorical_w_probabilities": _categorical,
    "int_uniform": _int_uniform,
    "uniform": _uniform,
    "q_uniform": _stepped(_uniform),
    "log_uniform": _log_uniform,
    "q_log_uniform": _stepped(_log_uniform),
    "log_uniform_values": _log_uniform_values,
    "q_log_uniform_values": _stepped(_log_uniform_values),
    "inv_log_uniform": _inv_log_uniform,
    "inv_log_uniform_values": _log_uniform_values,  # log(1/x) is uniform when log(x) is
    "normal": _normal,
    "q_normal": _stepped(_normal),
    "log_normal": _log_normal,
    "q_log_normal": _stepped(_log_normal),
    "beta": _beta,
    "q_beta": _stepped(_beta),
}


def _bell(said: Mapping[str, Any]) -> NormalDist:
    sigma = _number(said, "sigma", 1)
    if sigma <= 0:
        raise BadSweep("sigma is greater than 0")
    return NormalDist(_number(said, "mu", 0), sigma)


def _range(said: Mapping[str, Any]) -> tuple[float, float]:
    low, high = _number(said, "min"), _number(said, "max")
    if low > high:
        raise BadSweep("min is at most max")
    if not math.isfinite(high - low):
        raise BadSweep("min and max are too far apart")
    return low, high


def _number(said: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value = said.get(name, default)
    if value is None:
        raise BadSweep(f"needs {name}")
    return _finite(value, name)


def _finite(value: Any, name: str) -> float:
    """YAML takes 1e-3 for a text: a number all the same where only a number can stand."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise BadSweep(f"{name} is a number")
    return number


def _exp(place: float) -> None:
    try:
        math.exp(place)
    except OverflowError:
        raise BadSweep("min and max are natural logarithms: these are out of reach") from None


def drawn(parameters: Sequence[Parameter], seed: str) -> list[Any]:
    """A value of each parameter; the same seed draws the same."""
    rng = random.Random(seed)
    return [parameter.distribution.draw(rng) for parameter in parameters]
