"""Which values the runs of a project have of a field, to be chosen from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, F, Min, Q, QuerySet
from django.utils import timezone

from projects.models import Project
from projects.query.fields import RUN_FIELDS, Type, id_of
from projects.query.natural import natural_text
from projects.query.runset import RUN, Field
from projects.query.targets import path
from projects.query.texts import contains_q
from projects.query.typed import text_for
from runs.models import ColumnValue, Kind, Run, Tag

MOST = 50

# Columns keep no more of a text than this: whether it was cut can't be told.
_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`text` is how the value is typed (projects.query.typed), `runs` how many have it."""

    text: str
    runs: int


def suggestions(project: Project, field: Field, text: str = "") -> list[Suggestion]:
    """The MOST values that most runs have, in natural order; with `text`, of those that contain it. One query."""
    if field.scope != RUN:
        return _of_column(project, field, text)
    if RUN_FIELDS[field.key].type is Type.TAGS:
        return _of_texts(Tag.objects.filter(run__project=project, run__deleted_at=None), "tag", text)
    if RUN_FIELDS[field.key].type is Type.TEXT:
        name, now = path(field), timezone.now()
        runs = Run.objects.filter(project=project, deleted_at=None)
        return _of_texts(runs.annotate(**{name: RUN_FIELDS[field.key].expression(now)}), name, text)
    return []


def _of_column(project: Project, field: Field, text: str) -> list[Suggestion]:
    # Of the deleted, few: looked up in their list, not joined run by run.
    deleted = Run.objects.filter(project=project, deleted_at__isnull=False)
    rows = ColumnValue.objects.filter(column_id=id_of(project, field)).exclude(run_id__in=deleted.values("pk"))
    if text:
        rows = rows.filter(contains_q("text", text, rows))
    counts = rows.values("token").annotate(kind_=Min("kind"), text_=Min("text"), count=Count("pk"))
    found = counts.order_by("-count", "token").values_list("kind_", "text_", "count")
    return _natural((text_for(kind, shown), count) for kind, shown, count in found[:MOST] if len(shown) < _KEPT)


def _of_texts(rows: QuerySet, name: str, text: str) -> list[Suggestion]:
    if text:
        rows = rows.filter(contains_q(name, text, rows))
    counts = rows.filter(Q(**{f"{name}__isnull": False})).values(value=F(name)).annotate(count=Count("pk"))
    found = counts.order_by("-count", "value").values_list("value", "count")
    return _natural((text_for(Kind.TEXT, value) if value[:1] == '"' else value, count) for value, count in found[:MOST])


def _natural(found: Iterable[tuple[str, int]]) -> list[Suggestion]:
    return [Suggestion(text, runs) for text, runs in sorted(found, key=lambda pair: (natural_text(pair[0]), pair[0]))]
