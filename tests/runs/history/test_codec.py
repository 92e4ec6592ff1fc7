from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.history import codec
from tests.runs.history.plainly import bits

INT64 = st.integers(-(2**63) + 1, 2**63 - 1)
FLOATS = st.one_of(st.floats(), st.floats(width=32), st.just(-0.0), st.integers(-(2**53), 2**53).map(float))
JSON = st.one_of(
    FLOATS,
    st.integers(-(2**63), 2**64 - 1),
    st.booleans(),
    st.none(),
    st.text(),
    st.lists(st.integers(0, 5), max_size=3),
    st.fixed_dictionaries({"_type": st.just("histogram"), "values": st.lists(st.floats(allow_nan=False), max_size=3)}),
)


def chunk(values: list[Any], steps: list[int] | None = None) -> codec.Values:
    lines = np.arange(len(values), dtype=np.int64)
    numbers = np.array([value for value in values if codec.is_number(value)], dtype=np.float64)
    others = {place: value for place, value in enumerate(values) if not codec.fits(value)}
    return codec.Values(lines, np.array(steps if steps is not None else lines, dtype=np.int64), numbers, others)


def same(some: Any, other: Any) -> bool:
    if isinstance(some, float) and isinstance(other, float):
        return bits([some]) == bits([other]) or (math.isnan(some) and math.isnan(other))
    return some == other and isinstance(some, bool) == isinstance(other, bool)


@given(st.data())
def test_a_chunk_gives_back_what_was_put_in(data: st.DataObject) -> None:
    values = data.draw(st.lists(JSON, max_size=60))
    steps = data.draw(st.lists(INT64, min_size=len(values), max_size=len(values)))
    back = codec.decode(codec.encode(chunk(values, steps)))
    assert back.steps.tolist() == steps
    items = back.items()
    assert [line for line, _ in items] == list(range(len(values)))
    for (_, found), value in zip(items, values, strict=True):
        assert same(found, value) or (isinstance(value, float) and found == value and value.is_integer())


@given(st.lists(FLOATS, max_size=200))
def test_numbers_come_back_to_the_bit(values: list[float]) -> None:
    lines, steps, numbers = codec.decode(codec.encode(chunk(values))).series()
    assert bits(numbers) == bits(values)
    assert steps.tolist() == lines.tolist() == list(range(len(values)))


@given(st.lists(st.one_of(st.booleans(), st.integers(-(2**63), 2**64 - 1), FLOATS, st.text()), max_size=40))
def test_only_numbers_are_in_the_series(values: list[Any]) -> None:
    wanted = [(place, float(value)) for place, value in enumerate(values) if type(value) in (int, float)]
    lines, _, numbers = codec.decode(codec.encode(chunk(values))).series()
    assert lines.tolist() == [place for place, _ in wanted]
    assert bits(numbers) == bits([value for _, value in wanted])


@given(st.data())
def test_a_part_of_a_chunk_is_what_the_whole_has_in_range(data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "PAGE", 4)
        values = data.draw(st.lists(st.one_of(FLOATS, FLOATS, st.none()), max_size=30))
        steps = data.draw(st.lists(st.integers(-20, 60), min_size=len(values), max_size=len(values)))
        written = codec.encode(chunk(values, sorted(steps) if data.draw(st.booleans()) else steps))
        low, high = data.draw(st.integers(-25, 65)), data.draw(st.integers(-25, 65))
        whole, part = codec.decode(written).series(), codec.series(written, low, high)
    inside = (whole[1] >= low) & (whole[1] <= high)
    assert [array[inside].tolist() for array in whole[:2]] == [array.tolist() for array in part[:2]]
    assert bits(whole[2][inside]) == bits(part[2])


def test_a_chunk_whose_header_does_not_say_it_has_pages_of_1024_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).standard_normal(5000)
    monkeypatch.setattr(codec, "PAGE", 1024)
    written = bytearray(codec.encode(chunk(values.tolist())))
    monkeypatch.undo()
    front, _ = codec.Chunk(bytes(written)).bytes_of(0, 1)
    written[15] = 0
    written[32:36] = zlib.crc32(written[36:front], zlib.crc32(written[:32])).to_bytes(4, "little")
    assert codec.decode(bytes(written)).numbers.tolist() == values.tolist()
    assert codec.series(bytes(written), 1500, 2600)[2].tolist() == values[1500:2601].tolist()


def test_pages_out_of_range_are_not_looked_at() -> None:
    values = np.random.default_rng(0).standard_normal(5000)
    damaged = codec.encode(chunk(values.tolist()))[:-1] + b"?"
    assert codec.series(damaged, 0, 4000)[2].tolist() == values[:4001].tolist()
    with pytest.raises(codec.Corrupt):
        codec.series(damaged, 0, 4999)


def test_whole_numbers_that_rise_evenly_take_no_room() -> None:
    for values in (list(range(0, 40_000, 5)), [7] * 8000):
        assert len(codec.encode(chunk(values))) < 100


def test_huge_integers_come_back_whole_and_are_points() -> None:
    values = [2**53 + 1, 2**60, -(2**63), 2**64 - 1, 2**53]
    back = codec.decode(codec.encode(chunk(values)))
    assert [value for _, value in back.items()] == values
    assert all(isinstance(value, int) for _, value in back.items())
    assert back.series()[2].tolist() == [float(value) for value in values]


def test_float32_values_take_four_bytes_at_most() -> None:
    values = np.random.default_rng(0).standard_normal(4096).astype(np.float32).astype(np.float64)
    assert len(codec.encode(chunk(values.tolist()))) < 4096 * 4


def test_even_steps_and_lines_take_no_room() -> None:
    values = [0.5] * 4096
    assert len(codec.encode(chunk(values, list(range(0, 4096 * 7, 7))))) < 200


@given(st.lists(JSON, min_size=1, max_size=20), st.data())
def test_any_changed_or_missing_byte_is_noticed(values: list[Any], data: st.DataObject) -> None:
    good = codec.encode(chunk(values))
    place = data.draw(st.integers(0, len(good) - 1))
    flipped = bytearray(good)
    flipped[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(codec.Corrupt):
        codec.decode(bytes(flipped))
    with pytest.raises(codec.Corrupt):
        codec.decode(good[:place])
