"""Buckets of steps: count, sum, minimum, maximum; how they merge; their bytes (FORMAT.md). Pure numpy, no database."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pcodec import ChunkConfig, standalone

from runs.history.codec import Corrupt, Floats, Ints, ramp

SEGMENT = 1024  # buckets of one stored row, and of the whole top level
STRIDE = 2  # from one stored level to the next
HIGHEST = 58  # level whose width, 2^62, is the last power of 2 that fits in int64
SPARSE = 16  # the bottom level's buckets are at least so many times as wide as the usual gap between steps
SPREAD = 64  # added to a level: the rows that hold minima and maxima of its buckets

MAGIC = b"CHr\x03"  # the last byte is the version
EXTENT_MAGIC = b"CHe\x02"
# Magic, buckets, first place, counts of the first, of those between, of the last; then bytes of one place, count,
# count of non-finite points, value (0: not written); number of arrays of values; whether they are packed.
_HEADER = struct.Struct("<4sHHIIIBBBBBBxx")
_CRC = struct.Struct("<I")
_SIZE = struct.Struct("<I")
_LEVEL = 6  # of pcodec
_ROUNDED = 12  # bits that a packed sum has less than the 52 of a float64: a quarter of its bytes
_OFF = 5e-13  # by how much of itself it is off at most
_EXTENT = struct.Struct("<4sqqqbb")
EXTENT = np.dtype(
    [
        ("magic", "S4"),
        ("count", "<i8"),
        ("first", "<i8"),
        ("last", "<i8"),
        ("bottom", "i1"),
        ("top", "i1"),
        ("crc", "<u4"),
    ]
)  # a row as numpy reads it


@dataclass(frozen=True, slots=True)
class Buckets:
    """Non-empty buckets by ascending number: bucket i holds the steps from i·width up to (i+1)·width."""

    index: Ints  # (buckets,) all arrays alike
    count: Ints  # finite points
    total: Floats  # their sum
    low: Floats  # NaN where count is 0, or where it was not asked for
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
    return 16 << level


def bottom_level(steps: Ints) -> int:
    """The finest level worth storing: with finer ones a bucket would hold hardly more than one point."""
    ascending = (steps[1:] > steps[:-1]).all()
    gaps = np.diff((steps if ascending else np.unique(steps)).astype(np.float64))
    usual = float(np.median(gaps)) if len(gaps) else 1.0
    level = 0
    while level < HIGHEST and width(level) < SPARSE * usual:
        level += 1
    return level


def top_level(bottom: int, first: int, last: int) -> int:
    """The finest stored level, from `bottom` up, at which `first` to `last` are at most SEGMENT buckets."""
    level = bottom
    while last // width(level) - first // width(level) >= SEGMENT:
        level += STRIDE
    return level


def reduce(steps: Ints, values: Floats, width: int, *, spread: bool = True) -> Buckets:
    """Points, in any order, to buckets; without `spread` low and high are NaN. `width` is a power of two."""
    if not len(steps):
        return EMPTY
    index = steps >> (width.bit_length() - 1)
    if (index[1:] < index[:-1]).any():
        order = np.argsort(index, kind="stable")
        index, values = index[order], values[order]
    starts = _starts(index)
    sizes = np.diff(starts, append=len(index))
    finite = np.isfinite(values)
    known = values
    if finite.all():
        count = sizes
    else:
        count = np.add.reduceat(finite.astype(np.int64), starts)
        values, known = np.where(finite, values, 0.0), np.where(finite, values, np.nan)
    low = high = np.full(len(starts), np.nan)
    if spread:
        low, high = np.fmin.reduceat(known, starts), np.fmax.reduceat(known, starts)
    with np.errstate(over="ignore", invalid="ignore"):
        return Buckets(index[starts], count, np.add.reduceat(values, starts), low, high, sizes - count)


def _starts(index: Ints) -> Ints:
    """Where each new one of the ascending indices begins."""
    return np.flatnonzero(np.concatenate(([True], index[1:] != index[:-1])))


def segments(buckets: Buckets) -> list[int]:
    """Those that hold a bucket, ascending."""
    found: list[int] = (which := buckets.index // SEGMENT)[_starts(which)].tolist()
    return found


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
    starts = _starts(index)
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


def encode(buckets: Buckets, segment: int, *, pack: bool = False) -> bytes:
    """The bytes of one row of counts and sums: all buckets must lie in the segment.

    Packed, they are fewer, and the sums off by 5e-13 of themselves at most.
    """
    total = rounded(buckets.total) if pack else buckets.total
    return _encode(buckets.index - segment * SEGMENT, buckets.count, buckets.nonfinite, [total], pack=pack)


def rounded(sums: Floats) -> Floats:
    """To 41 binary digits; what is not finite, would become so, or is too small for that many, stays as it is."""
    unit = 1 << _ROUNDED
    near = ((sums.view(np.int64) + unit // 2) & -unit).view(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(np.abs(near - sums) <= np.abs(sums) * _OFF, near, sums)


def encode_spread(buckets: Buckets, segment: int, *, pack: bool = False) -> bytes:
    """The bytes of one row of minima and maxima."""
    none = np.zeros_like(buckets.count)
    return _encode(buckets.index - segment * SEGMENT, none, none, [buckets.low, buckets.high], pack=pack)


def _encode(places: Ints, count: Ints, nonfinite: Ints, values: Sequence[Floats], *, pack: bool) -> bytes:
    first, between, last = int(count[0]), int(count[len(count) // 2]), int(count[-1])
    listed = places.astype("<u2") if places[-1] - places[0] >= len(places) else None
    counts = None
    if (count[1:-1] != between).any() or count.max() >= 2**32:
        counts, first, between, last = _short(count), 0, 0, 0
    strange = _short(nonfinite) if nonfinite.any() else None
    together = np.stack(values)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        narrow = together.astype("<f4")
        if (narrow.astype(np.float64).view(np.int64) == together.view(np.int64)).all():  # -0.0 is not 0.0, NaN is NaN
            together = narrow
    together = together.astype(together.dtype.newbyteorder("<"))
    written = together.tobytes()
    if pack:
        parts = [standalone.simple_compress(array, ChunkConfig(compression_level=_LEVEL)) for array in together]
        short = b"".join(_SIZE.pack(len(part)) + part for part in parts)
        written, pack = (short, True) if len(short) < len(written) else (written, False)
    sizes = [0 if array is None else array.itemsize for array in (listed, counts, strange)]
    header = _HEADER.pack(
        MAGIC, len(places), int(places[0]), first, between, last, *sizes, together.itemsize, len(values), pack
    )
    body = b"".join([written, *(array.tobytes() for array in (listed, counts, strange) if array is not None)])
    return header + _CRC.pack(zlib.crc32(body, zlib.crc32(header))) + body


def _short(array: Ints) -> NDArray[Any]:
    """As the shortest unsigned type that holds all."""
    most = int(array.max())
    return array.astype(next(f"<u{size}" for size in (1, 2, 4, 8) if most < 256**size))


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one segment that are laid out alike, decoded together. The first axis may be 1 long for all of them."""

    places: Ints  # (rows, buckets) in the segment, ascending
    following: bool  # places are one after the other, and the same in all rows
    count: Ints
    nonfinite: Ints
    values: Sequence[Floats]  # sums; or minima and maxima

    def dense(self, values: NDArray[Any], nothing: float) -> tuple[int, NDArray[Any]]:
        """The first place, and `values` from there on as (rows or 1, places): `nothing` where there is no bucket."""
        first = int(self.places[:, 0].min())
        if self.following:
            return first, values
        dense = np.full((len(self.places), int(self.places[:, -1].max()) - first + 1), nothing, values.dtype)
        np.put_along_axis(dense, self.places - first, np.broadcast_to(values, self.places.shape), axis=1)
        return first, dense


