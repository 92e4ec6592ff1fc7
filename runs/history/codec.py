"""One column's sealed series <-> bytes (FORMAT.md, "Chunk"). Pure numpy, no database."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import accumulate
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray
from pcodec import ChunkConfig, standalone

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAGIC = b"CHc\x01"  # the last byte is the version
_HEADER = struct.Struct("<4sIIBBBxIIII")  # magic, values, numbers, three encodings, lengths of the four parts
_CRC = struct.Struct("<I")
_RUN = struct.Struct("<qq")
_PCODEC = ChunkConfig(compression_level=6)
_EXACT = 2**53  # every integer up to here is a float64


class Encoding(IntEnum):
    """How an array of a chunk is written."""

    ARITHMETIC = 0  # integers start + i·stride: two int64
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


def is_number(value: object) -> bool:
    """Whether a JSON value is a point of a series: booleans are not."""
    return type(value) is float or type(value) is int


def plain(number: float) -> float:
    """A whole number as int: the client writes 1.0 as 1, so the two can't be told apart."""
    if number.is_integer() and abs(number) <= _EXACT and (number or str(number) == "0.0"):
        return int(number)
    return number


def values_from(lines: Ints, steps: Ints, values: Sequence[Any]) -> Values:
    """`values` are JSON values; `lines` and `steps` theirs."""
    kinds = set(map(type, values))
    if kinds <= {int, float}:
        numbers = np.array(values, dtype=np.float64)
        if int not in kinds or not (np.abs(numbers) >= _EXACT).any():
            return Values(lines, steps, numbers, {})
    numbers = np.array([value for value in values if is_number(value)], dtype=np.float64)
    return Values(lines, steps, numbers, {place: value for place, value in enumerate(values) if not _fits(value)})


def _fits(value: object) -> bool:
    """Whether float64 tells all of the value."""
    return type(value) is float or (type(value) is int and abs(value) <= _EXACT)


def encode(values: Values) -> bytes:
    """The bytes of a chunk."""
    lines_as, lines = _pack(values.lines)
    steps_as, steps = _pack(values.steps)
    numbers_as, numbers = _pack_floats(values.numbers)
    others = b""
    if values.others:
        text = json.dumps([list(values.others), list(values.others.values())], separators=(",", ":"))
        others = zstandard.compress(text.encode())
    body = b"".join((lines, steps, numbers, others))
    sizes = (len(lines), len(steps), len(numbers), len(others))
    header = _HEADER.pack(MAGIC, len(values.lines), len(values.numbers), lines_as, steps_as, numbers_as, *sizes)
    return header + _CRC.pack(zlib.crc32(body, zlib.crc32(header))) + body


def decode(data: bytes | memoryview) -> Values:
    """Back from `encode`, exactly. Raises Corrupt."""
    start = _HEADER.size + _CRC.size
    if len(data) < start:
        raise Corrupt("too short")
    magic, count, numbers, lines_as, steps_as, numbers_as, *sizes = _HEADER.unpack_from(data)
    if magic != MAGIC or len(data) != start + sum(sizes):
        raise Corrupt("not a chunk of this version, or cut")
    view = memoryview(data)
    if _CRC.unpack_from(data, _HEADER.size)[0] != zlib.crc32(view[start:], zlib.crc32(view[: _HEADER.size])):
        raise Corrupt("checksum")
    ends = list(accumulate(sizes, initial=start))
    parts = [bytes(view[begin:end]) for begin, end in zip(ends, ends[1:], strict=False)]
    others: dict[int, Any] = {}
    if parts[3]:
        others = dict(zip(*json.loads(zstandard.decompress(parts[3])), strict=True))
    return Values(
        _unpack(parts[0], lines_as, count),
        _unpack(parts[1], steps_as, count),
        _unpack_floats(parts[2], numbers_as, numbers),
        others,
    )


def _pack(array: Ints) -> tuple[Encoding, bytes]:
    """The shortest of the encodings of integers."""
    start = int(array[0]) if len(array) else 0
    stride = int(array[1]) - start if len(array) > 1 else 1
    last = start + stride * (len(array) - 1)
    if -(2**63) <= stride < 2**63 and -(2**63) <= last < 2**63:
        wanted = start + stride * np.arange(len(array), dtype=np.int64)
        if np.array_equal(array, wanted):
            return Encoding.ARITHMETIC, _RUN.pack(start, stride)
    return _shorter(array.astype("<i8"), Encoding.RAW64, Encoding.PCODEC64)


def _pack_floats(array: Floats) -> tuple[Encoding, bytes]:
    """float32 if no bit is lost by it."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        narrow = array.astype("<f4")
        if np.array_equal(narrow.astype(np.float64).view(np.int64), array.view(np.int64)):
            return _shorter(narrow, Encoding.RAW32, Encoding.PCODEC32)
    return _shorter(array.astype("<f8"), Encoding.RAW64, Encoding.PCODEC64)


def _shorter(array: NDArray[Any], raw: Encoding, packed: Encoding) -> tuple[Encoding, bytes]:
    plainly = array.tobytes()
    try:
        short = standalone.simple_compress(np.ascontiguousarray(array), _PCODEC)
    except (TypeError, RuntimeError):
        return raw, plainly
    return (packed, short) if len(short) < len(plainly) else (raw, plainly)


def _unpack(data: bytes, encoding: int, count: int) -> Ints:
    if encoding == Encoding.ARITHMETIC:
        start, stride = _RUN.unpack(data)
        return ramp(start, stride, count)
    return _unpack_as(data, encoding, count, {Encoding.RAW64: "<i8", Encoding.PCODEC64: "<i8"}).astype(
        np.int64, copy=False
    )


@lru_cache(maxsize=256)
def ramp(start: int, stride: int, count: int) -> Ints:
    """start + i·stride. Many runs have the same ones: read-only, made once."""
    array: Ints = start + stride * np.arange(count, dtype=np.int64)
    array.setflags(write=False)
    return array


def _unpack_floats(data: bytes, encoding: int, count: int) -> Floats:
    widths = {
        Encoding.RAW64: "<f8",
        Encoding.PCODEC64: "<f8",
        Encoding.RAW32: "<f4",
        Encoding.PCODEC32: "<f4",
    }
    return _unpack_as(data, encoding, count, widths).astype(np.float64, copy=False)


def _unpack_as(data: bytes, encoding: int, count: int, types: dict[Encoding, str]) -> NDArray[Any]:
    """An array of `count` numbers. The checksum was right, so only a writer's fault comes to Corrupt here."""
    if encoding not in types:
        raise Corrupt(f"unknown encoding {encoding}")
    if encoding in (Encoding.RAW64, Encoding.RAW32):
        array = np.frombuffer(data, dtype=types[Encoding(encoding)])
    else:
        array = standalone.simple_decompress(data)
        array = np.empty(0) if array is None else array
    if len(array) != count:
        raise Corrupt(f"{len(array)} numbers instead of {count}")
    return array
