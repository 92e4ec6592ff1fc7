"""Rows <-> the bytes of a tail row, column by column (FORMAT.md, "Tail row"). No database."""

from __future__ import annotations

import json
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import orjson
import zstandard
from numpy.typing import NDArray

from runs.history import codec
from runs.history.codec import Corrupt, Floats, Ints
from runs.history.lines import Row, loads
from runs.models import Kind

MAGIC = b"CHt\x01"  # the last byte is the version
_HEADER = struct.Struct("<4sIII")  # magic, lines, blocks, bytes of the directory
_CRCS = struct.Struct("<II")  # of header and directory, of the body
_START = _HEADER.size + _CRCS.size
_BLOCK = struct.Struct("<IIII")  # lines, keys, bytes of the names, bytes of the others
_KINDS: dict[type, Kind] = {
    int: Kind.NUMBER,
    float: Kind.NUMBER,
    str: Kind.TEXT,
    bool: Kind.BOOL,
    type(None): Kind.NULL,
    list: Kind.LIST,
    dict: Kind.OBJECT,
}

Others = dict[int, dict[int, Any]]  # by key and line, as places in the block


class Block(NamedTuple):
    """The lines that have exactly these keys, in this order.

    `others` holds what float64 can't: values that are no numbers (NaN in `numbers`), and integers beyond 2^53 (rounded
    in `numbers`).
    """

    names: bytes  # U+0000 after each key, and before the first
    kinds: bytes  # (keys,) sums of runs.models.Kind
    places: Ints  # (lines,) ascending
    numbers: Floats  # (keys, lines)
    others: Others

    def keys(self) -> list[str]:
        return self.names.decode().split("\0")[1:-1]

    def series(self, key: int) -> tuple[slice | Ints, Floats]:
        """Which of the lines have a number of a key, and these."""
        strange = [line for line, value in self.others.get(key, {}).items() if not codec.is_number(value)]
        if not strange:
            return slice(None), self.numbers[key]
        keep = np.delete(np.arange(len(self.places)), strange)
        return keep, self.numbers[key][keep]

    def integers(self, key: int) -> Ints:
        """The values of a key that is an integer in every line."""
        with np.errstate(invalid="ignore"):
            whole: Ints = self.numbers[key].astype(np.int64)
        for line, value in self.others.get(key, {}).items():
            whole[line] = value
        return whole

    def rows(self, wanted: Iterable[str] | None = None) -> Iterator[tuple[int, Row]]:
        """Place and values of each line; with `wanted`, only of those keys. Whole numbers are integers."""
        keys = self.keys()
        some = [place for place, key in enumerate(keys) if wanted is None or key in wanted]
        columns = [list(map(codec.plain, self.numbers[key].tolist())) for key in some]
        for key, column in zip(some, columns, strict=True):
            for line, value in self.others.get(key, {}).items():
                column[line] = value
        names = [keys[key] for key in some]
        for line, place in enumerate(self.places.tolist()):
            yield place, {name: column[line] for name, column in zip(names, columns, strict=True)}


def name(key: str) -> bytes:
    """How a key is found among the names of a block. No key holds U+0000."""
    return f"\0{key}\0".encode()


def place_of(name: bytes, names: bytes) -> int:
    """Which of the keys it is; -1 if none."""
    at = names.find(name)
    return at if at < 0 else names.count(b"\0", 0, at)


def blocks(rows: Sequence[Row]) -> list[Block]:
    """Rows by dotted key, the places being theirs from 0."""
    first = tuple(rows[0])
    alike: dict[tuple[str, ...], Sequence[int]] = {first: range(len(rows))}
    if not all(map(first.__eq__, map(tuple, rows))):
        found_at = defaultdict[tuple[str, ...], list[int]](list)
        for place, row in enumerate(rows):
            found_at[tuple(row)].append(place)
        alike = dict(found_at)
    found = []
    for keys, places in alike.items():
        some = rows if len(alike) == 1 else [rows[place] for place in places]
        names = "\0".join(("", *keys, "")).encode() if keys else b"\0"
        found.append(Block(names, *_values(some, len(keys), np.array(places, dtype=np.int64))))
    return found


def _values(rows: Sequence[Row], keys: int, places: Ints) -> tuple[bytes, Ints, Floats, Others]:
    """The fields of a block after its names."""
    types = set(map(type, chain.from_iterable(map(dict.values, rows))))
    if types <= {int, float}:
        values = chain.from_iterable(map(dict.values, rows))
        numbers = np.fromiter(values, np.float64, len(rows) * keys).reshape(len(rows), keys)
        if int not in types or not (np.abs(numbers) >= codec.EXACT).any():
            return bytes([Kind.NUMBER]) * keys, places, np.ascontiguousarray(numbers.T), {}
    others: Others = {}
    kinds = bytearray(keys)
    numbers = np.full((keys, len(rows)), np.nan)
    for key, of_key in enumerate(zip(*map(dict.values, rows), strict=True)):
        types = set(map(type, of_key))
        kinds[key] = sum({_KINDS[kind] for kind in types})
        if types <= {int, float}:
            numbers[key] = of_key
        else:
            numbers[key] = [value if codec.is_number(value) else np.nan for value in of_key]
        if types != {float} and (
            strange := {line: value for line, value in enumerate(of_key) if not codec.fits(value)}
        ):
            others[key] = strange
    return bytes(kinds), places, numbers, others


