"""A person's inbox: the alerts of their projects that they have not read yet, or all."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from projects.inbox import alert_read, alerts_of, inbox_read, unread_of
from projects.models import User

_PER_PAGE = 50


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def inbox(request: HttpRequest) -> HttpResponse:
    """`show=all`, too. POST of `until`, a time: all until then are read; of `run` and `sent_at`: that one is."""
    user = request.user
    assert isinstance(user, User)
    everything = request.GET.get("show") == "all"
    if request.method == "POST":
        if "run" in request.POST:
            alert_read(user=user, run=_run(request), sent_at=_time(request, "sent_at"))
        else:
            inbox_read(user=user, until=_time(request, "until"))
        return redirect(request.get_full_path())
    found = (alerts_of if everything else unread_of)(user).select_related("run__project__entity")
    shown = found.only(
        "sent_at", "level", "title", "text", "run__name", "run__display_name", "run__project__name",
        "run__project__entity__name",
    )  # fmt: skip
    page = Paginator(shown, _PER_PAGE).get_page(request.GET.get("page"))
    unread = set(unread_of(user).filter(run__in=[alert.run_id for alert in page]).values_list("run_id", "sent_at"))
    rows = [(alert, (alert.run_id, alert.sent_at) in unread) for alert in page]
    until = max((alert.sent_at for alert in page), default=None) if page.number == 1 else None
    context = {"page": page, "rows": rows, "everything": everything, "until": until}
    return render(request, "inbox/inbox.html", context)


def _time(request: HttpRequest, name: str) -> datetime:
    try:
        found = parse_datetime(request.POST.get(name, ""))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise BadRequest(f"{name} is a time with its zone")
    return found


def _run(request: HttpRequest) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST["run"])
    except ValueError:
        raise BadRequest("run is the id of a run") from None
