"""What people change of many runs at once, and how they take it back for UNDO_TIME.

Runs are written some hundreds at a time, each time with the record of what they had before, so that whatever has been
done can be undone. An undo touches only what has not been changed since.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from django.db import transaction
from django.utils import timezone

from projects.line_colours import Grouping, colours_follow
from projects.models import Project, Undo, UndoPart, User
from runs.bulk import BATCH, Text, runs_delete, runs_restore, runs_tag_set, runs_text_set
from runs.models import Run

UNDO_TIME = timedelta(minutes=10)
MAX_VALUE = 500  # characters of a group, job type, tag or name
MAX_NOTES = 10_000


class BulkError(ValueError):
    """A change that means nothing; the text is for the person who asked for it."""


@dataclass(frozen=True, slots=True)
class Act:
    """`field` is what it changes of runs; `said` what was done, of `runs` ("4 runs") and `value`.

    `needs`: what is said to who gives no value. `of_one`: it is of one run, on its page.
    """

    key: str
    field: str
    said: str
    needs: str = ""
    most: int = MAX_VALUE
    of_one: bool = False


ACTS: dict[str, Act] = {
    act.key: act
    for act in (
        Act("group", "group", "Moved {runs} to “{value}”"),
        Act("job_type", "job_type", "Set the job type of {runs} to “{value}”"),
        Act("tag_add", "tag", "Tagged {runs} “{value}”", needs="Type a tag."),
        Act("tag_remove", "tag", "Removed the tag “{value}” from {runs}", needs="Type a tag."),
        Act("delete", "deleted_at", "Deleted {runs}"),
        Act("display_name", "display_name", "Renamed {runs} to “{value}”", needs="Type a name.", of_one=True),
        Act("notes", "notes", "Changed the notes of {runs}", most=MAX_NOTES, of_one=True),
    )
}


def runs_change(
    *,
    project: Project,
    user: User,
    act: str,
    value: str,
    runs: Sequence[uuid.UUID],
    said: str = "",
    still: str | None = None,
) -> Undo | None:
    """Do it to these runs of the project; None if it changed none of them. Raises BulkError.

    `said` stands in for the act's own sentence. `still`: only runs whose text is this.
    """
    asked = ACTS[act]
    value = value.strip()
    if len(value) > asked.most:
        raise BulkError(f"At most {asked.most} characters.")
    if asked.needs and not value:
        raise BulkError(asked.needs)
    now = timezone.now()
    before, after = {
        "tag_add": ("", value),
        "tag_remove": (value, ""),
        "delete": ("", now.isoformat()),
    }.get(act, (still, value))
    undo = Undo(project=project, user=user, expires_at=now + UNDO_TIME)
    changed = 0
    for batch in _batches(runs):
        with transaction.atomic():
            was = _put(asked.field, batch, now=before, to=after)
            here = sum(map(len, was.values()))
            if not here:
                continue
            changed += here
            undo.said = (said or asked.said).format(runs=counted(changed), value=value or "(not set)")
            undo.save()
            parts = {text: [id.hex for id in ids] for text, ids in was.items()}
            UndoPart.objects.create(undo=undo, field=asked.field, before=parts, after=after)
    return undo if changed else None


def group_rename(
    *, project: Project, user: User, name: str, to: str, groupings: Iterable[Grouping] = ()
) -> Undo | None:
    """All runs of a group, shown or not, go to another, which may be there already. Raises BulkError.

    Its lines by these groupings, and by those that views show, keep the colours picked for them.
    """
    if not to.strip():
        raise BulkError("Type a name.")
    every = Run.objects.filter(project=project, deleted_at=None)
    merges = every.filter(group=to.strip()).exists()
    runs = list(every.filter(group=name).values_list("pk", flat=True))
    if not merges:
        colours_follow(project=project, name=name, to=to.strip(), groupings=groupings)
    shown = (name[:100] or "(not set)").replace("{", "{{").replace("}", "}}")
    said = f"{'Merged' if merges else 'Renamed'} “{shown}” {'into' if merges else 'to'} “{{value}}” ({{runs}})"
    return runs_change(project=project, user=user, act="group", value=to, runs=runs, said=said)


def undo_latest(*, project: Project, user: User) -> Undo | None:
    """What the person can take back. One query."""
    own = Undo.objects.filter(project=project, user=user, expires_at__gt=timezone.now())
    return own.order_by("-expires_at").first()


def undo_apply(*, project: Project, user: User, id: str) -> int:
    """How many runs are as they were before. Raises BulkError when it is too late, or was somebody else's."""
    try:
        found = Undo.objects.filter(pk=uuid.UUID(id), project=project, user=user, expires_at__gt=timezone.now()).first()
    except ValueError:
        found = None
    if found is None:
        raise BulkError("That can’t be undone any more.")
    restored = 0
    for part in found.parts.all():
        with transaction.atomic():
            for before, ids in part.before.items():
                was = _put(part.field, [uuid.UUID(id) for id in ids], now=part.after, to=before)
                restored += sum(map(len, was.values()))
            part.delete()
    found.delete()
    return restored


def undos_forget() -> int:
    """Remove what can't be undone any more; how many."""
    expired = Undo.objects.filter(expires_at__lt=timezone.now())
    count = expired.count()
    expired.delete()
    return count


def counted(runs: int) -> str:
    return f"{runs} run{'' if runs == 1 else 's'}"


def _put(field: str, runs: Sequence[uuid.UUID], *, now: str | None, to: str) -> dict[str, list[uuid.UUID]]:
    """From `now` (None: any) to another value; the runs changed, by what they had. "" is no tag, or not deleted."""
    match field:
        case "tag":
            return (
                {now or "": changed} if (changed := runs_tag_set(runs=runs, tag=to or now or "", on=bool(to))) else {}
            )
        case "deleted_at":
            deleted = runs_delete if to else runs_restore
            changed = deleted(runs=runs, at=datetime.fromisoformat(to or now or ""))
            return {now or "": changed} if changed else {}
        case _:
            name = cast(Text, field)
            return runs_text_set(runs=runs, field=name, value=to, now=now)


def _batches(runs: Sequence[uuid.UUID]) -> Iterator[Sequence[uuid.UUID]]:
    for start in range(0, len(runs), BATCH):
        yield runs[start : start + BATCH]
