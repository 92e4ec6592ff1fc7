"""What the scripts of a project's runs want people to know, the latest first."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from projects.views.doors import project_or_404
from runs.models import Alert, Level

_PER_PAGE = 50


@never_cache
@require_safe
def alerts(request: HttpRequest, entity: str, project: str) -> HttpResponse:
    owner = project_or_404(request, entity, project)
    level = request.GET.get("level", "")
    if level not in ("", *Level.values):
        raise Http404
    found = Alert.objects.filter(project=owner, run__deleted_at=None)
    if level:
        found = found.filter(level=level)
    shown = found.select_related("run").only("sent_at", "level", "title", "text", "run__name", "run__display_name")
    page = Paginator(shown.order_by("-sent_at", "run_id"), _PER_PAGE).get_page(request.GET.get("page"))
    context = {"project": owner, "page": page, "level": level, "levels": [("", "All"), *Level.choices]}
    return render(request, "alerts/alerts.html", context)
