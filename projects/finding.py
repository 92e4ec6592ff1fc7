"""What a person finds anywhere by a few words: projects, groups, runs, metrics, pages. Only of what they may see.

Each kind is looked for by one query that reads an index alone, and stops at MOST; words are looked for in any case.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet
from django.urls import reverse

from projects.access import Person, visible_projects
from projects.layout import Panel
from projects.models import Project
from runs.models import GROUP_START, Column, Run, Scope

MOST = 8  # of a kind
MAX_TEXT = 200
_MAX_WORDS = 8

# Of the site, and of the project that one is in: title, name of the route.
_SITE = (("Projects", "project-list"), ("Inbox", "inbox"), ("Account and API keys", "account"))
_OF_PROJECT = (("Workspace", "project"), ("Artifacts", "artifacts"), ("Alerts", "alerts"), ("Sweeps", "sweeps"))


@dataclass(frozen=True, slots=True)
class Hit:
    label: str
    url: str
    note: str = ""  # where it is


@dataclass(frozen=True, slots=True)
class Kind:
    title: str
    hits: tuple[Hit, ...]


def find(person: Person, text: str, here: Project | None = None) -> list[Kind]:
    """Kinds with a hit. `here`: the project that one is in, whose groups, runs and metrics come first."""
    words = text.replace("\0", " ")[:MAX_TEXT].split()[:_MAX_WORDS]
    kinds = [("Pages", _pages(person, words, here)), ("Projects", _projects(person, words))]
    if words:
        of_runs = (("Groups", _groups), ("Runs", _runs), ("Metrics", _metrics))
        scopes = _scopes(person, here)
        for title, found in of_runs:
            unlike = dict.fromkeys(hit for projects in scopes for hit in found(projects, words))
            kinds.append((title, iter(list(unlike)[:MOST])))
    return [Kind(title, hits) for title, each in kinds if (hits := tuple(each))]


def _scopes(person: Person, here: Project | None) -> list[QuerySet[Project]]:
    every = visible_projects(person)
    return [every] if here is None else [every.filter(pk=here.pk), every.exclude(pk=here.pk)]


def _holding(name: str, words: Sequence[str]) -> Q:
    return reduce(and_, (Q(**{f"{name}__icontains": word}) for word in words), Q())


def _pages(person: Person, words: Sequence[str], here: Project | None) -> Iterator[Hit]:
    own = [] if here is None else [(title, _of(name, here), str(here)) for title, name in _OF_PROJECT]
    site = [] if isinstance(person, AnonymousUser) else [(title, reverse(name), "") for title, name in _SITE]
    for title, url, note in (*own, *site):
        if all(word.casefold() in title.casefold() for word in words):
            yield Hit(title, url, note)


def _projects(person: Person, words: Sequence[str]) -> Iterator[Hit]:
    named = reduce(and_, (Q(name__icontains=word) | Q(entity__name__icontains=word) for word in words), Q())
    found = visible_projects(person).filter(named).select_related("entity").order_by("name", "entity__name")
    for project in found[:MOST]:
        yield Hit(project.name, _of("project", project), project.entity.name)


def _groups(projects: QuerySet[Project], words: Sequence[str]) -> Iterator[Hit]:
    runs = Run.objects.filter(project__in=projects.values("pk"), deleted_at=None, group_start__gt="")
    rows = runs.filter(_holding("group_start", words)).order_by().values_list("project", "group_start").distinct()
    found = list(rows[:MOST])
    owners = _owners(project for project, _ in found)
    for project, start in found:
        whole: str | None = start
        if len(start) == GROUP_START:  # it may go on; of groups that begin alike one is enough
            runs = Run.objects.filter(project=project, deleted_at=None, group_start=start)
            whole = next(iter(runs.values_list("group", flat=True)[:1]), None)
        if whole:
            yield Hit(whole, _of("group", owners[project], whole), str(owners[project]))


def _runs(projects: QuerySet[Project], words: Sequence[str]) -> Iterator[Hit]:
    runs = Run.objects.filter(project__in=projects.values("pk"), deleted_at=None)
    # Tags are in it as JSON: with their letters beyond ASCII escaped.
    held = (_holding("names", [word]) | _holding("names", [json.dumps(word)[1:-1]]) for word in words)
    ids = list(runs.filter(*held).order_by("-created_at").values_list("pk", flat=True)[:MOST])
    by_id = Run.objects.only("name", "display_name", "tags", "group", "project").in_bulk(ids)
    owners = _owners(run.project_id for run in by_id.values())
    for run in (by_id[id] for id in ids if id in by_id):
        texts = [text.casefold() for text in (run.display_name, run.name, *run.tags)]
        if not all(any(word.casefold() in text for text in texts) for word in words):
            continue  # a bracket or quote of the JSON
        owner = owners[run.project_id]
        yield Hit(run.display_name, _of("run", owner, run.name), f"{owner} · {run.group}" if run.group else str(owner))


def _metrics(projects: QuerySet[Project], words: Sequence[str]) -> Iterator[Hit]:
    columns = Column.objects.filter(project__in=projects.values("pk"), scope=Scope.HISTORY)
    found = list(columns.filter(_holding("key", words)).exclude(key__startswith="_").order_by("key")[:MOST])
    owners = _owners(column.project_id for column in found)
    for column in found:
        panel = Panel(column.key, column.key).id
        yield Hit(
            column.key, f"{_of('project', owners[column.project_id])}#panel-{panel}", str(owners[column.project_id])
        )


def _owners(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Project]:
    """Asked for apart: joined, SQLite walks through the runs of the projects."""
    return Project.objects.select_related("entity").in_bulk(set(ids))


def _of(name: str, project: Project, *more: str) -> str:
    return reverse(name, args=[project.entity.name, project.name, *more])
