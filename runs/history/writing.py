"""Lines in, and out again: append, clear, truncate. The caller holds a transaction and the run's lock."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.db.models import Max, Q, QuerySet, Sum

from runs.history import alike, codec, compaction, keys, levels, replay, tail
from runs.history.lines import check
from runs.history.shapes import Appended, LinesRefused
from runs.history.tail import Block
from runs.models import Column, HistoryChunk, HistoryTail, Run, Stream, StreamName
from runs.statements import Change, deleting, inserting, send, updating

log = logging.getLogger(__name__)

MOST_KEYS = 2**17  # of one request, so that what it costs has a bound
_FANOUT = 4  # rows of equal size that become one
_LARGE = 256  # lines of a request that are a row by themselves


def append(
    *,
    run: Run,
    stream: str,
    writer: str,
    offset: int,
    lines: Sequence[str],
    at: Stream | None = None,
    later: list[Change] | None = None,
) -> Appended:
    """See runs.history.store.append."""
    if offset < 0:
        raise LinesRefused(f"line {offset}: numbers begin at 0")
    at = at or Stream.objects.filter(run_id=run.id, stream=stream, writer=writer).first()
    starts_anew = at is not None and at.restart and offset == 0 and bool(lines)
    stored = 0 if at is None or starts_anew else at.lines
    if offset > stored:
        raise LinesRefused(f"line {offset}: only {stored} lines are stored, those between are missing")
    new = lines[stored - offset :]
    if not new:
        return Appended(added=0, lines=stored, last_step=-1)
    blocks, last_step = _read(run, stream, writer, new, stored)
    kinds = tail.kinds(blocks)
    if len(kinds) > MOST_KEYS:
        raise LinesRefused(f"line {stored} and those after it have {len(kinds)} keys, more than {MOST_KEYS}")
    if starts_anew:
        clear(run=run, stream=stream, writer=writer)
    if at is None or starts_anew:
        at = Stream.objects.create(run_id=run.id, stream=stream, writer=writer)
    keys.columns_ensure(
        project_id=run.project_id, scope=keys.scope_of(stream), kinds=kinds, made_at=run.project.created_at
    )
    _put(run, at, len(new), blocks, later)
    return Appended(added=len(new), lines=at.lines, last_step=last_step)


def _read(run: Run, stream: str, writer: str, lines: Sequence[str], first_line: int) -> tuple[Sequence[Block], int]:
    """Lines as blocks, placed from 0, and the greatest of their steps. Raises LinesRefused."""
    stepped = stream == StreamName.HISTORY
    if len(lines) >= alike.FEWEST and (block := alike.block(lines, stepped=stepped)):
        steps = block.integers(block.keys().index("_step")) if stepped else block.places + first_line
        return [block], int(steps.max())
    rows, found = check(
        lines,
        stream=stream,
        first_line=first_line,
        previous_step=lambda: _last_step(run, writer, first_line) if first_line else -1,
    )
    return tail.blocks(rows), max(found)


def _put(run: Run, at: Stream, count: int, blocks: Sequence[Block], later: list[Change] | None = None) -> None:
    """Store lines behind those of a stream, in a tail row, or in chunks if there are enough."""
    first_line = at.lines
    at.lines += count
    if at.lines - at.sealed_lines > compaction.SEAL_AFTER:
        fresh = tail.joined([(first_line, blocks)])
        compaction.stream_seal(project_id=run.project_id, stream=at, fresh=fresh, later=later)
        return
    start = at.sealed_lines + _start(first_line - at.sealed_lines, at.lines - at.sealed_lines)
    key = {"run_id": at.run_id, "stream": at.stream, "writer": at.writer}
    changes = [] if later is None else later
    if count < _LARGE and start < first_line and (merged := _merged(at, start, first_line, blocks)):
        first_line, blocks = merged
        changes.append(deleting(HistoryTail, key, since=("first_line", start)))
    row = HistoryTail(
        run_id=at.run_id,
        stream=at.stream,
        writer=at.writer,
        first_line=first_line,
        count=at.lines - first_line,
        data=tail.encode(at.lines - first_line, blocks),
    )
    changes += [*inserting([row]), updating(Stream, key, {"lines": at.lines})]
    if later is None:
        send(*changes)


def _start(before: int, after: int) -> int:
    """From which unsealed line on tail rows become one, when a stream grows from `before` to `after` unsealed lines.

    As numbers to the base 4, that is `before` with zeros from the first digit on in which `after` is larger. So at most
    one row begins between `after` cut behind a digit and the same with that digit less by one: n unsealed lines lie in
    at most 3·log4(n) rows, and each is written at most log4(n) times.
    """
    unit = 1
    while before // (unit * _FANOUT) != after // (unit * _FANOUT):
        unit *= _FANOUT
    return before // unit * unit


def _merged(at: Stream, start: int, first_line: int, blocks: Sequence[Block]) -> tuple[int, Sequence[Block]] | None:
    """The first line of the tail rows from line `start` on, and their blocks with the new ones; None if they stay."""
    parts: list[tuple[int, Sequence[Block]]] = []
    for first, data in compaction.TAIL(at.run_id, at.stream, at.writer, start):
        try:
            parts.append((first, tail.decode(bytes(data))))
        except codec.Corrupt as error:
            log.error("Tail of run %s at line %d is not merged: %s", at.run_id, first, error)
            return None
    if not parts:
        return None
    begin = parts[0][0]
    return begin, tail.joined((first - begin, found) for first, found in [*parts, (first_line, blocks)])


def _last_step(run: Run, writer: str, lines: int) -> int:
    """Step of the last of a writer's history lines."""
    lines_back = replay.Replay(run, StreamName.HISTORY, ["_step"])
    last = HistoryTail.objects.filter(run_id=run.id, stream=StreamName.HISTORY, writer=writer).aggregate(
        at=Max("first_line")
    )["at"]
    if last is not None:
        found = lines_back.unsealed(writer=writer, first_line=last)
    else:
        found = [line for stretch in lines_back.stretches(writer=writer)[-1:] for line in lines_back.sealed(stretch)]
    return found[-1].step if found else lines - 1


