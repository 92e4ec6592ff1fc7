"""Runset -> runs, as a QuerySet: search and conditions. Deleted runs are never in it."""

from __future__ import annotations

import hashlib

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from projects.models import Project
from projects.query.fields import RUN_FIELDS, id_of
from projects.query.operators import condition_q
from projects.query.runset import RUN, Runset
from projects.query.targets import contains_q, path, regex_q
from runs.models import Run, State
from runs.states import alive_since

# More runs than change in the time a transaction takes to commit.
_LATEST = 64


def selected(project: Project, runset: Runset) -> QuerySet[Run]:
    """The runs that match, unordered. Raises BadQuery for a condition that means nothing."""
    now = timezone.now()
    runs = Run.objects.filter(project=project, deleted_at=None)
    asked = {condition.field for condition in runset.conditions if condition.field.scope == RUN}
    runs = runs.alias(**{path(field): RUN_FIELDS[field.key].expression(now) for field in asked})
    for condition in runset.conditions:
        column = "" if condition.field.scope == RUN else id_of(project, condition.field)
        runs = runs.filter(condition_q(condition, column_id=column))
    return runs.filter(_search(runset.search)) if runset.search else runs


def _search(text: str) -> Q:
    """/…/ is a regular expression; anything else is looked for as it is."""
    if len(text) > 1 and text[0] == text[-1] == "/":
        pattern = text[1:-1]
        return regex_q("display_name", pattern) | regex_q("name", pattern)
    return contains_q("display_name", text) | contains_q("name", text)


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
