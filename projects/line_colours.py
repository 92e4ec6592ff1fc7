"""Colours that were picked for the lines of a group go with it to its new name."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import QueryDict

from projects.models import Project, Workspace
from projects.query.from_url import runset_from_query
from projects.query.runset import BadQuery, Field, Runset
from projects.query.tree import GROUP, JOB_TYPE, Tree, group_id
from projects.saved_views import colours_copy, painted

Grouping = tuple[Field, ...]


def colours_follow(*, project: Project, name: str, to: str, groupings: Iterable[Grouping]) -> None:
    """Before the group `name` is called `to`: whatever view has colours for its lines has them for the new ones, too.

    Lines are of these groupings, of those that pages have by themselves, and of what the view shows. The old ones keep
    their colours, for those who undo.
    """
    lines: dict[Grouping, dict[str, str]] = {}
    for workspace in painted(project):
        asked = {*groupings, (GROUP,), (GROUP, JOB_TYPE), _shown(workspace)}
        for grouping in asked:
            if GROUP in grouping and grouping not in lines:
                lines[grouping] = _renamed(project, grouping, name, to)
        renamed = {old: new for grouping in asked for old, new in lines.get(grouping, {}).items()}
        if renamed.keys() & workspace.settings["colours"].keys():
            colours_copy(workspace=workspace, lines=renamed)


def _shown(workspace: Workspace) -> Grouping:
    try:
        return runset_from_query(QueryDict(workspace.settings.get("query", "")), defaults=Runset()).fields
    except BadQuery:  # kept by another release
        return ()


def _renamed(project: Project, grouping: Grouping, name: str, to: str) -> dict[str, str]:
    """The lines of a group, and those that they become."""
    old, new = ((GROUP, f"s:{text}" if text else None) for text in (name, to))
    leaves = [leaf.steps for leaf in Tree(project, Runset(fields=grouping, grouped=True)).root.leaves()]
    return {
        group_id(steps): group_id([new if step == old else step for step in steps]) for steps in leaves if old in steps
    }
