"""The search over everything: a page of its own, and for the dialog on other pages its list of hits."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from projects.access import NotFound, project_visible
from projects.finding import MAX_TEXT, find
from projects.models import Project
from runs.columns import storable


@never_cache
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """?q=…, and `in=ENTITY/PROJECT`, where the person is; for htmx the list alone."""
    text = storable(request.GET.get("q", ""))[:MAX_TEXT].strip()
    here = _here(request)
    context = {"search": text, "kinds": find(request.user, text, here), "here": here}
    only_list = "HX-Request" in request.headers
    answer = render(request, "search/_hits.html" if only_list else "search/search.html", context)
    patch_vary_headers(answer, ["HX-Request"])
    return answer


def _here(request: HttpRequest) -> Project | None:
    entity, _, name = request.GET.get("in", "").replace("\0", "").partition("/")
    try:
        return project_visible(request.user, entity=entity, name=name)
    except NotFound:
        return None
