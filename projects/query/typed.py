"""Values as a person types them, and as they are offered to be typed.

`0.1` and `NaN` are numbers, `true` and `false` the booleans, `null` null, `[8, 16]` a list and `{"a": 1}` an object;
"…" in quotes is always text; anything else is the text it is.
"""

from __future__ import annotations

import json
import math
from typing import Any

from runs.columns import typed
from runs.models import Kind

_WORDS: dict[str, bool | float | None] = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": math.nan,
    "Infinity": math.inf,
    "-Infinity": -math.inf,
}


def number_from(text: str) -> float | None:
    """The finite number a text stands for; a whole one is exact."""
    if "_" in text:
        return None
    for read in (int, float):
        try:
            number = read(text)
            return number if math.isfinite(number) else None
        except (ValueError, OverflowError):
            continue
    return None


def unquoted(text: str) -> str:
    """What is between the quotes of a quoted text; any other text as it is."""
    return text[1:-1] if _quoted(text) else text


def token_of(text: str) -> str:
    """The token (runs.columns) of the values that a typed text is equal to."""
    try:
        return typed(value_from(text)).token
    except RecursionError:
        return typed(text).token


def text_for(kind: int, text: str) -> str:
    """The inverse of token_of: how to type a value of this kind that is shown as `text`."""
    return f'"{text}"' if kind == Kind.TEXT and (_quoted(text) or value_from(text) is not text) else text


def _quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] == '"'


def value_from(text: str) -> Any:
    """What a text stands for, by its type; a text that stands for itself is returned as it is."""
    if _quoted(text):
        return text[1:-1]
    if text in _WORDS:
        return _WORDS[text]
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    number = number_from(text)
    return text if number is None else number
