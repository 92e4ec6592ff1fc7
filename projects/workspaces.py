"""What a project's workspace shows and how: its panels in sections, and the settings kept of each."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from threading import BoundedSemaphore
from typing import Any

from django.utils import timezone

from projects.charts.header import Basis
from projects.charts.line_plot import MAX_LINES, X_AXES, LinePlot, SpecError
from projects.charts.multiples import MOST_CHARTS, columns_of
from projects.charts.series import CELLS, Drawing, draw, joined
from projects.layout import Layout, Panel, Section
from projects.looking import Looking
from projects.looks import divided, dressed, of_metric
from projects.models import Project, Workspace
from projects.query.columns import numeric_keys
from projects.query.grouping import RunGroup, run_groups, visible_runs
from projects.query.runset import Runset
from projects.query.splits import group_field_from
from projects.query.step_metrics import step_metric
from projects.query.texts import matcher
from projects.saved_views import panel_spec, panel_spec_save, spec_save, specs_of_several
from runs.columns import column_id
from runs.history import store
from runs.models import Column, Run, Scope
from runs.states import state_expression

_CLOCKS = {choice.key for choice in X_AXES} - {"_step"}
# More charts at once than there are cores would be drawn no sooner, and each holds the cells of all its runs.
_drawing = BoundedSemaphore(os.cpu_count() or 1)


def panel_drawing(
    project: Project,
    runset: Runset,
    metric: str,
    plot: LinePlot,
    *,
    lo: float | None = None,
    hi: float | None = None,
    cells: int = CELLS,
    scope: Scope = Scope.HISTORY,
) -> Drawing:
    """What a panel draws: the first groups of the table, up to the plot's limit, that have logged one of its metrics.

    A few queries for each metric.
    """
    with store.snapshot():
        return panel_sketch(project, runset, metric, plot, scope).drawing(lo=lo, hi=hi, cells=cells)


@dataclass(frozen=True, slots=True)
class Sketch:
    """What a panel draws, without the numbers. `plot` has the x axis in force."""

    project: Project
    plot: LinePlot
    logged: Mapping[str, Set[uuid.UUID]]  # metric -> the runs that have it, of those drawn
    of_metrics: int
    groups: Sequence[RunGroup]
    total_groups: int
    grouped: bool
    charts: tuple[str, ...] = ()  # values of the small charts, if there are such
    scope: Scope = Scope.HISTORY

    @property
    def version(self) -> str:
        """Another whenever the numbers may be, and as long as none of the runs drawn has changed the same."""
        metrics = (list(self.logged), self.of_metrics)
        of_all = repr((metrics, self.plot, self.total_groups, self.grouped, self.charts, len(self.groups)))
        digest = hashlib.sha256(of_all.encode("utf-8", "surrogatepass"))
        for group in self.groups:
            of_group = repr((replace(group, run_ids=()), len(group.run_ids)))
            digest.update(of_group.encode("utf-8", "surrogatepass"))
            digest.update(b"".join(run.bytes for run in group.run_ids) + group.changed)
            for runs in self.logged.values():
                digest.update(bytes(run in runs for run in group.run_ids))
        return digest.hexdigest()

    def drawing(self, *, lo: float | None = None, hi: float | None = None, cells: int = CELLS) -> Drawing:
        """To be called in the snapshot in which the sketch was made."""
        if not self.logged:
            basis = Basis(0, 0, 0, 0, 0, metrics=0, of_metrics=0)
            return Drawing([], basis, None, self.grouped, self.plot.x_axis or "_step")
        shown = self.charts[:MOST_CHARTS]
        columns = columns_of(len(shown), cells) or 1
        with _drawing:
            drawings = [
                draw(
                    project_id=self.project.id,
                    metric=name,
                    plot=self.plot,
                    groups=of_metric(self.groups, name, place) if self.of_metrics > 1 else self.groups,
                    total_groups=self.total_groups,
                    lo=lo,
                    hi=hi,
                    cells=cells // columns,
                    logged=runs,
                    grouped=self.grouped,
                    scope=self.scope,
                )
                for place, (name, runs) in enumerate(self.logged.items())
            ]
        found = joined(drawings, of_metrics=self.of_metrics)
        if not shown:
            return found
        basis = replace(found.basis, charts=len(shown), of_charts=len(self.charts))
        return replace(found, charts=shown, columns=columns, basis=basis)


def panel_sketch(project: Project, runset: Runset, metric: str, plot: LinePlot, scope: Scope = Scope.HISTORY) -> Sketch:
    """A few queries for each metric."""
    every = panel_metrics(project, metric, plot)
    names = every[: plot.metric_limit]
    grouped = bool(panel_runset(runset, plot).grouping)
    if not names:
        return Sketch(project, plot, {}, 0, (), 0, grouped)
    if scope == Scope.SYSTEM:
        # No machine counts steps, or knows what was logged.
        plot = replace(plot, x_axis=plot.x_axis if plot.x_axis in _CLOCKS else "_runtime")
    else:
        plot = replace(plot, x_axis=plot.x_axis or default_axis(project, names[0]))
    logged = {name: store.logged(column_id=column_id(project.id, scope, name)) for name in names}
    groups, total = panel_groups(project, runset, plot, logged=set().union(*logged.values()), limit=plot.limit)
    groups = dressed(project, plot, groups)
    charts: list[str] = []
    if plot.charts_by:
        groups, charts = divided(project, group_field_from(plot.charts_by), groups)
        groups = [group for group in groups if group.chart < MOST_CHARTS]
    drawn = {name: logged[name] for name in names[: max(1, MAX_LINES // max(1, len(groups)))]}
    return Sketch(project, plot, drawn, len(every), groups, total, grouped, tuple(charts), scope)


def panel_metrics(project: Project, metric: str, plot: LinePlot) -> tuple[str, ...]:
    """All that the panel of `metric` could draw: those its settings name or match, else its own. A query at most."""
    return _meant(metric, plot, metrics(project) if plot.metric_regex else ())


def _meant(metric: str, plot: LinePlot, names: Sequence[str]) -> tuple[str, ...]:
    if not plot.metric_regex:
        return plot.metrics or (metric,)
    matches = matcher(plot.metric_regex)
    return tuple(dict.fromkeys((*plot.metrics, *(name for name in names if matches(name)))))


def run_sections(workspace: Workspace, logged: Set[str]) -> list[Section]:
    """The panels that draw something of a run that has logged these metrics. Two queries at most."""
    names = metrics(workspace.project)
    several = {key: _plot(spec) for key, spec in specs_of_several(workspace).items()}

    def drawn(panel: Panel) -> bool:
        plot = several.get(panel.key)
        return panel.metric in logged if plot is None else not logged.isdisjoint(_meant(panel.metric, plot, names))

    return Layout.from_json(workspace.settings.get("layout", {})).of_a_run.sections(names, drawn=drawn)


def panel_groups(
    project: Project, runset: Runset, plot: LinePlot, *, logged: Set[uuid.UUID], limit: int
) -> tuple[list[RunGroup], int]:
    """The first `limit` groups of panel_runset, with the runs that the panel counts, that have one of the runs
    `logged`; and how many such groups there are."""
    asked = panel_runset(runset, plot)
    counted = _counted_runs(project, runset, asked, plot)
    if counted is None:
        return run_groups(project, asked, limit, logged=logged)
    groups, total = run_groups(project, asked, limit, logged=logged & counted)
    return [replace(it, run_ids=tuple(run for run in it.run_ids if run in counted)) for it in groups], total


def panel_runs(project: Project, runset: Runset, plot: LinePlot) -> list[uuid.UUID]:
    """All runs that a panel counts that does not group them."""
    asked = panel_runset(runset, plot)
    counted = _counted_runs(project, runset, asked, plot)
    return [run for run in visible_runs(project, asked) if counted is None or run in counted]


def panel_runset(runset: Runset, plot: LinePlot) -> Runset:
    """The table's, grouped as the panel says."""
    match plot.group_by:
        case "none":
            return replace(runset, grouped=False)
        case "fields":
            return replace(runset, grouped=True, fields=tuple(map(group_field_from, plot.group_fields)))
        case _:
            return runset


