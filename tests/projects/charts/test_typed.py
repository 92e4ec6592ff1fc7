import math

import numpy as np
import pytest

from projects.charts.typed import FEW, drawn_dtype, told_dtype, typed
from tests.projects.charts.curves import decoded

NAN = math.nan


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([0, 1, 127], "i1"),
        ([0, 255], "u1"),
        ([-1, 255], "i2"),
        ([0, 65535], "u2"),
        ([0, 1e6], "i4"),
        ([0, 4e9], "u4"),
        ([7.5, 23.5], "f4"),
        ([1, NAN], "f4"),
        ([0.1, 0.2], "f8"),
        ([1.7e12, 1.7e12 + 1], "f8"),
        ([], "i1"),
    ],
)
def test_numbers_travel_in_the_smallest_type_that_holds_them(values: list[float], dtype: str) -> None:
    made = typed(np.array(values, dtype=np.float64))
    assert made["dtype"] == dtype
    np.testing.assert_array_equal(decoded(made).astype(np.float64), values)


def test_few_values_are_kept_to_the_last_bit() -> None:
    assert drawn_dtype([np.random.default_rng(1).normal(size=FEW)]) == "f8"


def test_many_values_are_float32_unless_that_would_show() -> None:
    noise = np.random.default_rng(1).normal(size=FEW + 1)
    assert drawn_dtype([noise, np.array([NAN])]) == "f4"
    assert drawn_dtype([noise + 1e9]) == "f8", "far from zero, their differences are lost"
    assert drawn_dtype([noise * 1e300]) == "f8"
    assert drawn_dtype([np.full(FEW + 1, 0.1)]) == "f8"
    assert drawn_dtype([np.full(FEW + 1, NAN)]) == "f8"
    assert drawn_dtype([noise, np.array([-1e308, 1e308])]) == "f8", "float64 can't hold the range"


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([], "f4"), ([0, 20, NAN], "f4"), ([0.1, -3e38], "f4"), ([0.1, 4e38], "f8"), ([0.1, 1e-60], "f8")],
)
def test_numbers_to_be_read_are_float32_where_it_holds_them(values: list[float], dtype: str) -> None:
    assert told_dtype(np.array(values, dtype=np.float64)) == dtype
