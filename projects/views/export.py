"""The runs table as a file: CSV, JSON or Parquet."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from projects.looking import Looking
from projects.query.export import groups_sheet, runs_sheet
from projects.query.runset import BadQuery
from projects.views.answers import refused
from projects.views.doors import looking_or_404, project_or_404
from projects.views.sheets import FORMATS, format_checked, sheet_file

SHEETS = {"runs": runs_sheet, "groups": groups_sheet}


@gzip_page
@require_safe
def export(request: HttpRequest, entity: str, project: str) -> HttpResponse | StreamingHttpResponse:
    """`as` csv, json or parquet, `rows` runs or groups, as the page shows them. Without `as`: the menu."""
    owner = project_or_404(request, entity, project)
    try:
        looking = looking_or_404(request, owner)
        if "as" not in request.GET:
            return _menu(request, looking)
        return export_file(looking, request.GET)
    except BadQuery as error:
        return refused(error)


def export_file(looking: Looking, query: QueryDict) -> StreamingHttpResponse:
    """Streamed: what is held at once is a thousand rows. Raises BadQuery."""
    rows, format = query.get("rows", "runs"), format_checked(query.get("as", "csv"), FORMATS)
    if rows not in SHEETS:
        raise BadQuery(f"rows: {' or '.join(SHEETS)}")
    sheet = SHEETS[rows](looking.project, looking.runset)
    return sheet_file(f"{looking.project.name}-{rows}", format, sheet)


def _menu(request: HttpRequest, looking: Looking) -> HttpResponse:
    names = [looking.project.entity.name, looking.project.name]
    query, rows = looking.query, "groups" if looking.runset.grouping else "runs"

    def absolute(name: str, asked: str, *more: str) -> str:
        return request.build_absolute_uri(reverse(name, args=[*names, *more]) + asked)

    page, of = ("project", []) if looking.group is None else ("group", [looking.group])
    at_page = f"?{looking.page_query}" if looking.page_query else ""

    context = {
        "export": reverse("export", args=names),
        "results": reverse("results", args=names),
        "compare": reverse("compare", args=names),
        "query": query,
        "rows": ("groups", "runs") if looking.runset.grouping else ("runs",),
        "formats": list(FORMATS),
        "page_url": absolute(page, at_page, *of),
        "api_url": absolute(f"api-{page}", at_page, *of),
        "url": absolute("api-export", f"?rows={rows}&as=csv{'&' if query else ''}{query}"),
        "docs": reverse("api"),
    }
    response = render(request, "workspace/_export.html", context)
    response["Cache-Control"] = "private, no-store"
    return response
