"""The columns of the runs table, and what there is to group by."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from django.db.models import Count, QuerySet
from django.utils import timezone

from projects.models import Project
from projects.query.fields import RUN_FIELDS, Type
from projects.query.frame import Frame
from projects.query.natural import natural_text
from projects.query.runset import RUN, SUMMARY, Field, Runset
from projects.query.selection import selected
from projects.query.targets import path
from runs.models import Column, Kind, Run, Scope, Tag

DEFAULT_COLUMNS = 12
MOST_DIFFERING = 100


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something to group by: how many distinct values the selected runs have, and how many have none."""

    field: Field
    label: str
    distinct: int
    missing: int


def table_columns(project: Project, runset: Runset) -> tuple[Field, ...]:
    """The pinned ones, then what the runset asks for; by default the first numeric summary columns."""
    match runset.columns:
        case None:
            columns = _default_columns(project)
        case "differ":
            columns = _differing_columns(project, runset)
        case chosen:
            columns = chosen
    return tuple(dict.fromkeys((*runset.pinned, *columns)))


def _default_columns(project: Project) -> tuple[Field, ...]:
    """The client's own are left out."""
    keys = [
        key
        for key, kinds in Column.objects.filter(project=project, scope=Scope.SUMMARY).values_list("key", "kinds")
        if kinds & Kind.NUMBER and not key.startswith("_")
    ]
    return tuple(Field(SUMMARY, key) for key in sorted(keys, key=natural_text)[:DEFAULT_COLUMNS])


def _differing_columns(project: Project, runset: Runset) -> tuple[Field, ...]:
    """Config columns, then summary columns of which not all selected runs have the same value; the first
    MOST_DIFFERING, the client's own left out."""
    columns = Column.objects.filter(project=project, scope__in=[Scope.CONFIG, Scope.SUMMARY])
    names = [(scope, key) for scope, key in columns.values_list("scope", "key") if not key.startswith("_")]
    names.sort(key=lambda name: (name[0], natural_text(name[1]), name[1]))
    frame = Frame(project, runset, keys=())
    counts = frame.label_counts([Field(scope, key) for scope, key in names])
    differing = (field for field, distinct, count in counts if distinct > 1 or 0 < count < len(frame))
    return tuple(islice(differing, MOST_DIFFERING))


def group_candidates(project: Project, runset: Runset) -> list[Candidate]:
    """Run fields, then config, then summary columns; of each, those worth grouping by (1 < distinct < runs) first.

    Four queries, and one for all columns that are not in memory, or, of many runs, one for each.
    """
    total, candidates = _run_field_candidates(selected(project, runset))
    columns = Column.objects.filter(project=project, scope__in=[Scope.CONFIG, Scope.SUMMARY])
    fields = [Field(scope, key) for scope, key in columns.values_list("scope", "key")]
    for field, distinct, count in Frame(project, runset, keys=()).label_counts(fields):
        if count:
            candidates.append(Candidate(field, field.key, distinct, total - count))
    return sorted(candidates, key=lambda candidate: _candidate_order(candidate, total))


def _candidate_order(candidate: Candidate, total: int) -> tuple[object, ...]:
    scopes = (RUN, Scope.CONFIG, Scope.SUMMARY)
    varies = 1 < candidate.distinct < total
    # Run fields keep the order of their list: the sort is stable.
    name = () if candidate.field.scope == RUN else natural_text(candidate.field.key)
    return scopes.index(candidate.field.scope), not varies, name


def _run_field_candidates(runs: QuerySet[Run]) -> tuple[int, list[Candidate]]:
    now = timezone.now()
    asked = {key: field for key, field in RUN_FIELDS.items() if field.groupable and field.type is not Type.TAGS}
    expressions = {path(Field(RUN, key)): field.expression(now) for key, field in asked.items()}
    counts = runs.annotate(**expressions).aggregate(
        total=Count("pk"),
        **{f"{name}_distinct": Count(name, distinct=True) for name in expressions},
        **{f"{name}_count": Count(name) for name in expressions},
    )
    total = counts["total"]
    tags = Tag.objects.filter(run__in=runs).aggregate(
        distinct=Count("tag", distinct=True), count=Count("run", distinct=True)
    )
    found = []
    for key, field in RUN_FIELDS.items():
        if key in asked:
            name = path(Field(RUN, key))
            distinct, count = counts[f"{name}_distinct"], counts[f"{name}_count"]
        elif field.type is Type.TAGS:
            distinct, count = tags["distinct"], tags["count"]
        else:
            continue
        found.append(Candidate(Field(RUN, key), field.label, distinct, total - count))
    return total, found
