"""Runset -> runs, as a QuerySet: search and conditions. Deleted runs are never in it."""

from __future__ import annotations

import hashlib
from functools import reduce
from operator import or_

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from projects.models import Project
from projects.query.fields import RUN_FIELDS
from projects.query.operators import filter_q
from projects.query.runset import RUN, Runset, leaves
from projects.query.targets import path, target
from projects.query.texts import contains_q, regex_q
from runs.models import Run, State
from runs.states import alive_since

# More runs than change in the time a transaction takes to commit.
_LATEST = 64


def selected(project: Project, runset: Runset) -> QuerySet[Run]:
    """The runs that match, unordered. Raises BadQuery for a condition that means nothing."""
    now = timezone.now()
    runs = Run.objects.filter(project=project, deleted_at=None)
    asked = {condition.field for condition in leaves(runset.conditions) if condition.field.scope == RUN}
    runs = runs.alias(**{path(field): RUN_FIELDS[field.key].expression(now) for field in asked})
    found = runs
    for filter in runset.conditions:
        found = found.filter(filter_q(filter, lambda field: target(field, project, runs, now)))
    return found.filter(_search(runset.search, runs)) if runset.search else found


def total(project: Project) -> int:
    """How many runs there are, whether selected or not."""
    return Run.objects.filter(project=project, deleted_at=None).count()


def pattern_of(search: str) -> str | None:
    """Of a search for /…/."""
    return search[1:-1] if len(search) > 1 and search[0] == search[-1] == "/" else None


def _search(text: str, runs: QuerySet[Run]) -> Q:
    """In either name: /…/ is a regular expression; of anything else, every word must be there."""
    names = ("display_name", "name")
    if (pattern := pattern_of(text)) is not None:
        return reduce(or_, (regex_q(name, pattern, runs) for name in names))
    found = Q()
    for word in text.split():
        found &= reduce(or_, (contains_q(name, word, runs) for name in names))
    return found


def version(project: Project) -> str:
    """A token that changes whenever something a page shows of the runs does, a run falling silent included.

    The latest changes and not only the last: a transaction that began earlier may commit later.
    """
    runs = Run.objects.filter(project=project)
    latest = list(runs.order_by("-changed_at", "-id").values_list("id", "changed_at")[:_LATEST])
    # Whoever falls silent next is the latest heard of all silent ones.
    silent = runs.filter(state__in=[State.RUNNING, State.PREEMPTING], heartbeat_at__lt=alive_since(timezone.now()))
    fallen = silent.aggregate(Count("pk"), Max("heartbeat_at"))
    return hashlib.sha256(repr((latest, fallen)).encode()).hexdigest()[:16]
