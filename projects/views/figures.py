"""Several figures at once, for a page whose runs go on."""

from __future__ import annotations

from typing import Any

import orjson
from django.core.exceptions import TooManyFieldsSent
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.http import require_POST

from projects.charts.line_plot import SpecError
from projects.looking import Looking
from projects.query.runset import BadQuery
from projects.saved_views import panel_specs_read
from projects.views.answers import refused
from projects.views.compression import compressed
from projects.views.doors import looking_or_404, project_or_404
from projects.views.panels import line_plot_asked, panel_key
from projects.views.summary_plot import summary_plot_asked
from projects.views.timing import timed
from runs.history import store

MOST = 24


@timed
@compressed
@require_POST
def figures(request: HttpRequest, entity: str, project: str) -> HttpResponse:
    """POST of a JSON list of [what a panel adds to the page's query, the version of its figure that the page has].

    The answer's list has for each: null if the figure is of that version still; else {"version", "figure"}; or
    {"error"}. What the panels have in common is read once. (A POST, as so many questions are too long for an address.)
    """
    owner = project_or_404(request, entity, project)
    try:
        looking = looking_or_404(request, owner)
        questions = _questions(request.body)
        with store.snapshot():
            panel_specs_read(looking.workspace, (panel_key(query) for query, _ in questions))
            answers = [_answer(looking, query, known) for query, known in questions]
    except BadQuery as error:
        return refused(error)
    response = HttpResponse(orjson.dumps(answers), content_type="application/json")
    response["Cache-Control"] = "private, no-store"
    return response


def _questions(body: bytes) -> list[tuple[QueryDict, str]]:
    """Raises BadQuery."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        asked = None
    if not isinstance(asked, list) or len(asked) > MOST:
        raise BadQuery(f"A list of at most {MOST} panels is expected.")
    if not all(isinstance(it, list) and len(it) == 2 and all(isinstance(text, str) for text in it) for it in asked):
        raise BadQuery("Of each panel its query and its version are expected.")
    try:
        return [(QueryDict(query), known) for query, known in asked]
    except TooManyFieldsSent as error:
        raise BadQuery("A panel’s query is too long.") from error


def _answer(looking: Looking, query: QueryDict, known: str) -> dict[str, Any] | None:
    ask = summary_plot_asked if query.get("kind") else line_plot_asked
    try:
        asked = ask(looking, query)
        if asked.version == known:
            return None
        return {"version": asked.version, "figure": orjson.Fragment(asked.draw())}
    except (BadQuery, SpecError) as error:
        return {"error": str(error)}
