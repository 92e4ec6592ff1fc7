"""What an address of a project page asks to be shown: a workspace, its runs, its panels' common settings.

    view=ID       a saved view; without it the project's default
    sweep=NAME    only the runs of this sweep

The other parameters (query/from_url.py, overall.py) say what differs from that workspace.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict

from projects.access import NotFound, Person, workspace_visible
from projects.layout import Layout
from projects.models import Project, Workspace
from projects.overall import Overall, overall_from_query, overall_query
from projects.query.from_url import query_string, runset_from_query
from projects.query.grouping import default_fields
from projects.query.runset import RUN, BadQuery, Condition, Field, Runset
from runs.models import Sweep, sweep_id


@dataclass(frozen=True, slots=True)
class Looking:
    """`defaults` and `overall_defaults` are what the workspace alone would show.

    `within` is the condition of `runset` that narrows it to a sweep: not one that can be taken away.
    """

    project: Project
    workspace: Workspace
    defaults: Runset
    runset: Runset
    overall_defaults: Overall
    overall: Overall
    sweep: Sweep | None = None
    within: Condition | None = None

    @property
    def layout(self) -> Layout:
        return Layout.from_json(self.workspace.settings.get("layout", {}))

    @property
    def kept(self) -> str:
        """The part of the query string that no change of the runset touches."""
        view = urlencode({"view": self.workspace.id.hex}) if self.workspace.name else ""
        sweep = urlencode({"sweep": self.sweep.name}) if self.sweep else ""
        return _joined(view, sweep, overall_query(self.overall, self.overall_defaults))

    @property
    def query(self) -> str:
        """The shortest query string that asks for the same."""
        return _joined(query_string(without(self.runset, self.within), self.defaults), self.kept)

    @property
    def chart_query(self) -> str:
        """Charts don't depend on what is open, shown in columns, or on which page."""
        sorted_by = {sort.field for sort in self.runset.sort}
        statistics = tuple(chosen for chosen in self.runset.statistics if chosen.field in sorted_by)
        reduced = tuple(chosen for chosen in self.runset.reduced if chosen.plain in sorted_by)
        drawn = replace(
            self.runset, open=frozenset(), columns=None, pinned=(), statistics=statistics, reduced=reduced, page=1
        )
        return _joined(query_string(without(drawn, self.within), self.defaults), self.kept)

    @property
    def saved_query(self) -> str:
        """What is kept of it in a view: complete, and so the same when the project's default changes."""
        runset = replace(without(self.runset, self.within), page=1)
        return _joined(query_string(runset, Runset()), overall_query(self.overall, Overall()))


def looking(person: Person, project: Project, query: QueryDict) -> Looking:
    """At most four queries. Raises BadQuery, and access.NotFound for a view or a sweep that is not there for this
    person."""
    workspace = workspace_visible(person, project, id=query.get("view", ""))
    defaults, overall_defaults = _defaults(project, workspace)
    runset = runset_from_query(query, defaults=defaults)
    overall = overall_from_query(query, defaults=overall_defaults)
    sweep, within = None, None
    if name := query.get("sweep"):
        sweep = Sweep.objects.filter(pk=sweep_id(project.id, name)).first()
        if sweep is None:
            raise NotFound("sweep not found")
        sweep.project = project  # spares a query
        within = Condition(Field(RUN, "sweep"), "=", (f'"{name}"',))
        runset = replace(runset, conditions=(within, *without(runset, within).conditions))
    return Looking(project, workspace, defaults, runset, overall_defaults, overall, sweep, within)


def without(runset: Runset, within: Condition | None) -> Runset:
    """The runset without the condition that its sweep makes: what is said of it apart from that."""
    return replace(runset, conditions=tuple(one for one in runset.conditions if one != within)) if within else runset


def _defaults(project: Project, workspace: Workspace) -> tuple[Runset, Overall]:
    saved = workspace.settings.get("query")
    if saved is not None:
        try:
            query = QueryDict(saved)
            return (
                runset_from_query(query, defaults=Runset()),
                overall_from_query(query, defaults=Overall()),
            )
        except BadQuery:
            pass  # Written by another release.
    fields = default_fields(project)
    return Runset(fields=fields, grouped=bool(fields)), Overall()


def _joined(*parts: str) -> str:
    return "&".join(filter(None, parts))
