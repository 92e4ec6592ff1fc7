"""The results table: a page, and the same as LaTeX, Markdown or CSV."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from projects.conclusions import writing
from projects.conclusions.estimates import CELLS
from projects.conclusions.results import DIRECTIONS, MAX_METRICS, MAX_ROWS, Asked, Results, results, results_asked
from projects.looking import Looking
from projects.query.fields import label
from projects.query.runset import BadQuery
from projects.query.splits import group_field_text
from projects.views.answers import refused
from projects.views.choices import groupable_fields, numeric_choices
from projects.views.doors import looking_or_404, project_or_404
from projects.views.sheets import csv_texts, download, format_checked
from projects.views.workspace import bad_query, conclusion_context


@dataclass(frozen=True, slots=True)
class Format:
    key: str
    label: str
    ending: str
    content_type: str
    write: Callable[[Results], str]


def _csv(found: Results) -> str:
    names, rows = writing.sheet(found)
    return "".join(csv_texts(names, [rows]))


FORMATS = {
    format.key: format
    for format in (
        Format("latex", "LaTeX", "tex", "application/x-tex; charset=utf-8", writing.latex),
        Format("markdown", "Markdown", "md", "text/markdown; charset=utf-8", writing.markdown),
        Format("csv", "CSV", "csv", "text/csv; charset=utf-8", _csv),
    )
}


@require_safe
def results_page(request: HttpRequest, entity: str, project: str) -> HttpResponse | StreamingHttpResponse:
    """The parameters are those of conclusions.results; with `as`, a key of FORMATS, a file."""
    owner = project_or_404(request, entity, project)
    try:
        looking = looking_or_404(request, owner)
        if "as" in request.GET:
            return results_file(looking, request.GET)
        asked = results_asked(looking, request.GET)
        found = results(owner, looking.runset, asked)
    except BadQuery as error:
        return refused(error) if "as" in request.GET else bad_query(request, owner, error)
    looking = looking.concluding("results", request.GET)
    response = render(request, "conclusions/results.html", _context(looking, asked, found))
    response["Cache-Control"] = "private, no-cache"
    return response


def results_file(looking: Looking, query: QueryDict) -> StreamingHttpResponse:
    """`as`: a key of FORMATS. Raises BadQuery."""
    format = FORMATS[format_checked(query.get("as", ""), FORMATS)]
    found = results(looking.project, looking.runset, results_asked(looking, query))
    return download(f"{looking.project.name}-results", format.ending, format.content_type, [format.write(found)])


def _context(looking: Looking, asked: Asked, found: Results) -> dict[str, Any]:
    return conclusion_context(looking, "results") | {
        "asked": asked,
        "rows": group_field_text(asked.rows),
        "across": group_field_text(asked.across) if asked.across else "",
        "metrics": [(metric, label(metric), asked.best[metric]) for metric in asked.metrics],
        "may_add": len(asked.metrics) < MAX_METRICS,
        "directions": DIRECTIONS,
        "cells": CELLS.values(),
        "groupable": groupable_fields(looking.project),
        "numeric": numeric_choices(looking.project),
        "results": found,
        "most_rows": MAX_ROWS,
        "caption": writing.caption(found),
        "formats": [(format, format.write(found)) for format in FORMATS.values()],
        "address": "&".join(filter(None, (looking.query, _own_query(asked)))),
    }


def _own_query(asked: Asked) -> str:
    pairs = [("rows", group_field_text(asked.rows))]
    pairs += [("across", group_field_text(asked.across))] if asked.across else []
    pairs += [("metric", str(metric)) for metric in asked.metrics]
    pairs += [("cell", asked.cell), *(("best", f"{asked.best[metric]}:{metric}") for metric in asked.metrics)]
    return urlencode(pairs, safe=":/")
