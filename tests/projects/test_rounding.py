import math

import pytest

from projects.rounding import measured, number, stated


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.97123, "0.9712"),
        (0.966, "0.966"),
        (0.1 + 0.2, "0.3"),
        (12345.678, "12346"),
        (123456789.0, "123456789"),
        (-3.0, "-3"),
        (0.0, "0"),
        (99999.96, "100000"),
        (1.5e-7, "1.5e-7"),
        (2.34567e12, "2.346e12"),
        (5e-324, "4.941e-324"),
        (math.nan, "NaN"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
        (None, ""),
    ],
)
def test_a_number_shows_four_significant_digits(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("mean", "deviation", "shown"),
    [
        (0.97123, 0.00612, ("0.9712", "0.0061", "")),
        (0.5, 0.0996, ("0.50", "0.10", "")),
        (0.5, 0.00999, ("0.500", "0.010", "")),
        (12345.6, 120.3, ("12346", "120", "")),
        (0.25, 0.0, ("0.25", "0", "")),
        (1.234e-7, 5.6e-9, ("1.234", "0.056", "×10⁻⁷")),
        (3.2e9, 4.1e8, ("3.20", "0.41", "×10⁹")),
        (0.5, 1.2e-12, ("0.5", "1.2e-12", "")),
        (0.0, 0.02, ("0.000", "0.020", "")),
        (-1.5, 0.25, ("-1.50", "0.25", "")),
        (2.5e-310, 2e-311, ("2.50", "0.20", "×10⁻³¹⁰")),
    ],
)
def test_a_mean_shows_the_digits_of_its_error(mean: float, deviation: float, shown: tuple[str, str, str]) -> None:
    assert measured(mean, deviation) == shown


@pytest.mark.parametrize(
    ("values", "error", "shown"),
    [
        ((0.5, 0.43, 0.61), 0.09, (("0.500", "0.430", "0.610"), "0.090", 0)),
        ((1.5e8, 1.0e8, 2.0e8), 5e7, (("1.50", "1.00", "2.00"), "0.50", 8)),
        ((0.5, 0.5, 0.5), 0.0, (("0.5", "0.5", "0.5"), "0", 0)),
    ],
)
def test_values_of_one_error_have_its_decimals_and_one_power_of_ten(
    values: tuple[float, ...], error: float, shown: tuple[tuple[str, ...], str, int]
) -> None:
    assert stated(values, error) == shown