def clear(*, run: Run, stream: str, writer: str) -> None:
    """See runs.history.store.clear."""
    HistoryTail.objects.filter(run_id=run.id, stream=stream, writer=writer).delete()
    Stream.objects.filter(run_id=run.id, stream=stream, writer=writer).delete()
    _chunks_forget(run, _chunks(run, stream).filter(writer=writer))


def truncate(*, run: Run, after_step: int) -> None:
    """See runs.history.store.truncate. Costs what is cut, and the rollups of the columns cut anew."""
    lines_back = replay.Replay(run, StreamName.HISTORY)
    for at in Stream.objects.filter(run_id=run.id, stream=StreamName.HISTORY):
        stretches = lines_back.stretches(writer=at.writer)
        whole = 0
        while whole < len(stretches) and stretches[whole].last_step <= after_step:
            whole += 1
        cut = stretches[whole].first_line if whole < len(stretches) else at.sealed_lines
        # Steps may fall: later stretches can hold lines to keep. They move up behind the cut.
        some = [stretch for stretch in stretches[whole:] if stretch.first_step <= after_step]
        lines = [line for stretch in some for line in lines_back.sealed(stretch)]
        lines += lines_back.unsealed(writer=at.writer)
        HistoryTail.objects.filter(run_id=run.id, stream=at.stream, writer=at.writer).delete()
        if whole < len(stretches):
            _chunks_forget(run, _chunks(run, at.stream).filter(writer=at.writer, first_line__gte=cut))
        at.lines = at.sealed_lines = cut
        Stream.objects.filter(pk=at.pk).update(lines=cut, sealed_lines=cut)
        kept = [line.row for line in lines if line.step <= after_step]
        if kept:
            _put(run, at, len(kept), tail.blocks(kept))
    measure(run)


def measure(run: Run) -> None:
    """See runs.history.store.measure."""
    lines_back = replay.Replay(run, StreamName.HISTORY, ["_step"])
    steps = [stretch.last_step for stretch in lines_back.stretches()] + [line.step for line in lines_back.unsealed()]
    streams = Stream.objects.filter(run_id=run.id, stream=StreamName.HISTORY)
    run.history_lines = streams.aggregate(sum=Sum("lines"))["sum"] or 0
    run.last_step = max(steps, default=-1)
    run.save(update_fields=["history_lines", "last_step"])


def _chunks(run: Run, stream: str) -> QuerySet[HistoryChunk]:
    columns = Column.objects.filter(project_id=run.project_id, scope=keys.scope_of(stream))
    of_stream = Q(column_id__in=columns.values("id")) | Q(column_id=keys.spine_id(run.project_id, stream))
    return HistoryChunk.objects.filter(of_stream, run_id=run.id)


def _chunks_forget(run: Run, chunks: QuerySet[HistoryChunk]) -> None:
    columns = sorted(set(chunks.values_list("column_id", flat=True).distinct()))
    chunks.delete()
    levels.build(project_id=run.project_id, run_id=run.id, columns=columns)