def default_axis(project: Project, metric: str) -> str:
    """The x axis of a panel for which none was chosen."""
    found = step_metric(project, metric)
    return "_step" if found.startswith("_") and found not in {choice.key for choice in X_AXES} else found or "_step"


def _counted_runs(project: Project, runset: Runset, asked: Runset, plot: LinePlot) -> set[uuid.UUID] | None:
    """The runs that a panel with a grouping of its own, or with chosen states, counts; None: all that are visible."""
    counted = None
    if runset.hidden and runset.grouping and asked.grouping != runset.grouping:
        # Eyes are of the table's groups: what they hide stays hidden.
        counted = set(visible_runs(project, runset))
    if plot.states:
        runs = Run.objects.filter(project=project, deleted_at=None)
        within = runs.alias(state_now=state_expression(timezone.now())).filter(state_now__in=plot.states)
        found = set(within.values_list("id", flat=True))
        counted = found if counted is None else counted & found
    return counted


def metrics(project: Project) -> list[str]:
    """Logged metrics that have numbers. One query."""
    return numeric_keys(project, Scope.HISTORY)


def metric_known(project: Project, metric: str) -> bool:
    return Column.objects.filter(id=column_id(project.id, Scope.HISTORY, metric)).exists()


def overall_plot(shown: Looking, section: str | None = None) -> LinePlot:
    """How the panels of a section (None: of any) are drawn that have no settings of their own."""
    return _plot(_inherited(shown, section))


