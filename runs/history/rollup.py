"""Buckets of steps: count, sum, minimum, maximum; how they merge; their bytes (FORMAT.md). Pure numpy, no database."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runs.history.codec import Corrupt, Floats, Ints, ramp

SEGMENT = 1024  # buckets of one stored row, and of the whole top level
HIGHEST = 29  # level whose width, 2^62, is the last power of 4 that fits in int64
SPARSE = 4  # the bottom level's buckets are at least so many times as wide as the usual gap between steps

MAGIC = b"CHr\x01"  # the last byte is the version
EXTENT_MAGIC = b"CHe\x01"
_HEADER = struct.Struct("<4sHHIBxxx")  # magic, buckets, first place, count of all, flags
_CRC = struct.Struct("<I")
_EXTENT = struct.Struct("<4sqqqbb")

PLACES = 1  # the row lists the places of its buckets; else they follow one another
COUNTS = 2  # each bucket has its own count
NONFINITE = 4  # there are non-finite points
SPREAD = 8  # low and high are written; else each equals the sum
WIDE = 16  # low and high are float64; else float32


@dataclass(frozen=True, slots=True)
class Buckets:
    """Non-empty buckets by ascending number: bucket i holds the steps from i·width up to (i+1)·width."""

    index: Ints  # (buckets,) all arrays alike
    count: Ints  # finite points
    total: Floats  # their sum
    low: Floats  # NaN where count is 0
    high: Floats
    nonfinite: Ints

    def __len__(self) -> int:
        return len(self.index)

    def between(self, first: int, end: int) -> Buckets:
        """Those numbered first ≤ i < end."""
        if not len(self) or (self.index[0] >= first and self.index[-1] < end):
            return self
        part = slice(*np.searchsorted(self.index, (first, end)).tolist())
        return Buckets(
            self.index[part],
            self.count[part],
            self.total[part],
            self.low[part],
            self.high[part],
            self.nonfinite[part],
        )


@dataclass(frozen=True, slots=True)
class Extent:
    """What is sealed of one column of one run: how many numbers, from which step to which, and which levels exist."""

    count: int
    first: int
    last: int
    bottom: int  # finest level stored; -1 when there are no rollups
    top: int  # coarsest level stored


def width(level: int) -> int:
    """Steps in a bucket."""
    return 16 << (2 * level)


def bottom_level(steps: Ints) -> int:
    """The finest level worth storing: with finer ones a bucket would hold hardly more than one point."""
    gaps = np.diff(np.unique(steps).astype(np.float64))
    usual = float(np.median(gaps)) if len(gaps) else 1.0
    level = 0
    while level < HIGHEST and width(level) < SPARSE * usual:
        level += 1
    return level


def top_level(bottom: int, first: int, last: int) -> int:
    """The finest level, from `bottom` up, at which `first` to `last` are at most SEGMENT buckets."""
    level = bottom
    while last // width(level) - first // width(level) >= SEGMENT:
        level += 1
    return level


def reduce(steps: Ints, values: Floats, width: int) -> Buckets:
    """Points, in any order, to buckets. `width` is a power of two, as all widths are."""
    index = steps >> (width.bit_length() - 1)
    finite = np.isfinite(values)
    if finite.all():
        return _combine(index, np.ones_like(index), values, values, values, np.zeros_like(index))
    known = np.where(finite, values, np.nan)
    return _combine(
        index, finite.astype(np.int64), np.where(finite, values, 0.0), known, known, (~finite).astype(np.int64)
    )


def merge(parts: Sequence[Buckets]) -> Buckets:
    """Buckets of one width, from several sources."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return EMPTY
    return _combine(
        np.concatenate([part.index for part in parts]),
        np.concatenate([part.count for part in parts]),
        np.concatenate([part.total for part in parts]),
        np.concatenate([part.low for part in parts]),
        np.concatenate([part.high for part in parts]),
        np.concatenate([part.nonfinite for part in parts]),
    )


