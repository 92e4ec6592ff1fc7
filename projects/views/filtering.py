"""The form of the filter, and the values there are to filter by."""

from __future__ import annotations

from dataclasses import asdict, replace
from urllib.parse import parse_qsl

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.views.decorators.http import require_safe

from projects.models import Project
from projects.query.columns import every_column
from projects.query.fields import RUN_FIELDS, Type, field_from, label
from projects.query.from_url import MAX_TEXT
from projects.query.operators import JOINS, OPERATORS, fits
from projects.query.runset import RUN, BadQuery, Field
from projects.query.suggestions import MOST, suggestions
from projects.views import filter_draft
from projects.views.doors import looking_or_404, project_or_404
from projects.views.filter_draft import BranchDraft
from projects.views.workspace import HtmxRequest, bad_query, form, view_context


@require_safe
def filter_by(request: HtmxRequest, entity: str, project: str) -> HttpResponse:
    """The form: a page, or for htmx what a popover holds. Sent without `act`, it leads to the project's page."""
    owner = project_or_404(request, entity, project)
    kinds = _filterable(owner)
    focus = "0"
    try:
        looking = looking_or_404(request, owner)
    except BadQuery as error:
        return bad_query(request, owner, error)
    context = view_context(looking)
    if "join" not in request.GET:
        draft = filter_draft.draft_from_filters(looking.runset.conditions)
        filter_draft.number(draft)
    else:
        draft = filter_draft.draft_from_pairs(parse_qsl(request.META["QUERY_STRING"], keep_blank_values=True))
        filter_draft.number(draft)
        found = filter_draft.finish(draft, owner, _names(kinds))
        if "act" in request.GET:
            focus = filter_draft.change(draft, request.GET["act"])
            filter_draft.number(draft)
        elif found is not None:
            asked = replace(looking, runset=replace(looking.runset, conditions=found, page=1))
            return HttpResponseRedirect(f"{context['urls']['project']}?{asked.query}".removesuffix("?"))
    _equip(draft, kinds)
    context |= {
        "draft": draft,
        "focus": focus,
        "full": filter_draft.full(draft),
        "joins": JOINS.values(),
        "columns": [(field, label(field), fits(field, seen)) for field, seen in kinds.items()],
        # An edited form complains only when it is sent.
        "complains": "join" in request.GET and "act" not in request.GET,
    }
    response = form(request, "filter", context)
    if request.htmx and context["complains"]:
        response["HX-Retarget"] = "#filter-form"
        response["HX-Reswap"] = "outerHTML"
        response["HX-Push-Url"] = "false"
    return response


@require_safe
def values(request: HttpRequest, entity: str, project: str) -> JsonResponse:
    """The values there are of `field`, those that contain `text`, each as it is typed, with its number of runs."""
    owner = project_or_404(request, entity, project)
    text = request.GET.get("text", "")
    try:
        if len(text) > MAX_TEXT or "\0" in text:
            raise BadQuery("text: too long, or in no value")
        found = suggestions(owner, field_from(request.GET.get("field", "")), text)
    except BadQuery as error:
        return JsonResponse({"error": str(error)}, status=400)
    return JsonResponse({"values": [asdict(value) for value in found], "more": len(found) == MOST})


def _filterable(project: Project) -> dict[Field, int]:
    """What runs can be filtered by, with the kinds of values seen in each; run fields, config, summary. One query."""
    run_fields = {Field(RUN, key): 0 for key, field in RUN_FIELDS.items() if field.type is not Type.COUNT}
    return run_fields | every_column(project)


def _names(kinds: dict[Field, int]) -> dict[str, Field]:
    """By the texts that a column may be called by: its own before its label."""
    labels = {label(field).casefold(): field for field in reversed(kinds)}
    return labels | {str(field).casefold(): field for field in reversed(kinds)}


def _equip(branch: BranchDraft, kinds: dict[Field, int]) -> None:
    """Gives each condition the operators, and whether they fit its column."""
    names = _names(kinds)
    for condition in filter_draft.conditions(branch):
        field = names.get(condition.field.casefold())
        fitting = fits(field, kinds[field]) if field else None
        condition.operators = [
            (operator, fitting is None or bool(operator.fits & fitting)) for operator in OPERATORS.values()
        ]
