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
        back = rollup.decode(rollup.encode(part, segment), rollup.encode_spread(part, segment), segment)
        for field in ("index", "count", "nonfinite"):
            assert getattr(back, field).tolist() == getattr(part, field).tolist()
        for field in ("total", "low", "high"):
            assert plainly.bits(getattr(back, field)) == plainly.bits(getattr(part, field))


@given(st.lists(POINTS, min_size=1, max_size=6))
def test_rows_decoded_together_are_what_each_is_alone(runs: list[list[tuple[int, float]]]) -> None:
    rows, alone = [], []
    for points in runs:
        part = rollup.reduce(*arrays(points), 16).between(0, rollup.SEGMENT)
        if len(part):
            rows += [rollup.encode(part, 0), rollup.encode_spread(part, 0)]
            alone += [(part.index, part.count, part.nonfinite, [part.total])]
            alone += [(part.index, None, None, [part.low, part.high])]
    seen = 0
    alike = [
        [place for place, row in enumerate(rows) if rollup.header(row) == kind]
        for kind in set(map(rollup.header, rows))
    ]
    for places in alike:
        together = rollup.decode_alike([rows[place] for place in places])
        arrays_of = [together.places, together.count, together.nonfinite, *together.values]
        shape = len(places), together.values[0].shape[1]
        index, count, nonfinite, *values = (np.broadcast_to(array, shape) for array in arrays_of)
        for at, place in enumerate(places):
            wanted = alone[place]
            assert index[at].tolist() == wanted[0].tolist()
            assert together.following == (np.diff(wanted[0]) == 1).all()
            assert [plainly.bits(part[at]) for part in values] == [plainly.bits(part) for part in wanted[3]]
            if wanted[1] is not None:
                assert (count[at].tolist(), nonfinite[at].tolist()) == (wanted[1].tolist(), wanted[2].tolist())
            seen += 1
    assert seen == len(rows)


def test_a_damaged_row_is_noticed() -> None:
    buckets = rollup.reduce(np.arange(100), np.arange(100.0), 16)
    row, spread = rollup.encode(buckets, 0), rollup.encode_spread(buckets, 0)
    for place in range(len(row)):
        flipped = bytearray(row)
        flipped[place] ^= 1
        with pytest.raises(Corrupt):
            rollup.decode(bytes(flipped), spread, 0)
        with pytest.raises(Corrupt):
            rollup.decode(row, bytes(flipped), 0)
    for cut in (row[:-1], b""):
        with pytest.raises(Corrupt):
            rollup.decode(cut, None, 0)


def test_sums_and_extremes_of_other_buckets_do_not_go_together() -> None:
    some, others = (rollup.reduce(np.arange(100) + shift, np.arange(100.0), 16) for shift in (0, 16))
    with pytest.raises(Corrupt):
        rollup.decode(rollup.encode(some, 0), rollup.encode_spread(others, 0), 0)


def test_a_row_of_even_steps_costs_eight_bytes_a_bucket() -> None:
    steps = np.arange(5, 15_000)
    buckets = rollup.reduce(steps, np.random.default_rng(0).standard_normal(len(steps)), 16)
    assert len(rollup.encode(buckets, 0)) < 8 * len(buckets) + 64


@given(st.integers(0, 2**62), st.integers(-(2**63), 2**63 - 1), st.integers(-1, 58))
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
    assert rollup.width(million) >= 16_000_000 > rollup.width(million - 1)
    # One leap does not change what is usual.
    assert rollup.bottom_level(np.array([*range(100), 10**15])) == 0
    assert rollup.bottom_level(np.array([-(2**63) + 1, 2**63 - 1])) == rollup.HIGHEST


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_the_top_level_is_the_first_stored_that_fits_a_segment(some: int, other: int) -> None:
    first, last = sorted((some, other))
    top = rollup.top_level(0, first, last)
    assert last // rollup.width(top) - first // rollup.width(top) < rollup.SEGMENT
    assert top % rollup.STRIDE == 0
    if top:
        below = rollup.width(top - rollup.STRIDE)
        assert last // below - first // below >= rollup.SEGMENT


def test_sums_to_be_packed_keep_twelve_digits_and_what_has_none_stays() -> None:
    sums = np.random.default_rng(1).standard_normal(5000) * 10.0 ** np.linspace(-200, 200, 5000)
    near = rollup.rounded(sums)
    assert (np.abs(near - sums) <= 5e-13 * np.abs(sums)).all()
    assert not np.array_equal(near, sums)
    assert not (near.view(np.int64) & 0xFFF).any()
    largest = np.finfo(np.float64).max
    odd = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, largest, -largest, 5e-324, -1e-310, 2.0**40 + 1])
    assert rollup.rounded(odd).tobytes() == odd.tobytes()
