"""What an address of a project page asks to be shown: a workspace, its runs, its panels' common settings.

    view=ID      a saved view; without it the project's default
    within=NAME  the page of one group: only its runs, by default in subgroups by job type

The other parameters (query/from_url.py, overall.py) say what differs from that workspace.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict

from projects.access import Person, workspace_visible
from projects.layout import Layout
from projects.models import Project, Workspace
from projects.overall import Overall, overall_from_query, overall_query
from projects.query.from_url import group_condition, query_string, runset_from_query
from projects.query.grouping import default_fields
from projects.query.runset import RUN, BadQuery, Field, Runset


@dataclass(frozen=True, slots=True)
class Looking:
    """`defaults` and `overall_defaults` are what the workspace alone would show; `within`: the group that all is of."""

    project: Project
    workspace: Workspace
    defaults: Runset
    runset: Runset
    overall_defaults: Overall
    overall: Overall
    within: str | None = None

    @property
    def layout(self) -> Layout:
        return Layout.from_json(self.workspace.settings.get("layout", {}))

    @property
    def kept(self) -> str:
        """The part of the query string that no change of the runset touches."""
        view = urlencode({"view": self.workspace.id.hex}) if self.workspace.name else ""
        return _joined(view, overall_query(self.overall, self.overall_defaults))

    @property
    def page_query(self) -> str:
        """The shortest query string that asks for the same at the address of the page, which names the group itself."""
        return _joined(query_string(self.runset, self.defaults), self.kept)

    @property
    def query(self) -> str:
        """The shortest query string that asks for the same anywhere."""
        return _joined(self.page_query, self._within)

    @property
    def chart_query(self) -> str:
        """Charts don't depend on what is open, shown in columns, or on which page."""
        sorted_by = {sort.field for sort in self.runset.sort}
        statistics = tuple(chosen for chosen in self.runset.statistics if chosen.field in sorted_by)
        reduced = tuple(chosen for chosen in self.runset.reduced if chosen.plain in sorted_by)
        drawn = replace(
            self.runset, open=frozenset(), columns=None, pinned=(), statistics=statistics, reduced=reduced, page=1
        )
        return _joined(query_string(drawn, self.defaults), self.kept, self._within)

    @property
    def _within(self) -> str:
        return "" if self.within is None else urlencode({"within": self.within}, safe=",:/()")

    @property
    def saved_query(self) -> str:
        """What is kept of it in a view: complete, and so the same when the project's default changes."""
        return _joined(query_string(replace(self.runset, page=1), Runset()), overall_query(self.overall, Overall()))


def looking(person: Person, project: Project, query: QueryDict, within: str | None = None) -> Looking:
    """`within`: the group whose page it is, if the query does not say. At most three queries. Raises BadQuery, and
    access.NotFound for a view that is not there for this person."""
    workspace = workspace_visible(person, project, id=query.get("view", ""))
    defaults, overall_defaults = _defaults(project, workspace)
    within = query.get("within") if within is None else within
    if within is not None:
        defaults = replace(_of_group(defaults, within), fields=(Field(RUN, "job_type"),), grouped=True)
    runset = runset_from_query(query, defaults=defaults)
    return Looking(
        project,
        workspace,
        defaults,
        runset if within is None else _of_group(runset, within),
        overall_defaults,
        overall_from_query(query, defaults=overall_defaults),
        within,
    )


def _of_group(runset: Runset, group: str) -> Runset:
    """With the condition that all runs are of the group, whatever others were asked for. Raises BadQuery."""
    own = group_condition(group)
    others = tuple(condition for condition in runset.conditions if condition != own)
    return replace(runset, conditions=(own, *others))


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
