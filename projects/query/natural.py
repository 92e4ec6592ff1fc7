"""The order people expect of values: 8, 16, 128; fold-2 before fold-10; numbers, then text, then what is not set.

Done here and not by ORDER BY, so that SQLite and PostgreSQL, whatever their collations, agree.
"""

from __future__ import annotations

import math
import re
from typing import TypeAlias

Order: TypeAlias = tuple[object, ...]

_DIGITS = re.compile(r"(\d+)")
# Beyond it, texts of one beginning go by their token. Also keeps int() within its limit on digits.
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
        except ValueError:  # an integer of more digits than a token holds
            number = -math.inf if rest.startswith("-") else math.inf
        return (0, 1, 0.0, token) if math.isnan(number) else (0, 0, number, token)
    return (1 if kind == "b" else 2, natural_text(text), token)


def natural_text(text: str) -> tuple[str | int, ...]:
    """Text and numbers in turn, text first."""
    return tuple(
        int(part) if place % 2 else part.casefold() for place, part in enumerate(_DIGITS.split(text[:_COMPARED]))
    )
