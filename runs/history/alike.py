"""Lines that all have the same keys and nothing but numbers -> a block, without making a dict of each. No database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from runs.history import codec
from runs.history.codec import Ints
from runs.history.tail import Block
from runs.models import Kind

FEWEST = 64  # lines; fewer are sooner read one by one
_WORDS = (8, 4)  # bytes that are compared together; no token is shorter than the last
_QUOTE, _BREAK, _COMMA, _BLANK, _END = b'"\n, }'


def block(lines: Sequence[str], *, stepped: bool) -> Block | None:
    """The block of lines, placed from 0; None unless each of them is surely valid and just like the first.

    All text that is no number is the same in such lines: it is compared, overwritten with blanks, and the numbers are
    read as one JSON list. `stepped`: each has an integer `_step`.
    """
    keys = _keys(lines[0])
    if keys is None or (stepped and "_step" not in keys):
        return None
    try:
        data = bytearray("\n".join(lines), "utf-8")
    except UnicodeEncodeError:
        return None
    if b"\\" in data or not _blanked(data, len(lines), _tokens(lines[0], keys)):
        return None
    if b"u" in data or b"l" in data or b"{" in data or data.find(b"[", 1) > 0:  # true, false, null, objects, lists
        return None
    try:
        values = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if len(values) != len(lines) * len(keys):
        return None
    if stepped and set(map(type, values[keys.index("_step") :: len(keys)])) != {int}:
        return None
    numbers = np.fromiter(values, np.float64, len(values)).reshape(len(lines), len(keys))
    if (np.abs(numbers) >= codec.EXACT).any():  # there may be integers that float64 can't tell
        return None
    names = "\0".join(("", *keys, "")).encode()
    places = codec.ramp(0, 1, len(lines))
    return Block(names, bytes([Kind.NUMBER]) * len(keys), places, np.ascontiguousarray(numbers.T), {})


def _keys(line: str) -> list[str] | None:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return list(row) if isinstance(row, dict) and row else None


def _tokens(line: str, keys: Sequence[str]) -> list[bytes] | None:
    """What stands before each value, from `{` or `,` to the colon; None where a line is written in another way."""
    before, *parts = line.split('"')
    if before != "{" or parts[::2] != keys:
        return None
    tokens = []
    for key, after in zip(keys, parts[1::2], strict=True):
        if after[:1] != ":":
            return None
        tokens.append(f'{before}"{key}":'.encode())
        before = "," + after.rpartition(",")[2]
    return tokens


def _blanked(data: bytearray, lines: int, tokens: Sequence[bytes] | None) -> bool:
    """Whether each line is these tokens with a text before the next; if so they are made a list of these texts."""
    if tokens is None:
        return False
    written = np.frombuffer(data, np.uint8)
    quotes, breaks = np.flatnonzero(written == _QUOTE), np.flatnonzero(written == _BREAK)
    if len(breaks) != lines - 1 or len(quotes) != lines * len(tokens) * 2:
        return False
    quotes = quotes.reshape(lines, len(tokens), 2)[:, :, 0]
    begins, ends = np.append(0, breaks + 1), np.append(breaks, len(data)) - 1
    if not ((written[ends] == _END).all() and (quotes[:, 0] == begins + 1).all()):
        return False
    size = next(size for size in _WORDS if size <= min(map(len, tokens)))
    covering = [(key, offset) for key, token in enumerate(tokens) for offset in _offsets(token, size)]
    which, offsets = np.array(covering).T
    starts = quotes - np.array([token.index(b'"') for token in tokens])
    places: Ints = starts[:, which] + offsets
    words = np.ndarray(len(data) - size + 1, f"<u{size}", data, strides=(1,))
    if places.max() >= len(words) or (words[places] != _words(tokens, size)).any():
        return False
    blank = [(b"," if key else b" ") + b" " * (len(token) - 1) for key, token in enumerate(tokens)]
    words[places] = _words(blank, size)
    written[breaks], written[ends] = _COMMA, _BLANK
    written[0], written[-1] = b"[]"
    return True


def _offsets(token: bytes, size: int) -> list[int]:
    """Where words begin that cover a token."""
    return [*range(0, len(token) - size, size), len(token) - size]


def _words(tokens: Sequence[bytes], size: int) -> NDArray[Any]:
    """Those that cover each token, one after the other."""
    parts = [token[at : at + size] for token in tokens for at in _offsets(token, size)]
    return np.frombuffer(b"".join(parts), f"<u{size}")
