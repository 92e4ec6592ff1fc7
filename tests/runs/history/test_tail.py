from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.history import tail
from runs.history.codec import Corrupt
from runs.history.writing import _start
from runs.models import Kind

KEYS = st.one_of(st.sampled_from(["_step", "loss", "", "a", "a.b", "b", "ключ"]), st.text(max_size=5)).filter(
    lambda key: "\0" not in key and key.isprintable()
)
VALUES = st.one_of(
    st.floats(),
    st.integers(-(2**63), 2**64 - 1),
    st.integers(-(2**53) - 2, -(2**53) + 2),
    st.integers(2**53 - 2, 2**53 + 2),
    st.sampled_from(
        [None, True, False, "", "text\0", [], [1, math.nan, [None]], {}, {"_type": "x", "y": -math.inf}, -0.0]
    ),
)


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows of a few shapes; some shapes in many rows."""
    shapes = draw(st.lists(st.lists(KEYS, max_size=5, unique=True), min_size=1, max_size=4))
    values = draw(st.lists(VALUES, min_size=1, max_size=10))
    plain = draw(st.booleans())
    picks = draw(st.lists(st.integers(0, len(shapes) - 1), min_size=1, max_size=30))
    return [
        {key: (place + 0.5 if plain else values[(place + at) % len(values)]) for at, key in enumerate(shapes[pick])}
        for place, pick in enumerate(picks)
    ]


def back(blocks: list[tail.Block]) -> list[dict[str, Any]]:
    return [row for _, row in sorted((pair for block in blocks for pair in block.rows()), key=lambda pair: pair[0])]


def comparable(block: tail.Block) -> tuple[bytes, bytes, list[int]]:
    return block.names, block.kinds, block.places.tolist()


def plain(row: dict[str, Any]) -> str:
    """Text that tells -0.0, NaN, types and order of keys apart, but not 1.0 from 1."""
    said = {
        key: int(value)
        if type(value) is float and value.is_integer() and abs(value) <= 2**53 and str(value) != "-0.0"
        else value
        for key, value in row.items()
    }
    return json.dumps(said)


@settings(max_examples=100, deadline=None)
@given(rows=tables())
def test_rows_come_back_from_their_bytes(rows: list[dict[str, Any]]) -> None:
    data = tail.encode(len(rows), tail.blocks(rows))
    assert list(map(plain, back(tail.decode(data)))) == list(map(plain, rows))
    assert tail.encode(len(rows), tail.decode(data)) == data


@settings(max_examples=60, deadline=None)
@given(rows=tables(), data=st.data())
def test_merged_rows_are_those_of_one_request(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    edges = sorted({0, len(rows), *data.draw(st.lists(st.integers(0, len(rows)), max_size=4))})
    parts = [(low, tail.blocks(rows[low:high])) for low, high in zip(edges, edges[1:], strict=False)]
    merged, whole = tail.joined(parts), tail.blocks(rows)
    assert list(map(plain, back(merged))) == list(map(plain, rows))
    assert list(map(comparable, merged)) == list(map(comparable, whole))


@settings(max_examples=60, deadline=None)
@given(rows=tables(), key=KEYS)
def test_one_column_is_found_without_the_others(rows: list[dict[str, Any]], key: str) -> None:
    data, name = tail.encode(len(rows), tail.blocks(rows)), tail.name(key)
    found: dict[int, float] = {}
    for block in tail.Parts(data).naming(name):
        keep, numbers = block.series(tail.place_of(name, block.names))
        found |= dict(zip(block.places[keep].tolist(), numbers.tolist(), strict=True))
    wanted = {place: float(row[key]) for place, row in enumerate(rows) if type(row.get(key)) in (int, float)}
    assert {place: np.float64(value).tobytes() for place, value in sorted(found.items())} == {
        place: np.float64(value).tobytes() for place, value in wanted.items()
    }
    entries = tail.directory(data)
    places = [(entry, tail.place_of(name, entry.names)) for entry in entries]
    assert any(place >= 0 and entry.kinds[place] & Kind.NUMBER for entry, place in places) == bool(wanted)


@given(data=st.data())
def test_a_changed_byte_or_a_cut_is_noticed(data: st.DataObject) -> None:
    whole = tail.encode(3, tail.blocks([{"a": 1.5, "b": "x"}, {"a": 2}, {"a": 3, "b": None}]))
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    for bad in (bytes(changed), whole[:at]):
        with pytest.raises(Corrupt):
            tail.decode(bad)


def test_the_beginning_of_a_row_tells_its_keys_or_that_it_is_too_short() -> None:
    whole = tail.encode(2, tail.blocks([{"a": 1.5, "b": "x"}] * 2))
    cut = whole.index(b"\0a\0b\0") + 5
    assert [(entry.names, list(entry.kinds)) for entry in tail.directory(whole[:cut])] == [(b"\0a\0b\0", [1, 2])]
    with pytest.raises(EOFError):
        tail.directory(whole[: cut - 1])


@given(sizes=st.lists(st.integers(1, 40), max_size=300))
def test_a_stream_has_few_tail_rows_and_writes_its_lines_few_times(sizes: list[int]) -> None:
    rows: list[int] = []  # where each begins
    lines = written = 0
    for size in sizes:
        start = _start(lines, lines + size)
        assert start <= lines
        begin = min([first for first in rows if first >= start], default=lines)
        rows = [first for first in rows if first < start] + [begin]
        lines += size
        written += lines - begin
        digits = math.ceil(math.log(lines + 1, 4))
        assert len(rows) <= 3 * digits
    assert written <= lines * (1 + math.ceil(math.log(max(lines, 1) + 1, 4)))