def sound(row: bytes) -> bool:
    """Whether a row is as it was written."""
    at = _HEADER.size + _CRC.size
    if len(row) < at or row[: len(MAGIC)] != MAGIC:
        return False
    view = memoryview(row)
    right: int = _CRC.unpack_from(row, _HEADER.size)[0]
    return right == zlib.crc32(view[at:], zlib.crc32(view[: _HEADER.size]))


def header(row: bytes) -> bytes:
    """What rows have in common that `decode_alike` can decode together."""
    return row[: _HEADER.size]


def decode_alike(rows: Sequence[bytes]) -> Rows:
    """Sound rows of equal `header`."""
    _, buckets, first, *counts, place_size, count_size, strange_size, value_size, arrays, packed = _HEADER.unpack_from(
        rows[0]
    )
    unpacked = [_unpacked(row, arrays) for row in rows] if packed else []
    front = 0 if packed else _HEADER.size + _CRC.size
    rest = b"".join(rest for _, rest in unpacked) if packed else b"".join(rows)
    table = np.frombuffer(rest, np.uint8).reshape(len(rows), len(rest) // len(rows))
    at = front

    def part(kind: str) -> NDArray[Any]:
        nonlocal at
        size = buckets * int(kind[-1])
        at += size
        return table[:, at - size : at].view(kind)

    if packed:
        values = [np.stack(of_rows) for of_rows in zip(*(values for values, _ in unpacked), strict=True)]
    else:
        values = [part(f"<f{value_size}") for _ in range(arrays)]
    places = part("<u2").astype(np.int64) if place_size else ramp(first, 1, buckets)[None]
    if count_size:
        count = part(f"<u{count_size}").astype(np.int64)
    else:
        count = np.full((1, buckets), counts[1], np.int64)
        count[0, 0], count[0, -1] = counts[0], counts[2]
    nonfinite = part(f"<u{strange_size}").astype(np.int64) if strange_size else ramp(0, 0, buckets)[None]
    return Rows(places, not place_size, count, nonfinite, values)


def _unpacked(row: bytes, arrays: int) -> tuple[list[NDArray[Any]], bytes]:
    """A row's arrays of values, and what is behind them."""
    at = _HEADER.size + _CRC.size
    values = []
    for _ in range(arrays):
        (size,) = _SIZE.unpack_from(row, at)
        values.append(standalone.simple_decompress(row[at + _SIZE.size : at + _SIZE.size + size]))
        at += _SIZE.size + size
    return values, row[at:]


def decode(totals: bytes | memoryview, spread: bytes | memoryview | None, segment: int) -> Buckets:
    """Back from `encode` and, where there is a row of it, `encode_spread`. Raises Corrupt."""
    some = [bytes(row) for row in (totals, spread) if row is not None]
    if not all(map(sound, some)):
        raise Corrupt("rollup")
    rows, *others = (decode_alike([row]) for row in some)
    total = rows.values[0][0].astype(np.float64)
    low = high = np.full_like(total, np.nan)
    if others:
        if not np.array_equal(others[0].places, rows.places):
            raise Corrupt("the rows of minima and of sums hold different buckets")
        low, high = (values[0].astype(np.float64) for values in others[0].values)
    return Buckets(rows.places[0] + segment * SEGMENT, rows.count[0], total, low, high, rows.nonfinite[0])


def encode_extent(extent: Extent) -> bytes:
    body = _EXTENT.pack(EXTENT_MAGIC, extent.count, extent.first, extent.last, extent.bottom, extent.top)
    return body + _CRC.pack(zlib.crc32(body))


def sound_extent(data: bytes | memoryview) -> bool:
    """Whether an extent is as it was written."""
    if len(data) != EXTENT.itemsize or data[: len(EXTENT_MAGIC)] != EXTENT_MAGIC:
        return False
    right: int = _CRC.unpack_from(data, _EXTENT.size)[0]
    return right == zlib.crc32(data[: _EXTENT.size])


def decode_extent(data: bytes | memoryview) -> Extent:
    """Back from `encode_extent`. Raises Corrupt."""
    if not sound_extent(data):
        raise Corrupt("extent")
    _, *fields = _EXTENT.unpack_from(data)
    return Extent(*fields)
