"""Changes of many runs at once, as people ask for them; what clients say is written by runs.ingest.

Each function is one transaction over the runs given, of which there should be at most BATCH; each gives back the runs
that it changed, and moves their changed_at on. Deleted runs, and those that are not there, are left out.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db import transaction
from django.utils import timezone

from runs.columns import storable
from runs.models import Run, Tag

BATCH = 500

Text = Literal["group", "job_type", "display_name", "notes"]


@transaction.atomic
def runs_text_set(
    *, runs: Sequence[uuid.UUID], field: Text, value: str, now: str | None = None
) -> dict[str, list[uuid.UUID]]:
    """By the value they had before. With `now`, only of runs that have that now."""
    value = storable(value)
    locked = _lock(runs, field)
    changed: dict[str, list[uuid.UUID]] = defaultdict(list)
    for id, _, before in locked:
        if before != value and now in (None, before):
            changed[before].append(id)
    _save(locked, [id for ids in changed.values() for id in ids], **{field: value})
    return dict(changed)


@transaction.atomic
def runs_tag_set(*, runs: Sequence[uuid.UUID], tag: str, on: bool) -> list[uuid.UUID]:
    tag = storable(tag)
    locked = _lock(runs, "tags")
    by_tags: dict[tuple[str, ...], list[uuid.UUID]] = defaultdict(list)
    for id, _, tags in locked:
        if (tag in tags) != on:
            by_tags[tuple(tags)].append(id)
    for tags, ids in by_tags.items():
        _save(locked, ids, tags=[*tags, tag] if on else [kept for kept in tags if kept != tag])
    changed = [id for ids in by_tags.values() for id in ids]
    if on:
        Tag.objects.bulk_create([Tag(run_id=id, tag=tag) for id in changed], ignore_conflicts=True)
    else:
        Tag.objects.filter(run__in=changed, tag=tag).delete()
    return changed


@transaction.atomic
def runs_delete(*, runs: Sequence[uuid.UUID], at: datetime) -> list[uuid.UUID]:
    """They are kept, unseen, until runs.maintenance removes them for good."""
    locked = _lock(runs)
    changed = [row[0] for row in locked]
    _save(locked, changed, deleted_at=at)
    return changed


@transaction.atomic
def runs_restore(*, runs: Sequence[uuid.UUID], at: datetime) -> list[uuid.UUID]:
    """Those deleted at exactly this time."""
    locked = _lock(runs, deleted_at=at)
    changed = [row[0] for row in locked]
    _save(locked, changed, deleted_at=None)
    return changed


@transaction.atomic
def runs_touch(*, runs: Sequence[uuid.UUID]) -> None:
    """Something that their pages show, and is kept elsewhere, has changed."""
    locked = _lock(runs)
    _save(locked, [row[0] for row in locked])


def _lock(runs: Sequence[uuid.UUID], *fields: str, deleted_at: datetime | None = None) -> list[tuple[Any, ...]]:
    """Rows of id, changed_at, `fields`; in order of id, so that two who change the same runs do not deadlock."""
    found = Run.objects.select_for_update().filter(pk__in=runs, deleted_at=deleted_at).order_by("pk")
    return list(found.values_list("pk", "changed_at", *fields))


def _save(locked: Sequence[tuple[Any, ...]], ids: Sequence[uuid.UUID], **values: Any) -> None:
    if ids:
        # Never to where it was before, whatever the clocks say: see runs.ingest.
        latest = max(row[1] for row in locked)
        changed_at = max(timezone.now(), latest + timedelta(microseconds=1))
        Run.objects.filter(pk__in=ids).update(changed_at=changed_at, **values)
