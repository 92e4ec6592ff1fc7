"""Numbers as people read them: a value by its significant digits, a mean by the digits of its error."""

from __future__ import annotations

import math

from django import template

register = template.Library()

_DIGITS = 4  # significant, of a number that has no error
_ERROR_DIGITS = 2
_PLAIN = (1e-4, 1e6)  # outside of these a power of ten is drawn out
_MAX_DECIMALS = 8
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@register.filter
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


def measured(mean: float, deviation: float) -> tuple[str, str, str]:
    """Mean and deviation to two significant digits of the latter, and what both are multiplied by ("" or "×10⁻⁷").

    `deviation` is finite and not negative.
    """
    if deviation == 0 or not math.isfinite(mean):
        return number(mean), number(deviation), ""
    largest = max(abs(mean), deviation)
    power = 0 if _PLAIN[0] <= largest < _PLAIN[1] else _exponent(largest)
    # In two steps: ten to the power itself may lie outside of what a float holds.
    mean, deviation = _shifted(mean, -power), _shifted(deviation, -power)
    # Rounded first: 0.0996 has the digits 0.10, not 0.100.
    rounded = float(f"{deviation:.{_ERROR_DIGITS - 1}e}")
    decimals = max(0, _ERROR_DIGITS - 1 - _exponent(rounded))
    times = f"×10{str(power).translate(_SUPERSCRIPT)}" if power else ""
    if decimals > _MAX_DECIMALS:
        return _stripped(f"{mean:.{_MAX_DECIMALS}f}"), number(rounded), times
    return f"{mean:.{decimals}f}", f"{rounded:.{decimals}f}", times


def _exponent(value: float) -> int:
    """Of ten, as in scientific notation; logarithms err at the powers of ten themselves."""
    return int(f"{value:e}".split("e")[1])


def _shifted(value: float, power: int) -> float:
    half = power // 2
    return value * 10.0**half * 10.0 ** (power - half)


def _stripped(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
