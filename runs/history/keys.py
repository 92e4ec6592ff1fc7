"""The columns of streams: which key is which column, and making those that are new."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import F

from runs.columns import column_id
from runs.models import Column, Scope, StreamName

_REMEMBERED = 200_000  # keys, in one process
# (project, when it was made, scope) -> key -> kinds that are committed. A project made anew has the id of the former.
_known: dict[tuple[uuid.UUID, datetime, str], dict[str, int]] = {}

# Every line of a stretch is in this column. Events have no key that is in every line, so theirs is one that no line can
# hold, and no Column row stands for it.
SPINES = {StreamName.HISTORY.value: "_step", StreamName.EVENTS.value: "\0line"}


def scope_of(stream: str) -> Scope:
    return Scope.HISTORY if stream == StreamName.HISTORY else Scope.SYSTEM


def spine_id(project_id: uuid.UUID, stream: str) -> uuid.UUID:
    return column_id(project_id, scope_of(stream), SPINES[stream])


def clock_ids(project_id: uuid.UUID) -> frozenset[uuid.UUID]:
    """Columns that nearly every line has, as x axes."""
    return frozenset(
        column_id(project_id, scope, key)
        for scope in (Scope.HISTORY, Scope.SYSTEM)
        for key in ("_step", "_runtime", "_timestamp")
    )


def columns_ensure(
    *, project_id: uuid.UUID, scope: Scope, kinds: Mapping[str, int], made_at: datetime | None = None
) -> None:
    """Insert the columns that are missing and widen those that hold new kinds.

    `made_at`: when the project was made. With it a steady run asks no query; without it nothing is remembered.
    """
    known = {} if made_at is None else _known.get((project_id, made_at, scope), {})
    news = {key: kind for key, kind in kinds.items() if kind & ~known.get(key, 0)}
    if not news:
        return
    ids = {column_id(project_id, scope, key): key for key in news}
    stored = Column.objects.in_bulk(list(ids))
    # In order of id, so that two writers can't wait for each other.
    missing = sorted(ids.keys() - stored.keys())
    if missing:
        Column.objects.bulk_create(
            [Column(id=id_, project_id=project_id, scope=scope, key=ids[id_], kinds=news[ids[id_]]) for id_ in missing],
            ignore_conflicts=True,
        )
        # Another writer may have been first, with other kinds.
        stored |= Column.objects.in_bulk(missing)
    for id_ in sorted(stored):
        if news[ids[id_]] & ~stored[id_].kinds:
            Column.objects.filter(id=id_).update(kinds=F("kinds").bitor(news[ids[id_]]))
    if made_at is not None:
        transaction.on_commit(partial(_remember, (project_id, made_at, scope), news))


def _remember(of: tuple[uuid.UUID, datetime, str], news: Mapping[str, int]) -> None:
    if sum(map(len, _known.values())) > _REMEMBERED:
        _known.clear()
    known = _known.setdefault(of, {})
    for key, kind in news.items():
        known[key] = known.get(key, 0) | kind
