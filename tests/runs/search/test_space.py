"""Every distribution of the client's documentation is drawn from as it says."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.search.space import DISTRIBUTIONS, BadSweep, Choice, Integers, Numbers, Parameter, distribution_from, drawn

DRAWS = 4000


def draws(**said: Any) -> list[Any]:
    distribution, rng = distribution_from(said), random.Random(7)
    return [distribution.draw(rng) for _ in range(DRAWS)]


@pytest.mark.parametrize(
    ("said", "quartiles"),
    [
        ({"min": 2.0, "max": 4.0}, [2.5, 3, 3.5]),
        ({"distribution": "uniform", "min": 0, "max": 1}, [0.25, 0.5, 0.75]),
        ({"distribution": "log_uniform", "min": math.log(1), "max": math.log(16)}, [2, 4, 8]),
        ({"distribution": "log_uniform_values", "min": 1, "max": 16}, [2, 4, 8]),
        ({"distribution": "log_uniform_values", "min": "1e-4", "max": 1}, [1e-3, 1e-2, 1e-1]),
        ({"distribution": "inv_log_uniform", "min": -math.log(16), "max": -math.log(1)}, [2, 4, 8]),
        ({"distribution": "inv_log_uniform_values", "min": 1, "max": 16}, [2, 4, 8]),
        ({"mu": 10, "sigma": 2}, [10 - 0.6745 * 2, 10, 10 + 0.6745 * 2]),
        ({"distribution": "normal"}, [-0.6745, 0, 0.6745]),
        ({"distribution": "log_normal", "mu": 1, "sigma": 0.5}, [math.exp(1 + z * 0.5) for z in (-0.6745, 0, 0.6745)]),
        ({"distribution": "beta", "a": 2, "b": 2}, [0.3264, 0.5, 0.6736]),
    ],
)
def test_numbers_lie_as_their_distribution_says(said: dict[str, Any], quartiles: list[float]) -> None:
    found = draws(**said)
    share = [np.mean(np.array(found) < quartile) for quartile in quartiles]
    assert share == pytest.approx([0.25, 0.5, 0.75], abs=0.04)


@pytest.mark.parametrize(
    ("said", "values"),
    [
        ({"distribution": "q_uniform", "min": 0.1, "max": 0.5, "q": 0.1}, {0.1, 0.2, 0.3, 0.4, 0.5}),
        ({"distribution": "q_uniform", "min": 8, "max": 24, "q": 8}, {8, 16, 24}),
        ({"distribution": "q_log_uniform_values", "min": 16, "max": 64, "q": 16}, {16, 32, 48, 64}),
        ({"distribution": "q_log_uniform", "min": 0, "max": math.log(3)}, {1, 2, 3}),
        ({"distribution": "q_normal", "mu": 0, "sigma": 0.5, "q": 1}, {-2, -1, 0, 1, 2}),
        ({"distribution": "q_log_normal", "mu": 0, "sigma": 0.3}, {0, 1, 2}),
        ({"distribution": "q_beta", "a": 1, "b": 1, "q": 0.5}, {0, 0.5, 1}),
        ({"min": 3, "max": 5}, {3, 4, 5}),
        ({"distribution": "int_uniform", "min": 3, "max": 5}, {3, 4, 5}),
        ({"value": [1, {"x": None}]}, None),
        ({"values": ["a", 1, True, None]}, {"a", 1, None}),
    ],
)
def test_values_that_are_few_are_all_drawn_and_no_others(said: dict[str, Any], values: set[Any] | None) -> None:
    found = draws(**said)
    if values is None:
        assert found == [said["value"]] * DRAWS
    else:
        assert set(found) == values


def test_values_come_as_often_as_their_probabilities_say() -> None:
    found = draws(values=["rare", "often", "never"], probabilities=[0.1, 0.9, 0])
    assert set(found) == {"rare", "often"}
    assert found.count("rare") / DRAWS == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(
    "kind", sorted(set(DISTRIBUTIONS) - {"constant", "categorical", "categorical_w_probabilities"})
)
def test_a_value_is_found_again_at_its_place(kind: str) -> None:
    said = {"distribution": kind, "min": 1, "max": 9, "mu": 1, "sigma": 2, "a": 2, "b": 3, "q": 0.5}
    distribution = distribution_from(said)
    for value in draws(**said)[:200]:
        if isinstance(distribution, Numbers):
            place = distribution.place(value)
            assert place is not None
            # The ends of the range round to multiples that lie beyond it.
            near = distribution.step or 0
            assert distribution.value(place) == pytest.approx(value, rel=1e-6, abs=near + 1e-9)
        else:
            assert isinstance(distribution, Integers)


def test_a_choice_tells_values_apart_by_type() -> None:
    choice = Choice((1, True, "1", [1], None))
    assert [choice.place(value) for value in (1, True, "1", [1], None, 2)] == [0, 1, 2, 3, 4, None]


def test_the_same_seed_draws_the_same() -> None:
    parameters = [Parameter((name,), distribution_from({"min": 0.0, "max": 1.0})) for name in "ab"]
    assert drawn(parameters, "x") == drawn(parameters, "x") != drawn(parameters, "y")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({}, "has a value, values, or min and max"),
        ({"distribution": "zipf"}, "distribution is one of"),
        ({"distribution": ["uniform"]}, "distribution is one of"),
        ({"distribution": "uniform", "min": 0}, "needs max"),
        ({"min": 2.0, "max": 1.0}, "min is at most max"),
        ({"min": "low", "max": 1}, "min is a number"),
        ({"min": math.nan, "max": 1}, "min is a number"),
        ({"min": 0, "max": math.inf}, "max is a number"),
        ({"min": True, "max": 3}, "min is a number"),
        ({"min": -1e308, "max": 1e308}, "too far apart"),
        ({"distribution": "int_uniform", "min": 0.5, "max": 1}, "whole numbers"),
        ({"distribution": "int_uniform", "min": 0, "max": 10**400}, "max is a number"),
        ({"distribution": "log_uniform", "min": 0, "max": 10000}, "out of reach"),
        ({"distribution": "log_uniform_values", "min": 0, "max": 1}, "greater than 0"),
        ({"distribution": "normal", "sigma": 0}, "sigma is greater than 0"),
        ({"distribution": "beta", "a": 0, "b": 1}, "greater than 0"),
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0}, "q is greater than 0"),
        ({"distribution": "constant"}, "needs a value"),
        ({"values": []}, "at least one value"),
        ({"values": "abc"}, "at least one value"),
        ({"values": [1, 2], "probabilities": [1]}, "one number for each value"),
        ({"values": [1, 2], "probabilities": [0.5, 0.6]}, "add up to 1"),
        ({"values": [1, 2], "probabilities": [-1, 2]}, "not negative"),
    ],
)
def test_what_means_nothing_is_refused_with_a_word(said: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadSweep, match=problem):
        distribution_from(said)


_ANY = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(0, 3)))
_KEYS = ["min", "max", "mu", "sigma", "a", "b", "q", "value", "values", "probabilities"]


@given(st.dictionaries(st.sampled_from(_KEYS), _ANY), st.sampled_from([None, *DISTRIBUTIONS]))
def test_whatever_is_said_is_refused_or_can_be_drawn_from(said: dict[str, Any], kind: str | None) -> None:
    try:
        distribution = distribution_from(said | ({"distribution": kind} if kind else {}))
    except BadSweep:
        return
    distribution.draw(random.Random(1))
