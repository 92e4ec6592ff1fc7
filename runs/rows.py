"""The rows of a run beside its own: typed values, tags, console lines. The caller holds a transaction and the run's
lock."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

from runs.columns import column_id, flatten, storable
from runs.history.keys import columns_ensure
from runs.models import ColumnValue, ConsoleLine, Run, Scope, Stream, StreamName, Tag
from runs.statements import Change, inserting, send

T = TypeVar("T")
Json = dict[str, Any]

BATCH = 500
_OWN = "_wandb"  # the client's own entry in a summary: kept, but no column


def values_write(run: Run, scope: Scope, old: Json, new: Json, *, later: list[Change] | None = None) -> dict[str, Any]:
    """Bring the typed rows of a run's config or summary from `old` to `new`, touching only what differs. What needs no
    answer is added to `later`, if that is given."""
    if json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True):  # by text: NaN is no different from NaN
        return {}
    before, after = (flatten({key: value for key, value in side.items() if key != _OWN}) for side in (old, new))
    ids = {key: column_id(run.project_id, scope, key) for key in before.keys() | after.keys()}
    changed = {key: value for key, value in after.items() if before.get(key) != value}
    kinds = {key: int(value.kind) for key, value in changed.items()}
    columns_ensure(project_id=run.project_id, scope=scope, kinds=kinds, made_at=run.project.created_at)
    rows = inserting(
        [
            ColumnValue(run=run, column_id=ids[key], kind=it.kind, number=it.number, token=it.token, text=it.text)
            for key, it in changed.items()
        ],
        key=["run", "column"],
        replacing=["kind", "number", "token", "text"],
    )
    if later is None:
        send(*rows)
    else:
        later += rows
    for batch in _batches(ids[key] for key in before.keys() - after.keys()):
        ColumnValue.objects.filter(run=run, column__in=batch).delete()
    return {scope.value: new}


def tags_write(run: Run, tags: Sequence[str]) -> list[str]:
    """Bring the tag rows of a run to `tags`; these as they are kept, each once."""
    new = list(dict.fromkeys(storable(tag) for tag in tags))
    gone = set(run.tags) - set(new)
    if gone:
        Tag.objects.filter(run=run, tag__in=gone).delete()
    added = [tag for tag in new if tag not in run.tags]
    Tag.objects.bulk_create([Tag(run=run, tag=tag) for tag in added], ignore_conflicts=True, batch_size=BATCH)
    return new


def console_put(run: Run, writer: str, offset: int, lines: Sequence[str], stream: Stream | None) -> list[Change]:
    """What puts lines at their numbers, from `offset` on. Old ones are rewritten all the time (progress bars), gaps are
    filled later."""
    changes = inserting(
        [
            ConsoleLine(run=run, writer=writer, number=offset + i, text=storable(line.removesuffix("\n")))
            for i, line in enumerate(lines)
        ],
        key=["run", "writer", "number"],
        replacing=["text"],
    )
    end = offset + len(lines)
    if stream is None or stream.lines < end:
        changes += inserting(
            [Stream(run=run, stream=StreamName.CONSOLE, writer=writer, lines=end)],
            key=["run", "stream", "writer"],
            replacing=["lines"],
        )
    return changes


def _batches(items: Iterable[T]) -> Iterable[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch
