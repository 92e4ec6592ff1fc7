"""The x axis that a metric has unless a panel chooses another: the step metric its runs defined."""

from __future__ import annotations

import uuid
from collections import Counter

from django.db.models import QuerySet

from projects.models import Project
from runs.history import store
from runs.models import Column, ColumnValue, Scope
from runs.step_metrics import defined_for


def step_metric(project: Project, metric: str) -> str:
    """The one most runs of the project use for the metric; "" if that is none.

    A run uses its definition of the very name, else of its longest glob that matches. One query, a few more if any run
    defined something for the metric; all of its definitions are read only if they differ.
    """
    defined = store.kept("step metrics", project.id, lambda: _defined(project))
    matching = {id: key for id, key in defined if defined_for(metric, key)}
    ends = {text for id in matching for order in ("token", "-token") for text in _values(id).order_by(order)[:1]}
    if len(ends) > 1:
        ranked = sorted(matching, key=lambda id: (matching[id] == metric, len(matching[id])), reverse=True)
        used: dict[object, str] = {}
        for id in ranked:
            for run, text in ColumnValue.objects.filter(column_id=id, run__deleted_at=None).values_list("run", "text"):
                used.setdefault(run, text)
        counts = Counter(used.values())
        ends = {min(counts, key=lambda text: (-counts[text], text))}
    found = ends.pop() if ends else ""
    # A glob may match the step metric too.
    return "" if found == metric else found


def _defined(project: Project) -> list[tuple[uuid.UUID, str]]:
    return list(Column.objects.filter(project=project, scope=Scope.STEP_METRIC).values_list("id", "key"))


def _values(column: uuid.UUID) -> QuerySet[ColumnValue, str]:
    return ColumnValue.objects.filter(column_id=column, run__deleted_at=None).values_list("text", flat=True)
