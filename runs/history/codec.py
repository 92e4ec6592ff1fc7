"""One column's sealed series <-> bytes (FORMAT.md, "Chunk"). Pure numpy, no database."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, lru_cache
from itertools import accumulate
from struct import unpack_from
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray
from pcodec import ChunkConfig, PagingSpec, standalone, wrapped

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAGIC = b"CHc\x03"  # the last byte is the version
PAGE = 512  # numbers that are decoded together, a power of two
_FIRST_PAGE = 1024  # of chunks whose header does not say it
# Magic, values, numbers, three encodings, binary logarithm of the page, lengths of the first four parts.
_HEADER = struct.Struct("<4sIIBBBBIIII")
_CRC = struct.Struct("<I")
_RUN = struct.Struct("<qq")
_LEVEL = 6  # of pcodec
_TRIED = 16  # numbers by which most arrays are seen not to fit an encoding
EXACT = 2**53  # every integer up to here is a float64


class Encoding(IntEnum):
    """How an array of a chunk is written."""

    ARITHMETIC = 0  # whole numbers start + i·stride: two int64
    RAW64 = 1  # int64 or float64, little-endian
    PCODEC64 = 2
    RAW32 = 3  # float32
    PCODEC32 = 4


class Corrupt(ValueError):
    """The bytes are not what was written."""


@dataclass(frozen=True, slots=True)
class Values:
    """What a column holds in a stretch of lines, in order of line.

    `numbers` are the places whose value is a number, as float64. `others` is place -> value for all that float64 can't
    tell: what is no number, and integers beyond 2^53 (which are in `numbers` too, rounded).
    """

    lines: Ints  # (values,) ascending, from the first line of the stretch
    steps: Ints  # (values,)
    numbers: Floats  # (numbers,), numbers ≤ values
    others: dict[int, Any]

    def series(self) -> tuple[Ints, Ints, Floats]:
        """Lines, steps and values of the numbers, each (numbers,)."""
        strange = [place for place, value in self.others.items() if not is_number(value)]
        if not strange:
            return self.lines, self.steps, self.numbers
        return np.delete(self.lines, strange), np.delete(self.steps, strange), self.numbers

    def items(self) -> list[tuple[int, Any]]:
        """(line, value) of all values; numbers as `plain` gives them."""
        numbers = iter(self.numbers.tolist())
        found = []
        for place, line in enumerate(self.lines.tolist()):
            if place not in self.others:
                found.append((line, plain(next(numbers))))
                continue
            value = self.others[place]
            if is_number(value):
                next(numbers)
            found.append((line, value))
        return found


def joined(first: Values, second: Values) -> Values:
    """Values of two pieces of one stretch, the second behind the first."""
    others = {len(first.lines) + place: value for place, value in second.others.items()}
    return Values(
        np.concatenate((first.lines, second.lines)),
        np.concatenate((first.steps, second.steps)),
        np.concatenate((first.numbers, second.numbers)),
        first.others | others,
    )


def is_number(value: object) -> bool:
    """Whether a JSON value is a point of a series: booleans are not."""
    return type(value) is float or type(value) is int


def plain(number: float) -> float:
    """A whole number as int: the client writes 1.0 as 1, so the two can't be told apart."""
    if number.is_integer() and abs(number) <= EXACT and (number or str(number) == "0.0"):
        return int(number)
    return number


def fits(value: object) -> bool:
    """Whether float64 tells all of the value."""
    return type(value) is float or (type(value) is int and abs(value) <= EXACT)


def encode(values: Values) -> bytes:
    """The bytes of a chunk."""
    lines_as, lines = _pack(values.lines)
    steps_as, steps = _pack(values.steps)
    others = b""
    if values.others:
        text = json.dumps([list(values.others), list(values.others.values())], separators=(",", ":"))
        others = zstandard.compress(text.encode())
    numbers_as, key, pages = _pack_numbers(values.numbers)
    sizes = (len(lines), len(steps), len(others), len(key))
    encodings = lines_as, steps_as, numbers_as
    header = _HEADER.pack(MAGIC, len(values.lines), len(values.numbers), *encodings, PAGE.bit_length() - 1, *sizes)
    table = np.array([(len(page), zlib.crc32(page)) for page in pages], dtype="<u4").tobytes()
    front = b"".join((lines, steps, others, key, table))
    return b"".join((header, _CRC.pack(zlib.crc32(front, zlib.crc32(header))), front, *pages))


def decode(data: bytes | memoryview) -> Values:
    """Back from `encode`, exactly. Raises Corrupt."""
    chunk = Chunk(bytes(data))
    return Values(chunk.lines, chunk.steps, chunk.all_numbers(), chunk.others)


