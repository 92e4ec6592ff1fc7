"""The colours of lines: of groups, and of runs by themselves."""

from __future__ import annotations

import re
import uuid

import orjson
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_http_methods

from projects.access import may_change
from projects.looking import Looking
from projects.query.grouping import path_label
from projects.query.palette import NAMES
from projects.query.runset import BadQuery
from projects.query.tree import Tree
from projects.saved_views import ViewError, colour_set
from projects.views.answers import answer_json, refused
from projects.views.doors import looking_or_404, project_or_404
from projects.views.menus import menu_answer
from projects.views.workspace import HtmxRequest, bad_query, view_context
from runs.models import Run

_LINE = re.compile(r"[A-Za-z0-9_-]{16}|[0-9a-f]{32}")
_COLOUR = re.compile(r"#[0-9a-f]{6}|")


@require_http_methods(["GET", "HEAD", "POST"])
def colour(request: HtmxRequest, entity: str, project: str) -> HttpResponse:
    """GET: the menu of the group or run `of`. POST of {"line", "colour"}: its colour from then on, "" the palette's."""
    owner = project_or_404(request, entity, project)
    try:
        looking = looking_or_404(request, owner)
        if request.method != "POST":
            return _menu(request, looking)
    except BadQuery as error:
        return refused(error) if request.method == "POST" else bad_query(request, owner, error)
    try:
        line, chosen = _asked(request.body)
        if not may_change(request.user, looking.workspace):
            return answer_json({"error": f"Only members of {owner.entity.name} change this view."}, status=403)
        colour_set(workspace=looking.workspace, line=line, colour=chosen)
    except (BadQuery, ViewError) as error:
        return refused(error)
    return answer_json({"colour": chosen})


def _menu(request: HtmxRequest, looking: Looking) -> HttpResponse:
    line, name, shown = _line(looking, request.GET.get("of", ""))
    if not may_change(request.user, looking.workspace):
        raise Http404
    context = {
        "line": line,
        "title": f"Colour of {name}",
        "shown": shown,
        "palette": NAMES.items(),
        "picked": line in dict(looking.runset.colours),
    }
    return menu_answer(request, "colour_menu", view_context(looking) | context)


def _line(looking: Looking, of: str) -> tuple[str, str, str]:
    """By which its colour is kept, its name, and the colour it has."""
    tree = Tree(looking.project, looking.runset)
    if not looking.runset.grouping and len(of) == 32 and _LINE.fullmatch(of):
        run = Run.objects.filter(project=looking.project, deleted_at=None, id=uuid.UUID(of)).first()
        positions = [] if run is None else tree.frame.having([run.id]).nonzero()[0].tolist()
        if run is not None and positions:
            return of, run.display_name, tree.run_colour(positions[0])
    node = tree.find_id(of)
    if node is None or node.line is None:
        raise Http404
    return tree.line_id(node.line), path_label(node), tree.colour(node)


def _asked(body: bytes) -> tuple[str, str]:
    """Raises BadQuery."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        asked = None
    if not isinstance(asked, dict) or not all(isinstance(asked.get(key), str) for key in ("line", "colour")):
        raise BadQuery("The change is not understood.")
    line, chosen = asked["line"], asked["colour"].lower()
    if not _LINE.fullmatch(line):
        raise BadQuery("There is no such line.")
    if not _COLOUR.fullmatch(chosen):
        raise BadQuery("A colour is six hexadecimal digits after a “#”.")
    return line, chosen
