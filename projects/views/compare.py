"""Groups compared with a baseline: a page, and its forest plot as a figure."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from projects.conclusions.compare import FEW, MAX_GROUPS, Asked, Comparison, compare_asked, compared
from projects.conclusions.forest import forest_figure
from projects.conclusions.samples import metric_label
from projects.looking import Looking
from projects.query.fields import label
from projects.query.runset import BadQuery
from projects.views.answers import refused
from projects.views.choices import groupable_fields, numeric_choices
from projects.views.doors import looking_or_404, project_or_404
from projects.views.workspace import bad_query, conclusion_context

_MOST_NAMED = 8


@require_safe
def compare(request: HttpRequest, entity: str, project: str) -> HttpResponse:
    """The parameters are those of conclusions.compare; `as=figure`: the forest plot."""
    owner = project_or_404(request, entity, project)
    wants = request.GET.get("as", "")
    try:
        if wants not in ("", "figure"):
            raise BadQuery("as: figure")
        looking = looking_or_404(request, owner)
        asked = compare_asked(looking, request.GET)
        found = compared(owner, looking.runset, asked)
    except BadQuery as error:
        return refused(error) if wants else bad_query(request, owner, error)
    if wants:
        figure = (
            forest_figure(found, metric_label(looking.runset, asked.metric))
            if found and asked.metric
            else {"data": [], "layout": {}}
        )
        response = HttpResponse(orjson.dumps(figure), content_type="application/json")
    else:
        context = _context(looking.concluding("compare", request.GET), asked, found)
        response = render(request, "conclusions/compare.html", context)
    response["Cache-Control"] = "private, no-cache"
    return response


def _context(looking: Looking, asked: Asked, found: Comparison | None) -> dict[str, Any]:
    context = conclusion_context(looking, "compare")
    pair = found.pair if found else None
    own = [("metric", str(asked.metric or "")), ("baseline", found.baseline.id if found else "")]
    if asked.pair is not None:
        own.append(("pair", str(next(iter(asked.pair), ""))))
    query = "&".join(filter(None, (looking.query, urlencode(own), "as=figure")))
    return context | {
        "metric": asked.metric or "",
        "metric_label": metric_label(looking.runset, asked.metric) if asked.metric else "",
        "comparison": found,
        "pair": next(iter(asked.pair), "") if asked.pair is not None else (pair or ""),
        "pair_label": label(pair) if pair else "",
        "groupable": groupable_fields(looking.project),
        "numeric": numeric_choices(looking.project),
        "few": FEW,
        "few_named": found.few[:_MOST_NAMED] if found else (),
        "most_groups": MAX_GROUPS,
        "figure": f"{context['urls']['compare']}?{query}",
    }
