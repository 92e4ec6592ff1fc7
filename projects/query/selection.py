"""Runset -> runs, as a QuerySet: search, conditions, sort. Deleted runs are never in it."""

from __future__ import annotations

from django.db.models import QuerySet

from projects.models import Project
from projects.query.runset import Runset
from runs.models import Run


def selected(project: Project, runset: Runset) -> QuerySet[Run]:
    """The runs that match, unordered."""
    raise NotImplementedError
