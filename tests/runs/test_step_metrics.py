from __future__ import annotations

from typing import Any

import pytest

from runs.step_metrics import defined_for, step_metrics

EPOCH = {"1": "epoch", "6": [3]}


@pytest.mark.parametrize(
    ("defined", "found"),
    [
        ([EPOCH, {"1": "loss", "5": 1, "6": [1, 3]}], {"loss": "epoch"}),
        ([{"1": "copy", "5": 2}, EPOCH, {"2": "val/*", "5": 2}], {"copy": "epoch", "val/*": "epoch", "epoch": ""}),
        ([EPOCH, {"1": "acc", "7": [2]}], {}),
        ([EPOCH, {"2": "val/*", "5": 1}, {"1": "val/acc", "7": [2]}], {"val/*": "epoch", "epoch": "", "val/acc": ""}),
        ([{"1": "a\\.b", "5": 2}, {"1": "n\\.e"}], {"a.b": "n.e"}),
        ([], {}),
        (None, {}),
        ({}, {}),
        (["loss", None, 1, {"1": 3, "5": 1}, {"1": "", "5": 1}, {"2": "*"}], {}),
        ([EPOCH, {"1": "loss", "5": 0}, {"1": "acc", "5": 9}, {"1": "x", "5": True}, {"1": "y", "5": "1"}], {}),
        ([{"2": "val/*", "5": 1}], {}),
    ],
)
def test_definitions_name_their_step_metric_by_its_number(defined: Any, found: dict[str, str]) -> None:
    assert step_metrics({"m": defined} if defined is not None else {}) == found


def test_a_glob_is_a_beginning_and_a_name_is_itself() -> None:
    assert defined_for("val/loss", "val/*")
    assert defined_for("val/loss", "*")
    assert defined_for("val/loss", "val/loss")
    assert not defined_for("val/loss", "val/")
    assert not defined_for("train/loss", "val/*")
