"""What people change of one run on its page: name, notes, tags. Each change can be undone as those of many runs."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from projects.access import may_write
from projects.bulk import ACTS, BulkError, runs_change
from projects.models import Undo, User
from projects.query.runset import BadQuery
from projects.views.answers import answer_json, change_from, refused
from projects.views.doors import run_or_404
from runs.columns import storable
from runs.models import Run

DOS = ("display_name", "notes", "tag_add", "tag_remove")


class Changed(ValueError):
    """Somebody else was faster."""


@require_POST
def edit(request: HttpRequest, entity: str, project: str, run: str) -> HttpResponse:
    """POST of {"do": of DOS, "value", "was"}: {"said", "undo": id or null}; the same as a form: back to the page.

    `was` is the text that the page showed: nothing is written over what has been changed since.
    """
    found = run_or_404(request, entity, project, run)
    as_form = request.content_type != "application/json"
    if not isinstance(request.user, User) or not may_write(request.user, found.project.entity):
        return answer_json({"error": f"Only members of {entity} change runs."}, status=403)
    try:
        asked = request.POST.dict() if as_form else change_from(request.body, DOS)
        undo = _done(request.user, found, *(asked.get(name) for name in ("do", "value", "was")))
    except (BadQuery, BulkError, Changed) as error:
        if not as_form:
            return answer_json({"error": str(error)}, status=409) if isinstance(error, Changed) else refused(error)
        messages.error(request, str(error))
        undo = None
    if as_form:
        if undo is not None:
            messages.success(request, f"{undo.said}.")
        return redirect("run", entity, project, run)
    return answer_json({"said": f"{undo.said}." if undo else "Nothing to change.", "undo": undo and undo.pk.hex})


def _done(user: User, run: Run, do: object, value: object, was: object) -> Undo | None:
    if do not in DOS or not isinstance(value, str) or not isinstance(was, str | None):
        raise BadQuery("The change is not understood.")
    assert isinstance(do, str)
    value = storable(_plain(value)).strip()
    now = None
    if not do.startswith("tag") and was is not None:
        now = getattr(run, ACTS[do].field)
        if _plain(now) != _plain(was):
            raise Changed(f"It has been changed meanwhile, to “{now[:200]}”.")
    undo = runs_change(project=run.project, user=user, act=do, value=value, runs=[run.id], still=now)
    if undo is None and now not in (None, value):
        raise Changed("It has been changed meanwhile.")
    return undo


def _plain(text: str) -> str:
    """Forms send the ends of lines in their own way."""
    return text.replace("\r\n", "\n")
