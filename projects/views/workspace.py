"""The project page: its runs, grouped, and its panels. The same address gives the page, or for htmx a piece of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe
from django_htmx.middleware import HtmxDetails

from projects.access import may_change, may_write
from projects.bulk import undo_latest
from projects.conclusions.group import GroupOverview, group_overview
from projects.looking import Looking, without
from projects.models import Project, User
from projects.query import selection
from projects.query.columns import numeric_columns
from projects.query.fields import label
from projects.query.operators import filter_label
from projects.query.runset import BadQuery, leaves
from projects.query.table import table
from projects.views.choices import column_choices, field_choice, sort_choices
from projects.views.doors import looking_or_404, project_or_404
from projects.views.panels_bar import panels_bar
from projects.views.sweeps import sweep_head, sweep_or_404
from projects.views.timing import timed
from projects.workspaces import metrics
from runs.models import Scope, Sweep

_PIECES = {"runs": "workspace/_runs.html", "panels": "workspace/_panels.html", "rows": "workspace/_rows.html"}

# Of each act on ticked runs that takes a text: its key, its button, the field that suggests, and the text's caption.
_BULK_TEXTS = (
    ("group", "Move", "group", "Move to group (empty: no group)"),
    ("job_type", "Job type", "job_type", "Set the job type (empty: none)"),
    ("tag_add", "Tag", "tags", "Add a tag"),
    ("tag_remove", "Untag", "tags", "Remove a tag"),
)

_CHOOSERS = {"columns": column_choices, "sort": sort_choices}


class HtmxRequest(HttpRequest):
    """What django_htmx's middleware makes of a request."""

    htmx: HtmxDetails


@timed
@require_safe
def workspace(request: HtmxRequest, entity: str, project: str) -> HttpResponse:
    """Pieces, by HX-Target: `runs` (also by default), `rows` (under the group `below`, from page `from`), `panels`.

    `nw=ID` is `view=ID`, as the `wandb-workspaces` package writes it.
    """
    owner = project_or_404(request, entity, project)
    if "nw" in request.GET:
        query = request.GET.copy()
        query["view"] = str(query.pop("nw")[-1])
        return redirect(f"{reverse('project', args=[owner.entity.name, owner.name])}?{query.urlencode()}")
    return _workspace(request, owner)


@require_safe
def elsewhere(request: HttpRequest, entity: str, project: str) -> HttpResponse:
    """The page's address as clients print it."""
    owner = project_or_404(request, entity, project)
    page, query = reverse("project", args=[owner.entity.name, owner.name]), request.GET.urlencode()
    return redirect(f"{page}?{query}" if query else page)


@timed
@require_safe
def group(request: HtmxRequest, entity: str, project: str, group: str) -> HttpResponse:
    """The same of one group, with an overview of it; "" is of the runs without a group."""
    owner = project_or_404(request, entity, project)
    overview = None
    if _piece(request) is None:
        try:
            overview = group_overview(owner, group)
        except BadQuery:
            raise Http404 from None
        if overview is None:
            raise Http404
    return _workspace(request, owner, group, overview)


def _workspace(
    request: HtmxRequest, owner: Project, group: str | None = None, overview: GroupOverview | None = None
) -> HttpResponse:
    try:
        looking = looking_or_404(request, owner, group)
        runset = looking.runset
        context = view_context(looking)
        if (chooser := _CHOOSERS.get(request.GET.get("choose", ""))) is not None:
            return form(request, request.GET["choose"], context | {"choices": chooser(owner, runset)})
        piece = _piece(request)
        if piece == "panels":
            return _answer(request, _PIECES[piece], {"sections": looking.layout.sections(metrics(owner))})
        # Asked for first: what changes meanwhile is then seen as new.
        context["version"] = _version(owner, looking.sweep)
        context |= _writing(request, looking)
        below, page = request.GET.get("below"), _page(request)
        context["table"] = shown = table(owner, runset, below=below, page=page)
        if looking.sweep is not None:
            context["sweep"] = sweep_head(looking.sweep)
            context["sweep_url"] = reverse("sweep", args=[owner.entity.name, owner.name, looking.sweep.name])
            context["urls"]["version"] += f"?{urlencode({'sweep': looking.sweep.name})}"
    except BadQuery as error:
        return bad_query(request, owner, error)
    if piece is None and overview is None and not (shown.totals.runs or runset.search or runset.conditions):
        return _answer(request, "workspace/empty.html", context)
    if runset.search or context["condition_count"]:
        context["of_runs"] = selection.total(owner)
    if piece is not None:
        return _answer(request, _PIECES[piece], context, shown_at=looking if piece == "runs" else None)
    names = metrics(owner)
    context |= {"sections": looking.layout.sections(names), "panel_count": len(names)}
    context["panels_bar"] = panels_bar(request.user, looking, names)
    if overview is not None:
        return _answer(request, "conclusions/group.html", context | {"overview": overview})
    return _answer(request, "workspace/workspace.html", context)


