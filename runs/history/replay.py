"""Whole lines back, from chunks and tails."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from runs.columns import column_id
from runs.history import codec, keys, tail
from runs.history.codec import Ints
from runs.history.database import among, fetch, snapshot
from runs.history.lines import Row
from runs.models import Column, HistoryChunk, HistoryTail, Run, StreamName

log = logging.getLogger(__name__)


class Line(NamedTuple):
    """Sorts as lines are given back: by step, then writer, then number."""

    step: int
    writer: str
    number: int
    row: Row  # by dotted key


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines of one writer that were sealed together."""

    writer: str
    first_line: int
    first_step: int  # smallest
    last_step: int  # largest


class Replay:
    """The lines of one stream of a run; with `wanted`, only those keys of them."""

    def __init__(self, run: Run, stream: str, wanted: Collection[str] | None = None) -> None:
        self.run, self.stream, self.wanted = run, stream, wanted
        self.spine = keys.spine_id(run.project_id, stream)
        self._names: dict[uuid.UUID, str] | None = None

    def stretches(self, **of: Any) -> list[Stretch]:
        """In order of writer, then line. `of` narrows them (writer=…)."""
        found = HistoryChunk.objects.filter(run_id=self.run.id, column_id=self.spine, **of)
        fields = ("writer", "first_line", "first_step", "last_step")
        return [Stretch(*row) for row in found.order_by("writer", "first_line").values_list(*fields)]

    def sealed(self, stretch: Stretch) -> list[Line]:
        """Lines of a stretch by number. What can't be read is logged and left out."""
        found = HistoryChunk.objects.filter(run_id=self.run.id, writer=stretch.writer, first_line=stretch.first_line)
        names = self._columns()
        rows: dict[int, Row] = {}
        steps: dict[int, int] = {}
        for column, data in found.filter(column_id__in=among(names)).values_list("column_id", "data"):
            try:
                values = codec.decode(data)
            except codec.Corrupt as error:
                log.error("A chunk of run %s, column %s is left out: %s", self.run.id, column, error)
                continue
            steps.update(zip(values.lines.tolist(), values.steps.tolist(), strict=True))
            if column == self.spine and self.stream != StreamName.HISTORY:
                for line in values.lines.tolist():
                    rows.setdefault(line, {})
                continue
            for line, value in values.items():
                rows.setdefault(line, {})[names[column]] = value
        first = stretch.first_line
        return [Line(steps[line], stretch.writer, first + line, rows[line]) for line in sorted(rows)]

    def unsealed(self, **of: Any) -> list[Line]:
        """Lines of the tails, in order of writer, then number. `of` narrows them."""
        found = HistoryTail.objects.filter(run_id=self.run.id, stream=self.stream, **of)
        lines = []
        rows = found.order_by("writer", "first_line").values_list("writer", "first_line", "data")
        for writer, first, data in fetch(rows):
            try:
                blocks = tail.decode(bytes(data))
            except codec.Corrupt as error:
                log.error("Tail of run %s at line %d is left out: %s", self.run.id, first, error)
                continue
            own = [
                Line(step, writer, first + place, row)
                for block in blocks
                for step, (place, row) in zip(self._steps(block, first).tolist(), block.rows(self.wanted), strict=True)
                if row or self.wanted is None
            ]
            lines += sorted(own, key=attrgetter("number")) if len(blocks) > 1 else own
        return lines

    def _steps(self, block: tail.Block, first: int) -> Ints:
        if self.stream != StreamName.HISTORY:
            return first + block.places
        return block.integers(tail.place_of(tail.name("_step"), block.names))

    def _columns(self) -> dict[uuid.UUID, str]:
        """The columns to read, with their keys."""
        if self._names is None:
            scope = keys.scope_of(self.stream)
            if self.wanted is not None:
                self._names = {column_id(self.run.project_id, scope, key): key for key in self.wanted}
            else:
                found = Column.objects.filter(project_id=self.run.project_id, scope=scope)
                self._names = dict(found.values_list("id", "key")) | {self.spine: keys.SPINES[self.stream]}
        return self._names


def rows(
    *, run_id: uuid.UUID, stream: str, min_step: int | None, max_step: int | None, keys: Sequence[str] | None
) -> Iterator[Row]:
    """See runs.history.store.rows. Reads as many stretches at a time as share steps: one, but in shared mode."""
    run = Run.objects.filter(id=run_id).first()
    if run is None:
        return
    low = -(2**63) if min_step is None else min_step
    end = 2**63 if max_step is None else max_step
    replay = Replay(run, stream, None if keys is None else frozenset(keys))
    with snapshot():
        stretches = [part for part in replay.stretches() if part.last_step >= low and part.first_step < end]
        unsealed = [line for line in replay.unsealed() if low <= line.step < end]
    stretches.sort(key=lambda part: part.first_step)
    unsealed.sort(key=lambda line: line[:3])
    held: list[Line] = unsealed
    for place, stretch in enumerate(stretches):
        held = sorted(
            [*held, *(line for line in replay.sealed(stretch) if low <= line.step < end)], key=lambda line: line[:3]
        )
        # Whatever comes later begins at the next stretch's smallest step.
        border = stretches[place + 1].first_step if place + 1 < len(stretches) else end
        ready = sum(line.step < border for line in held)
        yield from (line.row for line in held[:ready])
        held = held[ready:]
    yield from (line.row for line in held)


def keys_of(*, run: Run, stream: str) -> set[str]:
    """See runs.history.store.keys. Reads the unsealed lines, and of the sealed ones only which columns have a chunk."""
    columns = Column.objects.filter(project_id=run.project_id, scope=keys.scope_of(stream))
    with snapshot():
        found = {key for line in Replay(run, stream).unsealed() for key in line.row}
        sealed = HistoryChunk.objects.filter(run_id=run.id).values("column_id")
        return found | set(columns.filter(id__in=sealed).values_list("key", flat=True))


def tail_lines(*, run_id: uuid.UUID, stream: str, count: int) -> list[str]:
    """See runs.history.store.tail_lines."""
    run = Run.objects.filter(id=run_id).first()
    if run is None or count < 1:
        return []
    with snapshot():
        replay = Replay(run, stream)
        lines = replay.unsealed()
        stretches = replay.stretches()
        writers = {line.writer for line in lines} | {stretch.writer for stretch in stretches}
        last: list[Line] = []
        for writer in sorted(writers):
            own = [line for line in lines if line.writer == writer]
            older = [stretch for stretch in stretches if stretch.writer == writer]
            while len(own) < count and older:
                own = replay.sealed(older.pop()) + own
            last += own[-count:]
    if len(writers) > 1:
        last.sort(key=lambda line: line[:3])
    return texts(last[-count:])


def texts(lines: Iterable[Line]) -> list[str]:
    """Lines as JSON."""
    return [json.dumps(line.row, separators=(",", ":")) for line in lines]
