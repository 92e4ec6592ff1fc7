"""Lines as the client sent them: checked, put in order, kept in a tail row (FORMAT.md, "Tail row"). No database."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import orjson
import zstandard

from runs.columns import leaves, storable
from runs.history.codec import Corrupt
from runs.history.shapes import LinesRefused
from runs.models import Kind, StreamName

DEEPEST = 100  # levels of lists and objects in a line
_STEP_LIMIT = 2**63
_MARK = secrets.randbits(62)
_MARK_BETWEEN = f",{_MARK},"
_KINDS: dict[type, Kind] = {
    int: Kind.NUMBER,
    float: Kind.NUMBER,
    str: Kind.TEXT,
    bool: Kind.BOOL,
    type(None): Kind.NULL,
    list: Kind.LIST,
    dict: Kind.OBJECT,
}

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Checked:
    """Lines that may be stored: the text of each, its object and its step."""

    lines: list[str]
    rows: list[Row]
    steps: list[int]


def check(lines: Sequence[str], *, stream: str, first_line: int, previous_step: Callable[[], int]) -> Checked:
    """Lines ready to be stored, the first being number `first_line`. Raises LinesRefused.

    A history line without `_step` gets the step after the line before it; `previous_step` says which came before the
    first. The step of an event is its line number.
    """
    texts, rows = _parse(lines, first_line)
    if stream != StreamName.HISTORY:
        return Checked(texts, rows, list(range(first_line, first_line + len(rows))))
    steps: list[Any] = [row.get("_step") for row in rows]
    if set(map(type, steps)) == {int} and min(steps) > -_STEP_LIMIT and max(steps) < _STEP_LIMIT:
        return Checked(texts, rows, steps)
    steps = []
    for place, row in enumerate(rows):
        if "_step" not in row:
            row["_step"] = _step((steps[-1] if steps else previous_step()) + 1, first_line + place)
            rest = texts[place].strip()[1:].lstrip()
            texts[place] = f'{{"_step":{row["_step"]}{"" if rest == "}" else ","}{rest}'
        steps.append(_step(row["_step"], first_line + place))
    return Checked(texts, rows, steps)


def _step(value: object, number: int) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not -_STEP_LIMIT < value < _STEP_LIMIT:
        raise LinesRefused(f"line {number}: _step is not an integer below 2^63")
    return value


def _parse(lines: Sequence[str], first_line: int) -> tuple[list[str], list[Row]]:
    """The text to keep of each line, and its object. Nearly all lines are kept as they came, and checked together."""
    text = "\n".join(lines)
    if text.count("\n") < len(lines) and "\\u0000" not in text and _is_shallow(text, len(lines) + DEEPEST - 1):
        try:
            # One call is three times as fast as one for each line. Only lines that are whole values leave the mark,
            # which nobody knows, between every two.
            found = orjson.loads(f"[{_MARK_BETWEEN.join(lines)}]")
        except orjson.JSONDecodeError:
            pass
        else:
            rows = found[::2]
            if found[1::2] == [_MARK] * (len(lines) - 1) and set(map(type, rows)) == {dict}:
                return list(lines), rows
    pairs = [_parse_one(line, first_line + place) for place, line in enumerate(lines)]
    return [text for text, _ in pairs], [row for _, row in pairs]


def _is_shallow(text: str, limit: int) -> bool:
    return text.count("{") + text.count("[") <= limit


def _parse_one(line: str, number: int) -> tuple[str, Row]:
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
        return line.replace("\n", " "), row
    row = _with_storable_keys(row)
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text, loads(text)


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


def columns(rows: Sequence[Row]) -> dict[str, tuple[list[int] | None, Sequence[Any]]]:
    """Each key of rows with the places at which it has a value, and the values. None for places is all of them."""
    if all(map(rows[0].keys().__eq__, map(dict.keys, rows))):
        return {name: (None, list(map(itemgetter(name), rows))) for name in rows[0]}
    found: dict[str, tuple[list[int], list[Any]]] = {}
    for place, row in enumerate(rows):
        for key, value in row.items():
            if key not in found:
                found[key] = ([], [])
            places, of_key = found[key]
            places.append(place)
            of_key.append(value)
    return {key: (None if len(places) == len(rows) else places, of_key) for key, (places, of_key) in found.items()}


def kinds(rows: Sequence[Row]) -> dict[str, int]:
    """The dotted keys of rows, each with the sum of the kinds of its values."""
    sums: dict[str, int] = {}
    for key, (_, values) in columns(rows).items():
        types = set(map(type, values))
        if dict in types:
            types.remove(dict)
            for value in values:
                if type(value) is dict:
                    for inner, leaf in leaves({key: value}):
                        sums[inner] = sums.get(inner, 0) | _KINDS[type(leaf)]
        for kind in types:
            sums[key] = sums.get(key, 0) | _KINDS[kind]
    return sums


def encode(lines: Iterable[str]) -> bytes:
    """The bytes of a tail row."""
    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress("\n".join(lines).encode())


def rows_of(data: bytes | memoryview, *, naming: str | None = None) -> list[Row]:
    """The objects of a tail row's lines, by dotted key; none if no line can hold the key `naming`. Raises Corrupt."""
    text = _text(data)
    # A search costs a hundredth of reading JSON. A key may be nested, but ends as its innermost part; escaped, it may
    # be written in many ways.
    if naming is not None and b"\\" not in text and naming.rpartition(".")[2].encode() not in text:
        return []
    try:
        rows: list[Row] = orjson.loads(b"[" + text.replace(b"\n", b",") + b"]")
    except orjson.JSONDecodeError:
        rows = [loads(line) for line in text.split(b"\n")]
    if text.count(b"{") == len(rows):
        return rows
    return [dict(leaves(row)) if dict in map(type, row.values()) else row for row in rows]


def _text(data: bytes | memoryview) -> bytes:
    try:
        return zstandard.decompress(data)
    except zstandard.ZstdError as error:
        raise Corrupt(str(error)) from None