@timed
@require_safe
def version(request: HttpRequest, entity: str, project: str) -> JsonResponse:
    """What an open page asks for once a second."""
    owner = project_or_404(request, entity, project)
    sweep = sweep_or_404(owner, request.GET["sweep"]) if "sweep" in request.GET else None
    panels = numeric_columns(owner, Scope.HISTORY).count()
    return JsonResponse({"version": _version(owner, sweep), "panels": panels})


def _version(project: Project, sweep: Sweep | None) -> str:
    """Differs whenever something on the page may."""
    runs = selection.version(project)
    return f"{runs}-{sweep.changed_at.timestamp():.6f}" if sweep else runs


def _writing(request: HttpRequest, looking: Looking) -> dict[str, Any]:
    """What only those see who may change runs, or the colours of this view. Two queries."""
    project, of_all = looking.project, looking.workspace.user_id is None
    writer = may_write(request.user, project.entity)
    may_paint = writer if of_all else may_change(request.user, looking.workspace)
    if not isinstance(request.user, User) or not writer:
        return {"may_write": False, "may_paint": may_paint}
    return {
        "may_write": True,
        "may_paint": may_paint,
        "bulk_texts": _BULK_TEXTS,
        "undo": undo_latest(project=project, user=request.user),
    }


def view_context(looking: Looking) -> dict[str, Any]:
    project, runset = looking.project, looking.runset
    names = [project.entity.name, project.name]
    query = looking.query
    conditions = without(runset, looking.within).conditions
    return {
        "project": project,
        "runset": runset,
        "defaults": looking.defaults,
        "kept_query": looking.kept,
        "overall": looking.overall,
        "grouped_by": [field_choice(field) for field in runset.grouping],
        "within": looking.within,
        "condition_count": len(list(leaves(conditions))),
        "filtered_by": [(filter, filter_label(filter)) for filter in conditions],
        "sorted_by": [(key, label(key.field)) for key in runset.sort],
        "query": query,
        "chart_query": looking.chart_query,
        "parameters": list(QueryDict(query).lists()),
        "urls": {
            "project": reverse("project", args=names)
            if looking.group is None
            else reverse("group", args=[*names, looking.group]),
            "group_by": reverse("group-by", args=names),
            "presets": reverse("grouping-presets", args=names),
            "filter": reverse("filter", args=names),
            "values": reverse("values", args=names),
            "bulk": reverse("bulk", args=names),
            "export": reverse("export", args=names),
            "results": reverse("results", args=names),
            "compare": reverse("compare", args=names),
            "column_menu": reverse("column-menu", args=names),
            "group_menu": reverse("group-menu", args=names),
            "colour": reverse("colour", args=names),
            "version": reverse("project-version", args=names),
            "line_plot": reverse("line-plot", args=names),
            "settings": reverse("line-plot-settings", args=names),
            "csv": reverse("line-plot-csv", args=names),
            "figures": reverse("figures", args=names),
            "summary_plot": reverse("summary-plot", args=names),
            "summary_csv": reverse("summary-plot-csv", args=names),
            "panels": reverse("panels", args=names),
            "views": reverse("views", args=names),
        },
    }


def conclusion_context(looking: Looking, page: str) -> dict[str, Any]:
    """Of a page of overall.CONCLUSIONS: its views are saved there."""
    context = view_context(looking)
    query = "&".join(filter(None, (f"at={page}", looking.query)))
    return context | {"view": looking.workspace.name, "views": f"{context['urls']['views']}?{query}"}


def _piece(request: HtmxRequest) -> str | None:
    """Which piece is asked for; None for the page. After Back, htmx picks its piece out of the page."""
    htmx = request.htmx
    if not htmx or htmx.history_restore_request:
        return None
    return htmx.target if htmx.target in _PIECES else "runs"


def _page(request: HttpRequest) -> int | None:
    text = request.GET.get("from", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) == int(text)):
        raise BadQuery("from: a number of a page")
    return int(text)


def form(request: HtmxRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    template = f"workspace/_{name}.html" if request.htmx else f"workspace/{name}.html"
    return _answer(request, template, context)


def _answer(
    request: HttpRequest, template: str, context: dict[str, Any], *, shown_at: Looking | None = None
) -> HttpResponse:
    """`shown_at`: the browser's address becomes the shortest one that shows it."""
    response = render(request, template, context)
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["HX-Request", "HX-Target", "HX-History-Restore-Request", "Cookie"])
    if shown_at is not None:
        query = shown_at.page_query
        response["HX-Push-Url"] = quote(request.path, safe="/~@:$&'()*+,;=!") + (f"?{query}" if query else "")
    return response


def bad_query(request: HttpRequest, project: Project, error: BadQuery) -> HttpResponse:
    return render(request, "workspace/bad_query.html", {"project": project, "message": str(error)}, status=400)