def series(data: bytes, low: int, high: int) -> tuple[Ints, Ints, Floats]:
    """Lines, steps and values of the numbers in low ≤ step ≤ high; decodes the pages they are in. Raises Corrupt."""
    chunk = Chunk(data)
    places = chunk.between(low, high)
    if places is None:
        lines, steps, numbers = Values(chunk.lines, chunk.steps, chunk.all_numbers(), chunk.others).series()
        inside = (steps >= low) & (steps <= high)
        return lines[inside], steps[inside], numbers[inside]
    return chunk.part(*places, data)


class Chunk:
    """A chunk whose front has been read: all but the pages of its numbers.

    `data` is the chunk or its beginning, of `size` bytes in all. Raises Corrupt, and EOFError if the front is cut.
    """

    def __init__(self, data: bytes, size: int | None = None) -> None:
        self._data = data
        at = _HEADER.size + _CRC.size
        if len(data) < at:
            raise Corrupt("too short")
        magic, self._values, self.count, lines_as, steps_as, numbers_as, page, *sizes = _HEADER.unpack_from(data)
        if magic != MAGIC:
            raise Corrupt("not a chunk of this version")
        self._encoding, self._page = numbers_as, 1 << page if page else _FIRST_PAGE
        pages = -(-self.count // self._page) if numbers_as != Encoding.ARITHMETIC else 0
        lines, steps, others, key, table, end = accumulate((*sizes, 8 * pages), initial=at)
        size = len(data) if size is None else size
        if end > len(data):
            raise EOFError if end <= size else Corrupt("cut")
        if _CRC.unpack_from(data, _HEADER.size)[0] != zlib.crc32(data[at:end], zlib.crc32(data[: _HEADER.size])):
            raise Corrupt("checksum")
        numbers: tuple[int, ...] = unpack_from(f"<{2 * pages}I", data, table)
        self._sizes, self._checksums, self._front = numbers[::2], numbers[1::2], end
        if self._start(pages) != size:
            raise Corrupt("cut")
        self._lines, self._steps = (data[lines:steps], lines_as), (data[steps:others], steps_as)
        self._even = _RUN.unpack_from(data, steps) if steps_as == Encoding.ARITHMETIC else None
        self.others: dict[int, Any] = {}
        if key > others:
            self.others = dict(zip(*json.loads(zstandard.decompress(data[others:key])), strict=True))
        self._key = data[key:table]

    @property
    def lines(self) -> Ints:
        return _unpack(*self._lines, self._values)

    @cached_property
    def steps(self) -> Ints:
        return _unpack(*self._steps, self._values)

    def between(self, low: int, high: int) -> tuple[int, int] | None:
        """Places first ≤ i < end of what is in low ≤ step ≤ high; None if steps fall or not all values are numbers."""
        if self.others:
            return None
        if self._even and self._even[1] > 0:
            start, stride = self._even
            end = max(0, min(self._values, (high - start) // stride + 1))
            return min(end, max(0, -((start - low) // stride))), end
        if (self.steps[1:] < self.steps[:-1]).any():
            return None
        return int(np.searchsorted(self.steps, low)), int(np.searchsorted(self.steps, high, side="right"))

    def bytes_of(self, first: int, end: int) -> tuple[int, int]:
        """Where the pages of places first ≤ i < end, counted among the numbers, begin and end in the chunk."""
        if first >= end or self._encoding == Encoding.ARITHMETIC:
            return 0, 0
        return self._start(first // self._page), self._start(-(-end // self._page))

    def _start(self, page: int) -> int:
        """Where a page begins in the chunk."""
        return sum(self._sizes[:page], self._front)

    def part(self, first: int, end: int, pages: bytes, origin: int = 0) -> tuple[Ints, Ints, Floats]:
        """Lines, steps and values of places first ≤ i < end, all being numbers; see `numbers`."""
        if self._even:
            steps = ramp(self._even[0] + first * self._even[1], self._even[1], end - first)
        else:
            steps = self.steps[first:end]
        return self.lines[first:end], steps, self.numbers(first, end, pages, origin)

    def all_numbers(self) -> Floats:
        """All of a chunk that is at hand as a whole."""
        return self.numbers(0, self.count, self._data)

    def numbers(self, first: int, end: int, pages: bytes, origin: int = 0) -> Floats:
        """Those of places first ≤ i < end, counted among the numbers.

        `pages` are the bytes of the chunk from `origin` on, those that `bytes_of` told of among them.
        """
        if self._encoding == Encoding.ARITHMETIC:
            return ramp(*_RUN.unpack(self._key), self.count)[first:end].astype(np.float64)
        if first >= end:
            return np.empty(0)
        size = self._page
        first_page, end_page = first // size, -(-end // size)
        start = first_page * size
        narrow = self._encoding in (Encoding.RAW32, Encoding.PCODEC32)
        found: NDArray[Any] = np.empty(min(end_page * size, self.count) - start, "<f4" if narrow else "<f8")
        pcodec = None
        if self._encoding in (Encoding.PCODEC64, Encoding.PCODEC32):
            file, read = wrapped.FileDecompressor.new(self._key)
            pcodec, _ = file.chunk_decompressor(self._key[read:], "f32" if narrow else "f64")
        at = self._start(first_page) - origin
        some, place = slice(first_page, end_page), 0
        for length, checksum in zip(self._sizes[some], self._checksums[some], strict=True):
            page = pages[at : at + length]
            if zlib.crc32(page) != checksum:
                raise Corrupt("checksum")
            part = found[place : place + size]
            if pcodec is None:
                part[:] = np.frombuffer(page, found.dtype)
            else:
                pcodec.read_page_into(page, len(part), part)
            at, place = at + length, place + size
        return found[first - start : end - start].astype(np.float64, copy=False)


def _pack(array: Ints) -> tuple[Encoding, bytes]:
    """The shortest of the encodings of integers."""
    if (even := _arithmetic(array)) is not None:
        return Encoding.ARITHMETIC, even
    plainly = array.astype("<i8").tobytes()
    try:
        short = standalone.simple_compress(np.ascontiguousarray(array), ChunkConfig(compression_level=_LEVEL))
    except (TypeError, RuntimeError):
        return Encoding.RAW64, plainly
    return (Encoding.PCODEC64, short) if len(short) < len(plainly) else (Encoding.RAW64, plainly)


def _arithmetic(array: Ints) -> bytes | None:
    start = int(array[0]) if len(array) else 0
    stride = int(array[1]) - start if len(array) > 1 else 1
    last = start + stride * (len(array) - 1)
    in_range = -(2**63) <= stride < 2**63 and -(2**63) <= last < 2**63  # so no difference that wraps around is equal
    return _RUN.pack(start, stride) if in_range and (np.diff(array) == stride).all() else None


def _pack_numbers(array: Floats) -> tuple[Encoding, bytes, list[bytes]]:
    """Encoding, what all pages need, and the pages. float32 if no bit is lost by it."""
    some = array[:_TRIED]
    if (
        len(array)
        and _is_whole(some)
        and _is_whole(array)
        and (even := _arithmetic(array.astype(np.int64))) is not None
    ):
        return Encoding.ARITHMETIC, even, []
    if _narrow(some) is not None and (narrow := _narrow(array)) is not None:
        return _shorter(narrow, Encoding.RAW32, Encoding.PCODEC32)
    return _shorter(array.astype("<f8"), Encoding.RAW64, Encoding.PCODEC64)


def _is_whole(array: Floats) -> bool:
    """Whether int64 holds all of it, and none is beyond what float64 holds exactly."""
    return bool((np.abs(array) <= EXACT).all()) and _same(array.astype(np.int64).astype(np.float64), array)


def _narrow(array: Floats) -> NDArray[Any] | None:
    """The same as float32, if no bit is lost by it."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        narrow = array.astype("<f4")
        return narrow if _same(narrow.astype(np.float64), array) else None


def _same(some: Floats, others: Floats) -> bool:
    """Equal to the bit: -0.0 is not 0.0, NaN is NaN."""
    return bool((some.view(np.int64) == others.view(np.int64)).all())


def _shorter(array: NDArray[Any], raw: Encoding, packed: Encoding) -> tuple[Encoding, bytes, list[bytes]]:
    array = np.ascontiguousarray(array)
    starts = range(0, len(array), PAGE)
    paging = PagingSpec.exact_page_sizes([min(PAGE, len(array) - at) for at in starts])
    file = wrapped.FileCompressor()
    try:
        chunk = file.chunk_compressor(array, ChunkConfig(compression_level=_LEVEL, paging_spec=paging))
    except (TypeError, RuntimeError):
        pass
    else:
        key, pages = file.write_header() + chunk.write_meta(), [chunk.write_page(at) for at in range(len(starts))]
        if len(key) + sum(map(len, pages)) < array.nbytes:
            return packed, key, pages
    return raw, b"", [array[at : at + PAGE].tobytes() for at in starts]


def _unpack(data: bytes, encoding: int, count: int) -> Ints:
    """An array of `count` integers. The checksum was right, so only a writer's fault comes to Corrupt here."""
    if encoding == Encoding.ARITHMETIC:
        return ramp(*_RUN.unpack(data), count)
    if encoding == Encoding.RAW64:
        array: Ints = np.frombuffer(data, "<i8").astype(np.int64, copy=False)
    elif encoding == Encoding.PCODEC64:
        array = standalone.simple_decompress(data)
    else:
        raise Corrupt(f"unknown encoding {encoding}")
    if len(array) != count:
        raise Corrupt(f"{len(array)} numbers instead of {count}")
    return array


@lru_cache(maxsize=256)
def ramp(start: int, stride: int, count: int) -> Ints:
    """start + i·stride. Many runs have the same ones: read-only, made once."""
    array: Ints = start + stride * np.arange(count, dtype=np.int64)
    array.setflags(write=False)
    return array
