"""Numbers, and the names of columns, in the lines that are not sealed yet."""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from django.db.models.functions import Substr

from runs.history import codec, tail
from runs.history.database import Ids, among, bare, fetch, kept, listed
from runs.history.pieces import Asked, Piece, Pieces
from runs.models import HistoryTail, Kind, StreamName
from runs.statements import Question

log = logging.getLogger(__name__)

KEPT = 2**24  # bytes of unsealed lines that charts drawn together share
_STEP = tail.name("_step")
_DIRECTORY = 2048  # bytes at the beginning of a tail row that are looked at first, to see which keys it has

_TAILS = Question(
    lambda runs, stream: (
        HistoryTail.objects.filter(run_id__in=listed(runs), stream=stream)
        .order_by("run_id", "writer", "first_line")
        .values_list("run_id", "writer", "first_line", "data")
    ),
    [str, str],
)


def tail_pieces(*columns: Asked) -> list[Pieces]:
    """Numbers of the columns, which are of the same runs and stream, in the lines not yet sealed."""
    stream, runs = columns[0].stream, columns[0].runs
    names = [tail.name(column.key) for column in columns]
    found: list[Pieces] = [{} for _ in columns]
    for run, at, row in _tail_rows(stream, runs):
        blocks = list(row.naming(names[0]))
        for column, name, pieces in zip(columns, names, found, strict=True):
            if piece := _tail_piece(blocks, column, name, at):
                pieces.setdefault(run, []).append(piece)
    return found


@dataclass(slots=True)
class _TailRows:
    """Tail rows that were read in this snapshot: none of them unless all are few enough to be kept."""

    rows: list[tuple[int, tuple[str, int], tail.Parts]] = field(default_factory=list)
    whole: bool = False


def _tail_rows(stream: str, runs: Ids) -> Iterator[tuple[int, tuple[str, int], tail.Parts]]:
    """Each with its run and its place, in order; one at a time in memory where they are large together."""
    known = kept("tails", (stream, tuple(runs.ids)), _TailRows)
    if known.whole:
        yield from known.rows
        return
    found, size = [], 0
    for run, writer, first_line, data in bare(*_TAILS.filled([runs.text(), stream])):
        place = runs.places[run]
        try:
            row = place, (writer, first_line), tail.Parts(bytes(data))
        except codec.Corrupt as error:
            log.error("Tail of run %s at line %d is left out: %s", runs[place], first_line, error)
            continue
        size += len(data)
        if size <= KEPT:
            found.append(row)
        else:
            found.clear()
        yield row
    if size <= KEPT:
        known.rows, known.whole = found, True


def _tail_piece(blocks: Sequence[tail.Block], asked: Asked, name: bytes, at: tuple[str, int]) -> Piece | None:
    parts = []
    for block in blocks:
        if (key := tail.place_of(name, block.names)) < 0:
            continue
        steps = block.integers(tail.place_of(_STEP, block.names)) if asked.stream == StreamName.HISTORY else None
        keep, values = block.series(key)
        lines = block.places[keep]
        if len(lines):
            parts.append((lines, at[1] + lines if steps is None else steps[keep], values))
    if len(parts) < 2:
        return Piece(at, *parts[0]) if parts else None
    lines, steps, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.argsort(lines)
    return Piece(at, lines[order], steps[order], values[order])


def runs_with_numbers(*, project: uuid.UUID, stream: str, key: str, known: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """The `known` runs, and those of the project that have a number of the key in a tail."""
    found, searched = set(known), tail.name(key)
    tails = kept("directories", (project, stream), lambda: _Directories.of(project, stream))
    for (names, kinds), runs in tails.runs.items():
        if _numeric(searched, names, kinds):
            found |= runs
    if not tails.longer:
        return found
    # A run that has one number is known: the rest of its tail is not looked at.
    rest = HistoryTail.objects.filter(run_id__in=among(tails.longer - found), stream=stream)
    for run, first_line, data in fetch(rest.values_list("run_id", "first_line", "data")):
        if run not in found:
            entries = _directory(run, first_line, data)
            if any(_numeric(searched, entry.names, entry.kinds) for entry in entries):
                found.add(run)
    return found


@dataclass(frozen=True, slots=True)
class _Directories:
    """What the tail rows of a project say they hold, as far as their beginnings tell."""

    runs: dict[tuple[bytes, bytes], set[uuid.UUID]]  # by names and kinds of a block
    longer: set[uuid.UUID]  # the runs of rows that were cut before they told

    @classmethod
    def of(cls, project: uuid.UUID, stream: str) -> _Directories:
        rows = HistoryTail.objects.filter(run__project_id=project, stream=stream)
        found = cls(defaultdict(set), set())
        for run, first_line, data in fetch(rows.values_list("run_id", "first_line", Substr("data", 1, _DIRECTORY))):
            try:
                for entry in _directory(run, first_line, data):
                    found.runs[entry.names, entry.kinds].add(run)
            except EOFError:
                found.longer.add(run)
        return found


def _directory(run: uuid.UUID, first_line: int, data: bytes | memoryview) -> list[tail.Entry]:
    """Of a tail row, or the beginning of one. Raises EOFError if it is cut before its end."""
    try:
        return tail.directory(bytes(data))
    except codec.Corrupt as error:
        log.error("Tail of run %s at line %d is left out: %s", run, first_line, error)
        return []


def _numeric(name: bytes, names: bytes, kinds: bytes) -> bool:
    """Whether a block of these names and kinds has numbers of a key."""
    place = tail.place_of(name, names)
    return place >= 0 and bool(kinds[place] & Kind.NUMBER)
