from __future__ import annotations

import math

import pytest

from runs.search.bayes import Outcome, suggested
from runs.search.config import sweep_config
from runs.search.space import drawn

CONFIG = sweep_config(
    {
        "method": "bayes",
        "metric": {"name": "loss"},
        "parameters": {
            "x": {"min": -5.0, "max": 5.0},
            "kind": {"values": ["good", "bad", [1]]},
            "n": {"min": 1, "max": 8},
            "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1.0},
            "epochs": {"value": 3},
        },
    }
)


def loss(values: list) -> float:
    x, kind, n, lr, _ = values
    return (x - 2) ** 2 + (kind != "good") * 5 + abs(n - 4) + math.log10(lr / 1e-3) ** 2


@pytest.mark.parametrize("maximize", [False, True])
def test_a_search_finds_what_chance_does_not(maximize: bool) -> None:
    """The mean of the last ten of sixty: a sampler that learned is well below one that did not."""
    sign = -1 if maximize else 1
    past: list[Outcome] = []
    for number in range(60):
        values = suggested(CONFIG.parameters, past, maximize=maximize, seed=str(number))
        assert values[4] == 3
        past.append(Outcome(values, sign * loss(values), going_on=False))
    by_chance = [loss(drawn(CONFIG.parameters, str(number))) for number in range(60)]
    assert sum(sign * outcome.objective for outcome in past[-10:]) / 10 < sum(by_chance) / 60 / 2


def test_the_same_past_and_seed_suggest_the_same() -> None:
    past = [
        Outcome(values, loss(values), going_on=False)
        for values in (drawn(CONFIG.parameters, str(number)) for number in range(30))
    ]
    first = suggested(CONFIG.parameters, past, maximize=False, seed="a")
    assert first == suggested(CONFIG.parameters, past, maximize=False, seed="a")
    assert first != suggested(CONFIG.parameters, past, maximize=False, seed="b")


def test_runs_without_a_value_and_points_outside_the_space_do_no_harm() -> None:
    strange = [
        Outcome([1.0, "good", 3, 0.1, 3], None, going_on=True),
        Outcome([1.0, "good", 3, 0.1, 3], None, going_on=False),
        Outcome([1.0, "unknown", 3, 0.1, 3], 1.0, going_on=False),
        Outcome([None, None, None, None, None], 1.0, going_on=False),
        Outcome([99.0, "bad", 4, -1, 3], 1.0, going_on=False),
        Outcome([1.0, "bad", 400, 1.0, 3], 1.0, going_on=False),
    ]
    values = suggested(CONFIG.parameters, strange * 10, maximize=False, seed="a")
    assert -5 <= values[0] <= 5
    assert values[1] in ["good", "bad", [1]]


def test_constants_alone_need_no_search() -> None:
    config = sweep_config({"method": "bayes", "metric": {"name": "loss"}, "parameters": {"a": {"value": [1]}}})
    assert suggested(config.parameters, [], maximize=False, seed="a") == [[1]]
