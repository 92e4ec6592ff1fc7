"""The columns of the runs table, and what there is to group by."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from django.db.models import Count, F, QuerySet

from projects.models import Project
from projects.query.fields import RUN_FIELDS, label
from projects.query.frame import Frame
from projects.query.natural import natural_text
from projects.query.runset import RUN, SUMMARY, Field, Runset
from projects.query.selection import selected
from runs.models import Column, Kind, Run, Scope

DEFAULT_COLUMNS = 12
MOST_DIFFERING = 100

# Run fields that are never empty.
_PER_RUN = ("display_name", "name")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something to group by: how many distinct values the selected runs have, how many have none, the kinds of value
    ever seen in a column, and whether there are several values and fewer than runs."""

    field: Field
    label: str
    distinct: int
    missing: int
    kinds: int
    worth: bool

    @property
    def varies(self) -> bool:
        return self.distinct > 1 or bool(self.distinct and self.missing)


def every_column(project: Project) -> dict[Field, int]:
    """Config, then summary columns, each in natural order, with the kinds of value ever seen. One query."""
    columns = Column.objects.filter(project=project, scope__in=[Scope.CONFIG, Scope.SUMMARY])
    found = columns.values_list("scope", "key", "kinds")
    return {Field(scope, key): kinds for scope, key, kinds in sorted(found, key=lambda it: (it[0], *_natural(it[1])))}


def numeric_columns(project: Project, scope: Scope) -> QuerySet[Column]:
    """Those that have numbers, the client's own (`_step` …) left out."""
    columns = Column.objects.alias(numbers=F("kinds").bitand(Kind.NUMBER)).filter(project=project, scope=scope)
    return columns.filter(numbers__gt=0).exclude(key__startswith="_")


def numeric_keys(project: Project, scope: Scope) -> list[str]:
    """Of numeric_columns, in natural order. One query."""
    return sorted(numeric_columns(project, scope).values_list("key", flat=True), key=_natural)


def _natural(key: str) -> tuple[object, str]:
    return natural_text(key), key


def table_columns(project: Project, runset: Runset) -> tuple[Field, ...]:
    """The pinned ones, then what the runset asks for; by default the first numeric summary columns."""
    match runset.columns:
        case None:
            columns = tuple(Field(SUMMARY, key) for key in numeric_keys(project, Scope.SUMMARY)[:DEFAULT_COLUMNS])
        case "differ":
            columns = _differing_columns(project, runset)
        case chosen:
            columns = chosen
    return tuple(dict.fromkeys((*runset.pinned, *columns)))


def _differing_columns(project: Project, runset: Runset) -> tuple[Field, ...]:
    """Config columns, then summary columns of which not all selected runs have the same value; the first
    MOST_DIFFERING, the client's own left out."""
    fields = [field for field in every_column(project) if not field.key.startswith("_")]
    frame = Frame(project, runset, keys=())
    counts = frame.label_counts(fields)
    differing = (field for field, distinct, count in counts if distinct > 1 or 0 < count < len(frame))
    return tuple(islice(differing, MOST_DIFFERING))


def group_candidates(project: Project, runset: Runset) -> list[Candidate]:
    """What is worth grouping by (1 < distinct < runs), then the rest; of both first run fields, then config, then
    summary columns.

    Five queries, and one for all columns that are not in memory, or, of many runs, one for each.
    """
    kinds = every_column(project)
    own = [Field(RUN, key) for key, field in RUN_FIELDS.items() if field.groupable and key not in _PER_RUN]
    frame = Frame(project, runset, keys=())
    total = len(frame)
    counts = {field: (distinct, count) for field, distinct, count in frame.label_counts([*own, *kinds])}
    counts |= _per_run_counts(selected(project, runset))
    # In the order of their list: the sort is stable.
    known = [Field(RUN, key) for key, field in RUN_FIELDS.items() if field.groupable]
    candidates = [
        Candidate(
            field,
            label(field),
            distinct=counts[field][0],
            missing=total - counts[field][1],
            kinds=kinds.get(field, 0),
            worth=1 < counts[field][0] < total,
        )
        for field in (*known, *kinds)
        if field.scope == RUN or counts[field][1]
    ]
    return sorted(candidates, key=_candidate_order)


def _per_run_counts(runs: QuerySet[Run]) -> dict[Field, tuple[int, int]]:
    """How many distinct values and how many at all, of what is nearly another for each run: no use in memory."""
    counts = runs.aggregate(
        **{f"{key}_distinct": Count(key, distinct=True) for key in _PER_RUN},
        **{f"{key}_count": Count(key) for key in _PER_RUN},
    )
    return {Field(RUN, key): (counts[f"{key}_distinct"], counts[f"{key}_count"]) for key in _PER_RUN}


def _candidate_order(candidate: Candidate) -> tuple[object, ...]:
    scopes = (RUN, Scope.CONFIG, Scope.SUMMARY)
    name = () if candidate.field.scope == RUN else natural_text(candidate.field.key)
    return not candidate.worth, scopes.index(candidate.field.scope), name