def coarsen(buckets: Buckets, factor: int) -> Buckets:
    """The same in buckets `factor` times as wide."""
    if factor == 1:
        return buckets
    return _combine(buckets.index // factor, buckets.count, buckets.total, buckets.low, buckets.high, buckets.nonfinite)


def _combine(index: Ints, count: Ints, total: Floats, low: Floats, high: Floats, nonfinite: Ints) -> Buckets:
    """Rows of equal index into one."""
    if not len(index):
        return EMPTY
    if (index[1:] < index[:-1]).any():
        order = np.argsort(index, kind="stable")
        index, count, nonfinite = index[order], count[order], nonfinite[order]
        total, low, high = total[order], low[order], high[order]
    starts = np.flatnonzero(np.concatenate(([True], index[1:] != index[:-1])))
    with np.errstate(over="ignore", invalid="ignore"):
        return Buckets(
            index[starts],
            np.add.reduceat(count, starts),
            np.add.reduceat(total, starts),
            np.fmin.reduceat(low, starts),
            np.fmax.reduceat(high, starts),
            np.add.reduceat(nonfinite, starts),
        )


EMPTY = Buckets(
    np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0), np.empty(0, np.int64)
)


def encode(buckets: Buckets, segment: int) -> bytes:
    """The bytes of one row: all buckets must lie in the segment."""
    places = buckets.index - segment * SEGMENT
    flags, parts = 0, [buckets.total.astype("<f8").tobytes()]
    if places[-1] - places[0] >= len(places):
        flags |= PLACES
        parts.append(places.astype("<u2").tobytes())
    if (buckets.count != buckets.count[0]).any() or buckets.count[0] >= 2**32:
        flags |= COUNTS
        parts.append(buckets.count.astype("<u8").tobytes())
    if buckets.nonfinite.any():
        flags |= NONFINITE
        parts.append(buckets.nonfinite.astype("<u8").tobytes())
    if not (_same(buckets.low, buckets.total) and _same(buckets.high, buckets.total)):
        flags |= SPREAD
        with np.errstate(over="ignore", under="ignore"):
            low, high = buckets.low.astype("<f4"), buckets.high.astype("<f4")
            if not (_same(low.astype(np.float64), buckets.low) and _same(high.astype(np.float64), buckets.high)):
                flags |= WIDE
                low, high = buckets.low.astype("<f8"), buckets.high.astype("<f8")
        parts += [low.tobytes(), high.tobytes()]
    everywhere = 0 if flags & COUNTS else int(buckets.count[0])
    header = _HEADER.pack(MAGIC, len(buckets), int(places[0]), everywhere, flags)
    body = b"".join(parts)
    return header + _CRC.pack(zlib.crc32(body, zlib.crc32(header))) + body


def _same(some: Floats, others: Floats) -> bool:
    """Equal to the bit: -0.0 is not 0.0, NaN is NaN."""
    return bool((some.view(np.int64) == others.view(np.int64)).all())


def decode(data: bytes | memoryview, segment: int) -> Buckets:
    """Back from `encode`. Raises Corrupt."""
    at = _HEADER.size + _CRC.size
    if len(data) < at:
        raise Corrupt("too short")
    magic, buckets, first, everywhere, flags = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise Corrupt("not a rollup of this version")
    view = memoryview(data)
    if _CRC.unpack_from(data, _HEADER.size)[0] != zlib.crc32(view[at:], zlib.crc32(view[: _HEADER.size])):
        raise Corrupt("checksum")

    def part(kind: str) -> NDArray:
        nonlocal at
        array = np.frombuffer(data, kind, buckets, at)
        at += array.nbytes
        return array

    total = part("<f8")
    start = segment * SEGMENT
    index = part("<u2") + np.int64(start) if flags & PLACES else ramp(start + first, 1, buckets)
    count = part("<u8").astype(np.int64) if flags & COUNTS else ramp(everywhere, 0, buckets)
    nonfinite = part("<u8").astype(np.int64) if flags & NONFINITE else ramp(0, 0, buckets)
    low = high = total
    if flags & SPREAD:
        kind = "<f8" if flags & WIDE else "<f4"
        low, high = part(kind).astype(np.float64, copy=False), part(kind).astype(np.float64, copy=False)
    return Buckets(index, count, total, low, high, nonfinite)


def encode_extent(extent: Extent) -> bytes:
    body = _EXTENT.pack(EXTENT_MAGIC, extent.count, extent.first, extent.last, extent.bottom, extent.top)
    return body + _CRC.pack(zlib.crc32(body))


def decode_extent(data: bytes | memoryview) -> Extent:
    """Back from `encode_extent`. Raises Corrupt."""
    if len(data) != _EXTENT.size + _CRC.size or _CRC.unpack_from(data, _EXTENT.size)[0] != zlib.crc32(
        data[: _EXTENT.size]
    ):
        raise Corrupt("checksum")
    magic, *fields = _EXTENT.unpack_from(data)
    if magic != EXTENT_MAGIC:
        raise Corrupt("not an extent of this version")
    return Extent(*fields)
