"""What an address of a project page asks to be shown: a workspace, its runs, its panels' common settings.

    view=ID       a saved view; without it the project's default
    sweep=NAME    only the runs of this sweep
    within=NAME   the page of one group: only its runs, by default in subgroups by job type

The other parameters (query/from_url.py, overall.py) say what differs from that workspace.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import urlencode

from django.http import QueryDict

from projects.access import NotFound, Person, workspace_visible
from projects.layout import Layout
from projects.models import Project, Workspace
from projects.overall import Overall, overall_from_query, overall_query
from projects.query.from_url import group_condition, query_string, runset_from_query
from projects.query.grouping import default_fields
from projects.query.runset import RUN, BadQuery, Condition, Field, Runset
from projects.query.tree import JOB_TYPE
from runs.models import Sweep, sweep_id

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Looking:
    """`defaults` and `overall_defaults` are what the workspace alone would show.

    `within` are the conditions of `runset` that narrow it to a sweep or a group: not such as can be taken away.
    """

    project: Project
    workspace: Workspace
    defaults: Runset
    runset: Runset
    overall_defaults: Overall
    overall: Overall
    sweep: Sweep | None = None
    group: str | None = None
    within: tuple[Condition, ...] = ()

    @property
    def layout(self) -> Layout:
        return Layout.from_json(self.workspace.settings.get("layout", {}))

    @property
    def kept(self) -> str:
        """The part of the query string that no change of the runset touches."""
        view = urlencode({"view": self.workspace.id.hex}) if self.workspace.name else ""
        sweep = urlencode({"sweep": self.sweep.name}) if self.sweep else ""
        return _joined(view, sweep, overall_query(self.overall, self.overall_defaults))

    def concluding(self, page: str, query: QueryDict) -> Looking:
        """The same, with what the query asks of this page of overall.CONCLUSIONS above what is kept of it."""
        return replace(self, overall=self.overall.concluding(page, query))

    def concluded(self, page: str, query: QueryDict, read: Callable[[QueryDict], T]) -> T:
        """What `read` makes of that; what a view keeps counts for nothing once it can't be read. Raises BadQuery."""
        try:
            return read(QueryDict(getattr(self.concluding(page, query).overall, page)))
        except BadQuery:
            if getattr(self.overall, page) != getattr(self.overall_defaults, page):
                raise
            return read(query)

    @property
    def page_query(self) -> str:
        """The shortest query string that asks for the same at the address of the page, which names the group itself."""
        return _joined(query_string(without(self.runset, self.within), self.defaults), self.kept)

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
        return _joined(query_string(without(drawn, self.within), self.defaults), self.kept, self._within)

    @property
    def _within(self) -> str:
        return "" if self.group is None else urlencode({"within": self.group}, safe=",:/()")

    @property
    def saved_query(self) -> str:
        """What is kept of it in a view: complete, and so the same when the project's default changes."""
        runset = replace(without(self.runset, self.within), page=1)
        return _joined(query_string(runset, Runset()), overall_query(self.overall, Overall()))


def looking(person: Person, project: Project, query: QueryDict, group: str | None = None) -> Looking:
    """`group`: whose page it is, if the query does not say. At most four queries.

    Raises BadQuery, and access.NotFound for a view or a sweep that is not there for this person.
    """
    workspace = workspace_visible(person, project, id=query.get("view", ""))
    defaults, overall_defaults = _defaults(project, workspace)
    within: list[Condition] = []
    sweep = None
    if name := query.get("sweep"):
        sweep = Sweep.objects.filter(pk=sweep_id(project.id, name)).first()
        if sweep is None:
            raise NotFound("sweep not found")
        sweep.project = project  # spares a query
        within.append(Condition(Field(RUN, "sweep"), "=", (f'"{name}"',)))
    group = query.get("within") if group is None else group
    if group is not None:
        within.append(group_condition(group))
        defaults = replace(defaults, fields=(JOB_TYPE,), grouped=True)
    runset = without(runset_from_query(query, defaults=defaults), within)
    return Looking(
        project,
        workspace,
        defaults,
        replace(
            runset,
            conditions=(*within, *runset.conditions),
            colours=frozenset(workspace.settings.get("colours", {}).items()),
            within=group,
        ),
        overall_defaults,
        overall_from_query(query, defaults=overall_defaults),
        sweep,
        group,
        tuple(within),
    )


def without(runset: Runset, within: Collection[Condition]) -> Runset:
    """The runset without the conditions that narrow it: what is said of it apart from them."""
    if not within:
        return runset
    return replace(runset, conditions=tuple(one for one in runset.conditions if one not in within))


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
