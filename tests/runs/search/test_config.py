from __future__ import annotations

import itertools
from typing import Any

import pytest

from runs.search.config import (
    config_from_yaml,
    config_to_yaml,
    grid_point,
    grid_size,
    nested,
    sweep_config,
    values_of,
)
from runs.search.space import BadSweep

GRID = {
    "method": "grid",
    "parameters": {
        "bs": {"values": [16, 32]},
        "folds": {"value": 3},
        "layers": {"min": 1, "max": 3},
        "opt": {"parameters": {"name": {"values": ["adam", "sgd"]}, "lr": {"values": [0.1, 0.01]}}},
        "drop": {"distribution": "q_uniform", "min": 0.1, "max": 0.3, "q": 0.1},
    },
}


def test_a_grid_has_every_combination_once_the_last_parameter_changing_fastest() -> None:
    parameters = sweep_config(GRID).parameters
    points = [grid_point(parameters, number) for number in range(grid_size(parameters))]
    assert points == [
        list(point)
        for point in itertools.product([16, 32], [3], [1, 2, 3], ["adam", "sgd"], [0.1, 0.01], [0.1, 0.2, 0.3])
    ]


def test_nested_parameters_come_as_nested_values_and_are_read_back() -> None:
    parameters = sweep_config(GRID).parameters
    values = grid_point(parameters, 7)
    config = nested(parameters, values)
    assert config == {"bs": 16, "folds": 3, "layers": 1, "opt": {"name": "sgd", "lr": 0.1}, "drop": 0.2}
    assert values_of(parameters, config) == values
    assert values_of(parameters, {"opt": 3}) == [None] * 6


def test_a_grid_may_be_larger_than_anything_held_in_memory() -> None:
    parameters = sweep_config(
        {"method": "grid", "parameters": {name: {"min": 0, "max": 2**40} for name in "abcd"}}
    ).parameters
    assert grid_size(parameters) == (2**40 + 1) ** 4
    assert grid_point(parameters, 2**40 + 2) == [0, 0, 1, 1]


def test_yaml_comes_back_as_it_went() -> None:
    text = config_to_yaml(GRID)
    assert config_from_yaml(text) == GRID
    assert list(config_from_yaml(text)["parameters"]) == list(GRID["parameters"])


def test_aliases_are_spread_out_and_dates_are_text() -> None:
    found = config_from_yaml("a: &l [1, 2]\nb: *l\nday: 2026-01-02\n")
    assert found == {"a": [1, 2], "b": [1, 2], "day": "2026-01-02"}


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in itertools.pairwise("abcdefghi")
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "a: &a [*a]",
        "[" * 5000,
        "x: " + "{y: " * 400 + "1" + "}" * 400,
        "- 1",
        "",
        "a: [",
        "1: 2",
        "a: !!set {b}",
        'a: "\\0"',
        '"\\ud83d": 1',
        "a: !!binary aGk=",
        "a: !!python/object/apply:os.system [ls]",
        "a: " + "9" * 5000,
        "a: " + "x" * 300_000,
    ],
)
def test_yaml_that_is_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(BadSweep):
        config_from_yaml(text)


def with_(**said: Any) -> dict[str, Any]:
    return {"method": "random", "parameters": {"a": {"value": 1}}} | said


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (with_(method="evolution"), "method is one of grid, random, bayes"),
        (with_(method=[]), "method is one of"),
        (with_(parameters={}), "at least one parameter"),
        (with_(parameters=[1]), "at least one parameter"),
        (with_(parameters={"a": 1}), "parameter a: a mapping"),
        (with_(parameters={"a": {"parameters": {"b": {}}}}), "parameter a.b: has a value"),
        (with_(parameters={f"p{i}": {"value": 1} for i in range(1001)}), "at most 1000 parameters"),
        (with_(method="bayes"), "metric needs a name"),
        (with_(metric="loss"), "metric has a name"),
        (with_(metric={"name": ""}), "metric has a name"),
        (with_(metric={"name": "loss", "goal": "up"}), "goal is one of minimize, maximize"),
        (with_(run_cap=0), "run_cap is a whole number"),
        (with_(run_cap=True), "run_cap is a whole number"),
        (with_(early_terminate={"type": "hyperband", "min_iter": 1}), "metric needs a name"),
        (with_(metric={"name": "x"}, early_terminate={"type": "median"}), "type is hyperband"),
        (with_(metric={"name": "x"}, early_terminate={"type": "hyperband"}), "min_iter or max_iter"),
        (with_(metric={"name": "x"}, early_terminate={"type": "hyperband", "min_iter": 0}), "min_iter is a whole"),
        (
            with_(metric={"name": "x"}, early_terminate={"type": "hyperband", "min_iter": 1, "eta": 1}),
            "eta is a number",
        ),
        (with_(metric={"name": "x"}, early_terminate={"type": "hyperband", "max_iter": 2, "s": 2}), "no iteration"),
        (with_(method="grid", parameters={"a": {"min": 0.0, "max": 1.0}}), "parameter a: .*a grid needs values"),
        (with_(method="grid", parameters={"a": {"mu": 0, "sigma": 1}}), "a grid needs values"),
    ],
)
def test_a_configuration_that_means_nothing_is_refused_with_a_word(config: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadSweep, match=problem):
        sweep_config(config)
