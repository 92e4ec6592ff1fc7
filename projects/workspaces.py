"""What a project's workspace shows and how: its panels in sections, and the settings kept of each."""

from __future__ import annotations

import sys
import uuid
from dataclasses import dataclass, replace

from django.db import transaction
from django.utils import timezone

from projects.charts.line_plot import X_AXES, LinePlot, SpecError
from projects.charts.series import CELLS, Drawing, draw
from projects.looks import dressed
from projects.models import PanelSettings, Project, Workspace
from projects.query.fields import RUN_FIELDS, field_from, groupable
from projects.query.grouping import default_fields, run_groups
from projects.query.natural import natural_text
from projects.query.runset import RUN, Field, Runset
from projects.query.step_metrics import step_metric
from runs.columns import column_id
from runs.history import store
from runs.models import Column, Kind, Run, Scope
from runs.states import state_expression

# Of metrics without a "/" in their name.
_NO_SECTION = "Charts"


@dataclass(frozen=True, slots=True)
class Panel:
    """`id` is the column's, and good for a DOM id."""

    id: str
    metric: str


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    name: str
    panels: tuple[Panel, ...]


def default_runset(project: Project) -> Runset:
    """What the page shows when its address says nothing. One query."""
    fields = default_fields(project)
    return Runset(fields=fields, grouped=bool(fields))


def panel_drawing(
    project: Project,
    runset: Runset,
    metric: str,
    plot: LinePlot,
    *,
    lo: float | None = None,
    hi: float | None = None,
    cells: int = CELLS,
) -> Drawing:
    """What a panel draws: the first groups of the table, up to the plot's limit, that have logged the metric."""
    plot = replace(plot, x_axis=plot.x_axis or default_axis(project, metric))
    asked = {
        "none": replace(runset, grouped=False),
        "fields": replace(runset, grouped=True, fields=tuple(map(field_from, plot.group_fields))),
    }.get(plot.group_by, runset)
    logged = store.logged(column_id=column_id(project.id, Scope.HISTORY, metric))
    counted = _counted(project, runset, asked, plot)
    if counted is not None:
        logged = logged & counted
    groups, total = run_groups(project, asked, plot.limit, logged=logged)
    if counted is not None:
        groups = [replace(group, run_ids=tuple(run for run in group.run_ids if run in counted)) for group in groups]
    return draw(
        project_id=project.id,
        metric=metric,
        plot=plot,
        groups=dressed(project, plot, groups),
        total_groups=total,
        lo=lo,
        hi=hi,
        cells=cells,
        logged=logged,
        grouped=bool(asked.grouping),
    )


def default_axis(project: Project, metric: str) -> str:
    """The x axis of a panel for which none was chosen."""
    found = step_metric(project, metric)
    return "_step" if found.startswith("_") and found not in {choice.key for choice in X_AXES} else found or "_step"


def _counted(project: Project, runset: Runset, asked: Runset, plot: LinePlot) -> set[uuid.UUID] | None:
    """The runs that a panel with a grouping of its own, or with chosen states, counts; None: all that are visible."""
    counted = None
    if runset.hidden and runset.grouping and asked.grouping != runset.grouping:
        # Eyes are of the table's groups: what they hide stays hidden.
        shown, _ = run_groups(project, runset, sys.maxsize)
        counted = {run for group in shown for run in group.run_ids}
    if plot.states:
        runs = Run.objects.filter(project=project, deleted_at=None)
        within = runs.alias(state_now=state_expression(timezone.now())).filter(state_now__in=plot.states)
        found = set(within.values_list("id", flat=True))
        counted = found if counted is None else counted & found
    return counted


def metrics(project: Project) -> list[str]:
    """Logged metrics that have numbers, the client's own (`_step` …) left out, in natural order. One query."""
    columns = Column.objects.filter(project=project, scope=Scope.HISTORY).values_list("key", "kinds")
    names = [key for key, kinds in columns if kinds & Kind.NUMBER and not key.startswith("_")]
    return sorted(names, key=lambda name: (natural_text(name), name))


def fields(project: Project) -> list[Field]:
    """What runs can be grouped by: run fields, then columns in natural order. One query."""
    own = [Field(RUN, key) for key in RUN_FIELDS if groupable(Field(RUN, key))]
    columns = Column.objects.filter(project=project, scope__in=[Scope.CONFIG, Scope.SUMMARY])
    found = sorted(columns.values_list("scope", "key"), key=lambda name: (name[0], natural_text(name[1]), name[1]))
    return own + [Field(scope, key) for scope, key in found]


def sections(project: Project, names: list[str]) -> list[Section]:
    """The panels of metrics, by the part of their names before the first "/"; all keep the order of `names`."""
    found: dict[str, list[Panel]] = {}
    for name in names:
        before, slash, _ = name.partition("/")
        panel = Panel(column_id(project.id, Scope.HISTORY, name).hex, name)
        found.setdefault(before if slash and before else _NO_SECTION, []).append(panel)
    return [
        Section(uuid.uuid5(project.id, f"section:{name}").hex, name, tuple(panels)) for name, panels in found.items()
    ]


def metric_known(project: Project, metric: str) -> bool:
    return Column.objects.filter(id=column_id(project.id, Scope.HISTORY, metric)).exists()


def panel_plot(project: Project, metric: str) -> LinePlot:
    """How a metric's panel is drawn: the defaults, changed by what was saved. One query."""
    found = PanelSettings.objects.filter(
        workspace__project=project, workspace__user=None, workspace__name="", panel=metric
    ).first()
    if found is None:
        return LinePlot()
    try:
        return LinePlot.from_spec(found.settings)
    except SpecError as error:
        # Written by another release: what this one understands still holds.
        return LinePlot.from_spec({key: value for key, value in found.settings.items() if key not in error.errors})


def panel_plot_save(*, project: Project, metric: str, plot: LinePlot) -> None:
    """Keep `plot` as how everybody sees the panel."""
    with transaction.atomic():
        workspace, _ = Workspace.objects.get_or_create(project=project, user=None, name="")
        PanelSettings.objects.update_or_create(
            id=uuid.uuid5(workspace.id, metric),
            defaults={
                "workspace": workspace,
                "panel": metric,
                "settings": plot.to_spec(),
                "changed_at": timezone.now(),
            },
        )


def panel_plot_reset(*, project: Project, metric: str) -> None:
    """Back to the project's default; harmless when nothing was saved."""
    PanelSettings.objects.filter(
        workspace__project=project, workspace__user=None, workspace__name="", panel=metric
    ).delete()
