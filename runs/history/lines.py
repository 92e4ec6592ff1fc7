"""Lines as the client sent them -> rows by dotted key, checked and in order. No database."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import orjson

from runs.columns import leaves, storable
from runs.history.shapes import LinesRefused
from runs.models import StreamName

DEEPEST = 100  # levels of lists and objects in a line
_STEP_LIMIT = 2**63
_MARK = secrets.randbits(62)
_MARK_BETWEEN = f",{_MARK},"

Row = dict[str, Any]


class Checked(NamedTuple):
    """Lines that may be stored: the values of each by dotted key, and its step."""

    rows: list[Row]
    steps: list[int]


def check(lines: Sequence[str], *, stream: str, first_line: int, previous_step: Callable[[], int]) -> Checked:
    """Rows ready to be stored, the first being line number `first_line`. Raises LinesRefused.

    A history line without `_step` gets the step after the line before it; `previous_step` says which came before the
    first. The step of an event is its line number.
    """
    rows = _parse(lines, first_line)
    if stream == StreamName.HISTORY:
        steps = _steps(rows, first_line, previous_step)
    else:
        steps = list(range(first_line, first_line + len(rows)))
    if dict in set(map(type, chain.from_iterable(map(dict.values, rows)))):
        rows = [dict(leaves(row)) if dict in map(type, row.values()) else row for row in rows]
    return Checked(rows, steps)


def _steps(rows: Sequence[Row], first_line: int, previous_step: Callable[[], int]) -> list[int]:
    """The step of each row, written into those without."""
    found: list[Any] = [row.get("_step") for row in rows]
    if set(map(type, found)) == {int} and min(found) > -_STEP_LIMIT and max(found) < _STEP_LIMIT:
        return found
    steps: list[int] = []
    for place, row in enumerate(rows):
        if "_step" not in row:
            row["_step"] = (steps[-1] if steps else previous_step()) + 1
        steps.append(_step(row["_step"], first_line + place))
    return steps


def _step(value: object, number: int) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not -_STEP_LIMIT < value < _STEP_LIMIT:
        raise LinesRefused(f"line {number}: _step is not an integer below 2^63")
    return value


def _parse(lines: Sequence[str], first_line: int) -> list[Row]:
    """The object of each line. Nearly all lines are checked together."""
    text = "\n".join(lines)
    if text.count("\n") < len(lines) and "\\u0000" not in text and _is_shallow(text, len(lines) + DEEPEST - 1):
        try:
            # One call is three times as fast as one for each line. Only lines that are whole values leave the mark,
            # which nobody knows, between every two.
            found = orjson.loads(f"[{_MARK_BETWEEN.join(lines)}]")
        except orjson.JSONDecodeError:
            pass
        else:
            rows: list[Row] = found[::2]
            if found[1::2] == [_MARK] * (len(lines) - 1) and set(map(type, rows)) == {dict}:
                return rows
    return [_parse_one(line, first_line + place) for place, line in enumerate(lines)]


def _is_shallow(text: str, limit: int) -> bool:
    return text.count("{") + text.count("[") <= limit


def _parse_one(line: str, number: int) -> Row:
    """Also lines with NaN, line breaks between tokens, lone surrogates (replaced) or U+0000 in a key (replaced)."""
    as_sent = True
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        as_sent = False
        try:
            row = loads(line)
        except (ValueError, RecursionError):
            raise LinesRefused(f"line {number}: not JSON, or too deep") from None
    if not isinstance(row, dict):
        raise LinesRefused(f"line {number}: not a JSON object")
    if not _is_shallow(line, DEEPEST) and _depth(row) > DEEPEST:
        raise LinesRefused(f"line {number}: more than {DEEPEST} levels deep")
    if as_sent and "\\u0000" not in line:
        return row
    text = json.dumps(_with_storable_keys(row), ensure_ascii=False, separators=(",", ":"))
    cleaned: Row = loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    return cleaned


def loads(text: str | bytes) -> Any:
    """JSON with bare NaN and Infinity; integers beyond 64 bits are floats, as orjson has them."""
    return json.loads(text, parse_int=_integer)


def _integer(digits: str) -> int | float:
    if len(digits) < 19:
        return int(digits)
    number = float(digits)
    return int(digits) if -(2.0**63) <= number <= 2.0**64 and -(2**63) <= int(digits) < 2**64 else number


def _depth(value: object) -> int:
    """Levels of lists and objects; nothing recurses."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return depth


def _with_storable_keys(row: Row) -> Row:
    return {
        storable(key): _with_storable_keys(value) if isinstance(value, dict) and "_type" not in value else value
        for key, value in row.items()
    }