def kinds(blocks: Iterable[Block]) -> dict[str, int]:
    """The keys, each with the sum of the kinds of its values."""
    sums: dict[str, int] = {}
    for block in blocks:
        for key, kind in zip(block.keys(), block.kinds, strict=True):
            sums[key] = sums.get(key, 0) | kind
    return sums


def joined(parts: Iterable[tuple[int, Iterable[Block]]]) -> list[Block]:
    """The blocks of parts that follow one another, each with what its places are counted from."""
    alike: dict[bytes, list[Block]] = {}
    for first, found in parts:
        for block in found:
            alike.setdefault(block.names, []).append(block._replace(places=block.places + first))
    return [_joined(some) if len(some) > 1 else some[0] for some in alike.values()]


def _joined(some: Sequence[Block]) -> Block:
    others: Others = {}
    before = 0
    for block in some:
        for key, of_key in block.others.items():
            others.setdefault(key, {}).update({before + line: value for line, value in of_key.items()})
        before += len(block.places)
    kinds = bytes(np.bitwise_or.reduce([np.frombuffer(block.kinds, np.uint8) for block in some]))
    places = np.concatenate([block.places for block in some])
    return Block(some[0].names, kinds, places, np.concatenate([block.numbers for block in some], axis=1), others)


def encode(count: int, blocks: Sequence[Block]) -> bytes:
    """The bytes of a tail row of `count` lines."""
    directory, body = [], []
    for block in blocks:
        others = _others_encode(block.others)
        directory += [_BLOCK.pack(len(block.places), len(block.kinds), len(block.names), len(others)), block.kinds]
        directory.append(block.names)
        if len(block.places) < count:
            body.append(block.places.astype("<u4").tobytes())
        body += [block.numbers.astype("<f8", copy=False).tobytes(), others]
    head, rest = b"".join(directory), b"".join(body)
    header = _HEADER.pack(MAGIC, count, len(blocks), len(head))
    return header + _CRCS.pack(zlib.crc32(head, zlib.crc32(header)), zlib.crc32(rest)) + head + rest


def _others_encode(others: Mapping[int, Mapping[int, Any]]) -> bytes:
    if not others:
        return b""
    columns = [[key, list(of_key), list(of_key.values())] for key, of_key in others.items()]
    return zstandard.compress(json.dumps(columns, ensure_ascii=False, separators=(",", ":")).encode(), 1)


def _others_decode(data: bytes) -> Others:
    if not data:
        return {}
    text = zstandard.decompress(data)
    try:
        columns = orjson.loads(text)
    except orjson.JSONDecodeError:
        columns = loads(text)
    return {key: dict(zip(lines, values, strict=True)) for key, lines, values in columns}


class Entry(NamedTuple):
    """What the directory says of a block."""

    lines: int
    kinds: bytes
    names: bytes
    others: int  # bytes


def directory(data: bytes) -> list[Entry]:
    """The blocks of a tail row, of which `data` may be the beginning only. Raises Corrupt, or EOFError if too short."""
    if len(data) < _START:
        raise Corrupt("too short")
    magic, _, blocks, size = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise Corrupt("not a tail row of this version")
    at, end, view = _START, _START + size, memoryview(data)
    if len(data) < end:
        raise EOFError
    if zlib.crc32(view[at:end], zlib.crc32(view[: _HEADER.size])) != _CRCS.unpack_from(data, _HEADER.size)[0]:
        raise Corrupt("checksum of the directory")
    entries = []
    for _ in range(blocks):
        lines, keys, names, others = _BLOCK.unpack_from(data, at)
        at += _BLOCK.size + keys + names
        entries.append(Entry(lines, data[at - names - keys : at - names], data[at - names : at], others))
    return entries


class Parts:
    """The blocks of a tail row, each decoded when it is first asked for. Raises Corrupt."""

    def __init__(self, data: bytes) -> None:
        try:
            entries = directory(data)
        except EOFError:
            raise Corrupt("cut") from None
        _, self._count, _, size = _HEADER.unpack_from(data)
        at = _START + size
        if zlib.crc32(memoryview(data)[at:]) != _CRCS.unpack_from(data, _HEADER.size)[1]:
            raise Corrupt("checksum")
        self._data = data
        self._blocks: list[tuple[Entry, int] | Block] = []
        for entry in entries:
            self._blocks.append((entry, at))
            at += (4 * entry.lines if entry.lines < self._count else 0) + 8 * entry.lines * len(entry.kinds)
            at += entry.others

    def naming(self, name: bytes) -> Iterator[Block]:
        """Those with a key (see `name`), exactly as encoded; with b"" all."""
        for place, part in enumerate(self._blocks):
            if isinstance(part, Block):
                if name in part.names:
                    yield part
            elif name in part[0].names:
                self._blocks[place] = block = self._decoded(*part)
                yield block

    def _decoded(self, entry: Entry, at: int) -> Block:
        lines, kinds, names, others = entry
        data = self._data
        numbers_at = at + (4 * lines if lines < self._count else 0)
        others_at = numbers_at + 8 * lines * len(kinds)
        places = _array(data, "<u4", lines, at).astype(np.int64) if lines < self._count else codec.ramp(0, 1, lines)
        numbers = _array(data, "<f8", lines * len(kinds), numbers_at).reshape(len(kinds), lines)
        return Block(names, kinds, places, numbers, _others_decode(data[others_at : others_at + others]))


def decode(data: bytes) -> list[Block]:
    """All blocks of a tail row, exactly as encoded. Raises Corrupt."""
    return list(Parts(data).naming(b""))


def _array(data: bytes, kind: str, count: int, at: int) -> NDArray[Any]:
    return np.frombuffer(data, kind, count, at)