def panel_plot(shown: Looking, key: str) -> LinePlot:
    """How a panel is drawn: what was saved of it, then of its section, then of all panels, then the defaults.

    One query.
    """
    inherited = _inherited(shown, shown.layout.section_of(key))
    return _plot(inherited | panel_spec(shown.workspace, key))


def panel_plot_save(shown: Looking, key: str, plot: LinePlot) -> None:
    """Keep what `plot` has unlike the panel's section, and what was kept before and holds still."""
    base = overall_plot(shown, shown.layout.section_of(key))
    spec = _difference(plot, base, panel_spec(shown.workspace, key))
    panel_spec_save(workspace=shown.workspace, key=key, spec=spec)


def overall_plot_save(shown: Looking, section: str | None, plot: LinePlot) -> None:
    """Keep it as how all panels, or those of a section, are drawn that say nothing else."""
    settings = shown.workspace.settings
    if section is None:
        base, own = _plot(shown.overall.spec), settings.get("spec", {})
    else:
        base, own = overall_plot(shown), settings.get("sections", {}).get(section, {})
    spec_save(workspace=shown.workspace, section=section, spec=_difference(plot, base, own))


def _inherited(shown: Looking, section: str | None) -> dict[str, Any]:
    settings = shown.workspace.settings
    of_section = settings.get("sections", {}).get(section, {}) if section is not None else {}
    spec: dict[str, Any] = settings.get("spec", {})
    return spec | shown.overall.spec | of_section


def _plot(spec: dict[str, Any]) -> LinePlot:
    try:
        return LinePlot.from_spec(spec)
    except SpecError as error:
        # Written by another release, or right by themselves and wrong together: what holds alone still does.
        return LinePlot.from_spec({key: value for key, value in spec.items() if key not in error.errors})


def _difference(plot: LinePlot, base: LinePlot, own: dict[str, Any]) -> dict[str, Any]:
    said, inherited = plot.to_spec(whole=True), base.to_spec(whole=True)
    return {key: value for key, value in said.items() if value != inherited[key] or own.get(key) == value}
