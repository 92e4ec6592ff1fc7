"""A project's artifacts, and the page of one version."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from projects.artifacts import collections_of, runs_of, types_of, version_of, versions_of
from projects.views.doors import project_or_404
from projects.views.files import artifact_file_row
from projects.views.trees import tree
from runs.columns import storable
from runs.models import Role

_PER_PAGE = 50
_FILES_PER_PAGE = 200


@never_cache
@require_safe
def artifacts(request: HttpRequest, entity: str, project: str) -> HttpResponse:
    owner = project_or_404(request, entity, project)
    type, search = storable(request.GET.get("type", "")), storable(request.GET.get("q", "")).strip()
    page = Paginator(collections_of(owner, type=type, search=search), _PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "artifacts/artifacts.html",
        {"project": owner, "page": page, "types": types_of(owner), "type": type, "search": search},
    )


@never_cache
@require_safe
def artifact(
    request: HttpRequest, entity: str, project: str, type: str, name: str, version: str = "latest"
) -> HttpResponse:
    owner = project_or_404(request, entity, project)
    found = version_of(owner, type=type, name=name, version=version)
    if found is None:
        raise Http404
    page = Paginator(found.files.order_by("name"), _FILES_PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "artifacts/artifact.html",
        {
            "project": owner,
            "artifact": found,
            "collection": found.collection,
            "aliases": sorted(row.alias for row in found.aliases.all()),
            "versions": versions_of(found.collection),
            "metadata": tree(found.metadata or {}, "metadata").root,
            "page": page,
            "files": [artifact_file_row(file, entity, project, str(found)) for file in page],
            "produced_by": runs_of(request.user, found, Role.PRODUCED),
            "used_by": runs_of(request.user, found, Role.USED),
        },
    )
