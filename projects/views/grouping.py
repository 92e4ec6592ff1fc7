"""What to group by: the form, all that varies but the seed, and groupings kept under a name."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace

from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from projects.access import may_write
from projects.groupings import PresetError, preset_create, preset_delete, preset_rename
from projects.groupings import presets as presets_of
from projects.looking import Looking
from projects.models import Project
from projects.query import toggles
from projects.query.columns import group_candidates
from projects.query.from_url import group_fields_from
from projects.query.replicates import Varying, group_sizes, varying
from projects.query.runset import BadQuery
from projects.query.splits import MOST_BINS, WAYS, group_field_text
from projects.views.choices import field_choices
from projects.views.doors import looking_or_404, project_or_404
from projects.views.workspace import HtmxRequest, bad_query, form, view_context


@require_safe
def group_by(request: HtmxRequest, entity: str, project: str) -> HttpResponse:
    """The form that chooses the fields to group by: a page, or for htmx what a popover holds.

    `replicates=1`: on to the project's page, grouped by every config column that varies and is not an `except`;
    `replicates=sizes`: as text, how many groups of how many runs that makes.
    """
    owner = project_or_404(request, entity, project)
    try:
        looking = looking_or_404(request, owner)
        if "replicates" in request.GET:
            varies = varying(group_candidates(owner, looking.runset))
            excepted = set(request.GET.getlist("except"))
            grouped = _by_all(looking, (it for it in varies if group_field_text(it.field) not in excepted))
            if request.GET["replicates"] == "sizes":
                return HttpResponse(group_sizes(owner, grouped.runset), content_type="text/plain; charset=utf-8")
            return HttpResponseRedirect(f"{_page(owner)}?{grouped.query}".removesuffix("?"))
    except BadQuery as error:
        return bad_query(request, owner, error)
    return _form(request, looking)


@require_POST
def presets(request: HtmxRequest, entity: str, project: str) -> HttpResponse:
    """A change of the named groupings: `do` is one of CHANGES. The form again, with the fields of `group` chosen."""
    owner = project_or_404(request, entity, project)
    change = CHANGES.get(request.POST.get("do", ""))
    if change is None:
        raise Http404
    try:
        looking = looking_or_404(request, owner)
        fields = group_fields_from(request.POST)
        if fields is not None:
            looking = replace(looking, runset=toggles.with_fields(looking.runset, fields))
    except BadQuery as error:
        return bad_query(request, owner, error)
    if not may_write(request.user, owner.entity):
        return HttpResponse("Only members change the groupings of a project.", status=403, content_type="text/plain")
    try:
        said = change(owner, looking, request.POST)
    except PresetError as error:
        # htmx shows nothing of an answer that is an error.
        return _form(request, looking, error=str(error), status=200 if request.htmx else 400)
    if request.htmx:
        return _form(request, looking, said=said)
    address = reverse("group-by", args=[owner.entity.name, owner.name])
    return HttpResponseRedirect(f"{address}?{looking.query}")


def _form(
    request: HtmxRequest, looking: Looking, *, said: str = "", error: str = "", status: int = 200
) -> HttpResponse:
    owner = looking.project
    candidates = group_candidates(owner, looking.runset)
    varies = varying(candidates)
    replicates = _by_all(looking, (it for it in varies if not it.excepted))
    context = view_context(looking) | {
        "choices": field_choices(looking.runset, candidates),
        "varying": [(it, group_field_text(it.field)) for it in varies],
        "sizes": group_sizes(owner, replicates.runset),
        "ways": WAYS.values(),
        "most_bins": MOST_BINS,
        "presets": presets_of(owner),
        "may_write": may_write(request.user, owner.entity),
        "said": said,
        "error": error,
    }
    response = form(request, "group_by", context)
    response.status_code = status
    return response


def _by_all(looking: Looking, varies: Iterable[Varying]) -> Looking:
    return replace(looking, runset=toggles.with_fields(looking.runset, tuple(it.field for it in varies)))


def _page(project: Project) -> str:
    return reverse("project", args=[project.entity.name, project.name])


def _create(project: Project, looking: Looking, asked: QueryDict) -> str:
    preset = preset_create(project=project, name=asked.get("name", ""), fields=looking.runset.fields)
    return f"Saved “{preset.name}”."


def _rename(project: Project, looking: Looking, asked: QueryDict) -> str:
    preset_rename(project=project, id=_id(asked), name=asked.get("name", ""))
    return "Renamed."


def _delete(project: Project, looking: Looking, asked: QueryDict) -> str:
    preset_delete(project=project, id=_id(asked))
    return "Deleted."


CHANGES: dict[str, Callable[[Project, Looking, QueryDict], str]] = {
    "create": _create,
    "rename": _rename,
    "delete": _delete,
}


def _id(asked: QueryDict) -> uuid.UUID:
    try:
        return uuid.UUID(asked.get("id", ""))
    except ValueError:
        raise Http404 from None
