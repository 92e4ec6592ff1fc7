"""The order people expect of values: 8, 16, 128; fold-2 before fold-10; lr=0.03 before lr=0.1; numbers, then text, then
what is not set.

Done here and not by ORDER BY, so that SQLite and PostgreSQL, whatever their collations, agree.
"""

from __future__ import annotations

import math
import re
from typing import TypeAlias

Order: TypeAlias = tuple[object, ...]

# Decimals and exponents belong to their number (lr=0.01, wd=1e-4), but not where dots part a version (1.10.2).
_NUMBER = re.compile(r"((?<![\d.])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\d.])|\d+)", re.IGNORECASE | re.ASCII)
# Beyond it, texts of one beginning go by their token.
_COMPARED = 500


def natural(token: str | None, text: str) -> Order:
    """Sort key of a typed value (runs.columns: `n:` number, `b:` boolean, `z:` null, others by their text)."""
    if token is None:
        return (9,)
    kind, _, rest = token.partition(":")
    if kind == "z":
        return (8,)
    if kind == "n":
        try:
            number = float(rest)
        except ValueError:  # more digits than a token holds
            number = float(text)
        return (0, 1, 0.0, token) if math.isnan(number) else (0, 0, number, token)
    return (1 if kind == "b" else 2, natural_text(text), token)


def natural_text(text: str) -> tuple[str | float, ...]:
    """Text and numbers in turn, text first."""
    return tuple(
        float(part) if place % 2 else part.casefold() for place, part in enumerate(_NUMBER.split(text[:_COMPARED]))
    )
