"""The menus of the runs table: of a column's head and of a group's row. A page, or for htmx what the menu holds."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from projects.access import may_write
from projects.query.fields import field_from, label, numeric_fields
from projects.query.grouping import keys
from projects.query.reductions import REDUCTIONS
from projects.query.runset import LATEST, SUMMARY, BadQuery, Reduced
from projects.query.statistics import STATISTICS
from projects.query.tree import Tree
from projects.views.doors import looking_or_404, project_or_404
from projects.views.workspace import HtmxRequest, bad_query, view_context


@require_safe
def column_menu(request: HtmxRequest, entity: str, project: str) -> HttpResponse:
    """What the column `of` shows of runs and of groups, and sorting by it."""
    owner = project_or_404(request, entity, project)
    try:
        looking = looking_or_404(request, owner)
        field = field_from(request.GET.get("of", ""))
    except BadQuery as error:
        return bad_query(request, owner, error)
    runset = looking.runset
    numeric = field in numeric_fields(owner, [field])
    shown = runset.shown(field)
    return menu_answer(
        request,
        "column_menu",
        view_context(looking)
        | {
            "field": field,
            "title": label(field),
            "reductions": REDUCTIONS.values() if numeric and field.scope == SUMMARY else (),
            "reduction": shown.how if isinstance(shown, Reduced) else LATEST,
            "statistics": STATISTICS.values() if numeric and runset.grouping else (),
            "statistic": runset.statistic(field),
        },
    )


@require_safe
def group_menu(request: HtmxRequest, entity: str, project: str) -> HttpResponse:
    """What can be done with the runs of the group whose id is `of`."""
    owner = project_or_404(request, entity, project)
    try:
        looking = looking_or_404(request, owner)
        node = Tree(owner, looking.runset).find_id(request.GET.get("of", ""))
    except BadQuery as error:
        return bad_query(request, owner, error)
    if node is None or node.field is None or not may_write(request.user, owner.entity):
        raise Http404
    key = keys(node)[-1]
    return menu_answer(
        request,
        "group_menu",
        view_context(looking)
        | {
            "group_id": node.id,
            "title": f"{label(key.field)}: {key.text}",
            "field": key.field,
            "name": node.text or "",
            "runs": len(node.positions),
        },
    )


def menu_answer(request: HtmxRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    """The menu of this name: a page, or for htmx what it holds."""
    piece = f"workspace/_{name}.html"
    template = piece if request.htmx else "workspace/menu.html"
    response = render(request, template, context | {"piece": piece})
    response["Cache-Control"] = "private, no-store"
    return response
