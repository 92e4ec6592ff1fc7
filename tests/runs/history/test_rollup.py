from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.history import rollup
from runs.history.codec import Corrupt
from tests.runs.history import plainly

VALUES = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([float("nan"), float("inf"), float("-inf"), -0.0]))
POINTS = st.lists(st.tuples(st.integers(-5000, 5000), VALUES), min_size=1, max_size=80)


def arrays(points: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([step for step, _ in points], dtype=np.int64), np.array([value for _, value in points])


def agree(buckets: rollup.Buckets, points: list[tuple[int, float]], width: int) -> None:
    """The buckets are what the points say, and no bucket is empty."""
    assert buckets.index.tolist() == sorted({step // width for step, _ in points})
    start = int(buckets.index[0])
    size = int(buckets.index[-1]) - start + 1
    slow = plainly.cells(points, start * width, width, size)
    at = buckets.index - start
    assert buckets.count.tolist() == [slow["count"][place] for place in at]
    assert buckets.nonfinite.tolist() == [slow["nonfinite"][place] for place in at]
    np.testing.assert_array_equal(buckets.low, np.array(slow["low"])[at])
    np.testing.assert_array_equal(buckets.high, np.array(slow["high"])[at])
    assert (np.abs(buckets.total - np.array(slow["total"])[at]) <= 1e-12 * np.array(slow["size"])[at]).all()


@given(POINTS, st.sampled_from([1, 4, 16, 64]))
def test_points_reduce_to_what_plain_python_says(points: list[tuple[int, float]], width: int) -> None:
    agree(rollup.reduce(*arrays(points), width), points, width)


@given(POINTS, POINTS)
def test_buckets_merge_and_coarsen_as_if_their_points_were_one(
    some: list[tuple[int, float]], others: list[tuple[int, float]]
) -> None:
    merged = rollup.merge([rollup.reduce(*arrays(points), 16) for points in (some, others)])
    agree(merged, some + others, 16)
    agree(rollup.coarsen(merged, 4), some + others, 64)


@given(POINTS)
def test_a_row_gives_back_its_buckets_to_the_bit(points: list[tuple[int, float]]) -> None:
    buckets = rollup.reduce(*arrays(points), 16)
    for segment in set((buckets.index // rollup.SEGMENT).tolist()):
        part = buckets.between(segment * rollup.SEGMENT, (segment + 1) * rollup.SEGMENT)
        back = rollup.decode(rollup.encode(part, segment), segment)
        for field in ("index", "count", "nonfinite"):
            assert getattr(back, field).tolist() == getattr(part, field).tolist()
        for field in ("total", "low", "high"):
            assert plainly.bits(getattr(back, field)) == plainly.bits(getattr(part, field))


def test_a_damaged_row_is_noticed() -> None:
    row = rollup.encode(rollup.reduce(np.arange(100), np.arange(100.0), 16), 0)
    for place in range(len(row)):
        flipped = bytearray(row)
        flipped[place] ^= 1
        with pytest.raises(Corrupt):
            rollup.decode(bytes(flipped), 0)
    with pytest.raises(Corrupt):
        rollup.decode(row[:-1], 0)


@given(st.integers(0, 2**62), st.integers(-(2**63), 2**63 - 1), st.integers(-1, 29))
def test_an_extent_comes_back(count: int, step: int, level: int) -> None:
    extent = rollup.Extent(count, step, step, level, level)
    data = rollup.encode_extent(extent)
    assert rollup.decode_extent(data) == extent
    with pytest.raises(Corrupt):
        rollup.decode_extent(data[:-1] + bytes([data[-1] ^ 1]))


def test_rare_points_get_no_fine_levels() -> None:
    assert rollup.bottom_level(np.arange(100)) == 0
    assert rollup.bottom_level(np.array([7])) == 0
    million = rollup.bottom_level(np.arange(100) * 1_000_000)
    assert rollup.width(million) >= 4_000_000 > rollup.width(million - 1)
    # One leap does not change what is usual.
    assert rollup.bottom_level(np.array([*range(100), 10**15])) == 0
    assert rollup.bottom_level(np.array([-(2**63) + 1, 2**63 - 1])) == rollup.HIGHEST


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_the_top_level_is_the_first_that_fits_a_segment(some: int, other: int) -> None:
    first, last = sorted((some, other))
    top = rollup.top_level(0, first, last)
    assert last // rollup.width(top) - first // rollup.width(top) < rollup.SEGMENT
    if top:
        below = rollup.width(top - 1)
        assert last // below - first // below >= rollup.SEGMENT
