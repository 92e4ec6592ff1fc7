"""Numbers as people read them: a value by its significant digits, a mean by the digits of its error."""

from __future__ import annotations

import math
from collections.abc import Sequence

_DIGITS = 4  # significant, of a number that has no error
_ERROR_DIGITS = 2
_PLAIN = (1e-4, 1e6)  # outside of these a power of ten is drawn out
_MAX_DECIMALS = 8
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None) -> str:
    """ "0.9712", "12345", "1.5e-7"; whole numbers below 10⁹ are never rounded."""
    if value is None:
        return ""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == int(value) and abs(value) < 1e9:
        return str(int(value))
    if not _PLAIN[0] <= abs(value) < _PLAIN[1]:
        mantissa, exponent = f"{value:.{_DIGITS - 1}e}".split("e")
        return f"{_stripped(mantissa)}e{int(exponent)}"
    return _stripped(f"{value:.{max(0, _DIGITS - 1 - _exponent(value))}f}")


def stated(values: Sequence[float], error: float) -> tuple[tuple[str, ...], str, int]:
    """Values and their error, both to the decimals at which the error has two significant digits, and the power of ten
    that all are multiplied by (0 for most).

    The rule of the GUM (JCGM 100:2008, 7.2.6): two digits of an uncertainty usually do, and an estimate is rounded to
    the place of its uncertainty. `error` is not negative; without one, with an infinite one, or beyond 8 decimals, the
    values have their own digits.
    """
    if error == 0 or not all(map(math.isfinite, (error, *values))):
        return tuple(map(number, values)), number(error), 0
    largest = max(error, *map(abs, values))
    power = 0 if _PLAIN[0] <= largest < _PLAIN[1] else _exponent(largest)
    # In two steps: ten to the power itself may lie outside of what a float holds.
    shifted = [_shifted(value, -power) for value in values]
    # Rounded first: 0.0996 has the digits 0.10, not 0.100.
    rounded = float(f"{_shifted(error, -power):.{_ERROR_DIGITS - 1}e}")
    decimals = max(0, _ERROR_DIGITS - 1 - _exponent(rounded))
    if decimals > _MAX_DECIMALS:
        return tuple(_stripped(f"{value:.{_MAX_DECIMALS}f}") for value in shifted), number(rounded), power
    return tuple(f"{value:.{decimals}f}" for value in shifted), f"{rounded:.{decimals}f}", power


def measured(mean: float, deviation: float) -> tuple[str, str, str]:
    """Mean and deviation as `stated`, and what both are multiplied by ("" or "×10⁻⁷")."""
    (shown,), error, power = stated([mean], deviation)
    return shown, error, times(power)


def probability(p: float | None) -> str:
    """ "0.034", "< 0.001"; "–" where there is none."""
    if p is None:
        return "–"
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def times(power: int) -> str:
    return f"×10{str(power).translate(_SUPERSCRIPT)}" if power else ""


def _exponent(value: float) -> int:
    """Of ten, as in scientific notation; logarithms err at the powers of ten themselves."""
    return int(f"{value:e}".split("e")[1])


def _shifted(value: float, power: int) -> float:
    half = power // 2
    return value * 10.0**half * 10.0 ** (power - half)


def _stripped(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
