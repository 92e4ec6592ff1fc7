"""Changes of the ticked runs, of a group's name, and taking them back."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from projects.access import may_write
from projects.bulk import ACTS, BulkError, counted, group_rename, runs_change, undo_apply
from projects.conclusions.runs_compared import MOST_RUNS
from projects.looking import Looking
from projects.models import Undo, User
from projects.query.fields import label
from projects.query.from_url import MAX_HIDDEN
from projects.query.runset import RUN, BadQuery, Field
from projects.query.ticked import EVERYTHING, ticked_runs
from projects.query.tree import Tree
from projects.views.answers import answer_json, change_from, refused
from projects.views.doors import looking_or_404, project_or_404
from projects.views.run_compare import runs_url
from runs.models import Run

MAX_TICKED = 20_000  # ids in one request; a group's is one
_ID = re.compile(r"[A-Za-z0-9_-]{16}|[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class _Change:
    do: str
    value: str
    id: str  # of a group, or of what is to be undone
    on: frozenset[str]
    off: frozenset[str]


@require_POST
def bulk(request: HttpRequest, entity: str, project: str) -> HttpResponse:
    """POST of {"do": of ACTS, hide, compare, rename, undo; "value", "id", "on", "off"}: {"said", "undo": id or null},
    or {"url"}.

    The query string is that of the page, whose groups and runs `on` and `off` name.
    """
    owner = project_or_404(request, entity, project)
    if not isinstance(request.user, User) or not may_write(request.user, owner.entity):
        return answer_json({"error": f"Only members of {entity} change runs."}, status=403)
    try:
        change = _asked(request.body)
        if change.do == "undo":
            restored = undo_apply(project=owner, user=request.user, id=change.id)
            return answer_json({"said": f"Undone for {counted(restored)}.", "undo": None})
        looking = looking_or_404(request, owner)
        if change.do == "hide":
            return answer_json({"url": _hidden_url(looking, change)})
        if change.do == "compare":
            return answer_json({"url": _compare_url(looking, change)})
        undo = _done(request.user, looking, change)
    except (BadQuery, BulkError) as error:
        return refused(error)
    return answer_json({"said": f"{undo.said}." if undo else "Nothing to change.", "undo": undo and undo.pk.hex})


def _done(user: User, looking: Looking, change: _Change) -> Undo | None:
    project = looking.project
    if change.do == "rename":
        node = Tree(project, looking.runset).find_id(change.id)
        if node is None or node.field != Field(RUN, "group"):
            raise BulkError(f"There is no such {label(Field(RUN, 'group')).lower()} any more.")
        shown = [looking.runset.grouping]
        return group_rename(project=project, user=user, name=node.text or "", to=change.value, groupings=shown)
    runs = ticked_runs(project, looking.runset, change.on, change.off)
    return runs_change(project=project, user=user, act=change.do, value=change.value, runs=runs)


def _hidden_url(looking: Looking, change: _Change) -> str:
    """The page with their eyes off: those of the ticked rows, or, where a row in a ticked group is not, of the runs."""
    runset = looking.runset
    if change.off or EVERYTHING in change.on:
        ids = {run.hex for run in ticked_runs(looking.project, runset, change.on, change.off)}
    else:
        ids = set(change.on)
    if len(runset.hidden | ids) > MAX_HIDDEN:
        raise BulkError(f"At most {MAX_HIDDEN} rows can be hidden one by one: filter them out instead.")
    query = replace(looking, runset=replace(runset, hidden=runset.hidden | ids)).query
    return f"{reverse('project', args=[looking.project.entity.name, looking.project.name])}?{query}"


def _compare_url(looking: Looking, change: _Change) -> str:
    ids = ticked_runs(looking.project, looking.runset, change.on, change.off)
    if len(ids) > MOST_RUNS:
        raise BulkError(f"At most {MOST_RUNS} runs are compared at once.")
    runs = Run.objects.filter(project=looking.project, deleted_at=None).only("name").in_bulk(ids)
    return runs_url(looking.project, [runs[id].name for id in ids if id in runs])


def _asked(body: bytes) -> _Change:
    said = change_from(
        body, {*(key for key, act in ACTS.items() if not act.of_one), "hide", "compare", "rename", "undo"}
    )
    texts = [said.get(name, "") for name in ("do", "value", "id")]
    lists = [said.get(name, []) for name in ("on", "off")]
    if not all(isinstance(text, str) and "\0" not in text for text in texts):
        raise BadQuery("The change is not understood.")
    for ids in lists:
        if not isinstance(ids, list) or len(ids) > MAX_TICKED:
            raise BadQuery(f"At most {MAX_TICKED} rows are ticked at once.")
        if not all(isinstance(id, str) and (id == EVERYTHING or _ID.fullmatch(id)) for id in ids):
            raise BadQuery("The change is not understood.")
    return _Change(*texts, *map(frozenset, lists))
