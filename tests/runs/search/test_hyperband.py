from __future__ import annotations

import math

import numpy as np
import pytest

from runs.search.hyperband import Hyperband, best_at, hyperband_from, stopped


@pytest.mark.parametrize(
    ("said", "rungs"),
    [
        ({"min_iter": 3}, (3, 9, 27, 81)),
        ({"min_iter": 4, "eta": 2}, (4, 8, 16, 32)),
        ({"max_iter": 27, "s": 2}, (3, 9)),
        ({"max_iter": 27}, (1, 3, 9)),
        ({"max_iter": 100, "s": 3, "eta": 2}, (12, 25, 50)),
        ({"min_iter": 1, "eta": 1.5}, (1, 2, 3, 5)),
    ],
)
def test_rungs_are_those_of_the_clients_documentation(said: dict[str, float], rungs: tuple[int, ...]) -> None:
    assert hyperband_from({"type": "hyperband", **said}).rungs[:4] == rungs


def test_a_run_is_worth_the_best_of_its_first_values() -> None:
    values = np.array([5.0, math.nan, 3.0, 4.0, -math.inf, 1.0])
    assert best_at(values, [1, 2, 3, 5, 6, 7], maximize=False) == [5, 5, 3, 3, 1]
    assert best_at(values, [1, 4, 6], maximize=True) == [5, 5, 5]
    assert math.isnan(best_at(np.array([math.nan]), [1], maximize=False)[0])
    assert best_at(np.array([]), [1], maximize=False) == []


REACHED = {
    "best": [1.0, 0.5],
    "good": [2.0, 0.9],
    "late": [3.0, 0.1],
    "new": [4.0],
    "bad": [5.0],
    "nan": [math.nan],
}


def test_of_those_at_a_rung_the_best_third_goes_on() -> None:
    band = Hyperband((3, 9), eta=3)
    assert stopped(band, REACHED, maximize=False) == {"new", "bad", "nan", "best", "good"}


def test_a_run_that_came_further_is_judged_there_alone() -> None:
    """`late` was third of six at the first rung and is the first of three at the second."""
    assert "late" not in stopped(Hyperband((3, 9), eta=3), REACHED, maximize=False)


def test_strictly_a_run_is_judged_at_every_rung() -> None:
    band = Hyperband((3, 9), eta=3, strict=True)
    assert stopped(band, REACHED, maximize=False) == {"late", "new", "bad", "nan", "best", "good"}
    band = Hyperband((3, 9), eta=2, strict=True)
    assert stopped(band, {"a": [1.0], "b": [2.0]}, maximize=False) == {"b"}
    assert stopped(band, {"a": [1.0], "b": [2.0]}, maximize=True) == {"a"}


def test_nobody_is_judged_alone_and_equals_go_on() -> None:
    band = Hyperband((3, 9), eta=3)
    assert stopped(band, {}, maximize=False) == set()
    assert stopped(band, {"a": [1.0], "b": [2.0]}, maximize=False) == set()
    assert stopped(Hyperband((3,), strict=True), {"a": [math.nan]}, maximize=False) == set()
    assert stopped(band, {key: [1.0] for key in "abc"}, maximize=False) == set()
    assert stopped(band, {key: [math.nan] for key in "abc"}, maximize=False) == set("abc")
