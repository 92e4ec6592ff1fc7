"""The kinds of panels there are, one entry each: forms, layouts, doors and tests read the list.

A kind is what the dialog that adds one asks for (`templates/workspace/_add_{asks}.html`), the settings it heeds, and
its figure and file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from projects.charts import parallel, scatter, summary_plot
from projects.charts.line_plot import LinePlot, settings_keys
from projects.layout import NO_SECTION
from projects.looking import Looking
from projects.models import Project
from projects.query.fields import field_from, label
from projects.query.runset import Field
from projects.summaries import clouds, column_known, lines, summaries, summary_metric_known
from projects.workspaces import metric_known, panel_metrics


@dataclass(frozen=True, slots=True)
class Drawn:
    """`figure`: {"data", "layout", "meta"} with the keys of figure.line_figure's that panels read; its file's `columns`
    and `rows`."""

    figure: dict[str, Any]
    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class PanelKind:
    """`settings`: the keys of LinePlot that it heeds. `known`: whether there is what a panel is called by (`metric`);
    `named`: what its settings name, the first of which it is called by unless that is said.

    `draw` is given the latter and the settings; line plots are drawn by workspaces.panel_drawing.
    """

    key: str
    label: str
    asks: str
    settings: frozenset[str]
    known: Callable[[Project, str], bool]
    named: Callable[[Project, LinePlot], Sequence[str]] = lambda project, plot: ()
    draw: Callable[[Looking, str, LinePlot], Drawn] | None = None
    title: Callable[[str, LinePlot], str] = lambda metric, plot: plot.title or metric
    section: str = ""  # that it is added to unless another is chosen; "": its metric's


def _summary(kind: summary_plot.Kind, looking: Looking, metric: str, plot: LinePlot) -> Drawn:
    found = summaries(looking, metric, plot, together=kind.together)
    figure = summary_plot.summary_figure(kind=kind, metric=metric, plot=plot, found=found)
    return Drawn(figure, kind.columns, kind.rows(found, plot))


def _across_and_up(column: str, plot: LinePlot) -> tuple[Field, Field]:
    return field_from(plot.x_column or column), field_from(plot.y_column or column)


def _scatter(looking: Looking, column: str, plot: LinePlot) -> Drawn:
    """Raises BadQuery."""
    x, y = _across_and_up(column, plot)
    found = clouds(looking, x, y, plot)
    figure = scatter.scatter_figure(x=label(x), y=label(y), plot=plot, found=found)
    return Drawn(figure, scatter.COLUMNS, scatter.scatter_rows(found))


def _scatter_title(column: str, plot: LinePlot) -> str:
    x, y = _across_and_up(column, plot)
    return scatter.title(label(x), label(y), plot)


def _axes(column: str, plot: LinePlot) -> list[Field]:
    return [field_from(text) for text in plot.columns or (column,)]


def _parallel_title(column: str, plot: LinePlot) -> str:
    return plot.title or ", ".join(map(label, _axes(column, plot)))


def _parallel(looking: Looking, column: str, plot: LinePlot) -> Drawn:
    """Raises BadQuery."""
    fields = _axes(column, plot)
    found = lines(looking, fields, field_from(plot.colour_by) if plot.colour_by else None, plot)
    figure = parallel.parallel_figure(title=_parallel_title(column, plot), plot=plot, found=found)
    return Drawn(figure, parallel.parallel_columns(found), parallel.parallel_rows(found))


LINE = PanelKind(
    "line",
    "Line plot of metrics",
    "line",
    settings_keys() - {"xColumn", "yColumn", "groupMeans", "columns", "colourBy", "boxShape"},
    metric_known,
    lambda project, plot: panel_metrics(project, "", plot),
)
KINDS = {
    kind.key: kind
    for kind in (
        LINE,
        *(
            PanelKind(
                it.key,
                f"{it.label} of a summary value",
                "summary",
                it.settings,
                summary_metric_known,
                draw=partial(_summary, it),
            )
            for it in summary_plot.KINDS.values()
        ),
        PanelKind(
            "scatter",
            "Scatter plot of two columns",
            "scatter",
            scatter.SETTINGS,
            column_known,
            lambda project, plot: [plot.y_column],
            _scatter,
            _scatter_title,
            NO_SECTION,
        ),
        PanelKind(
            "parallel",
            "Parallel coordinates of columns",
            "columns",
            parallel.SETTINGS,
            column_known,
            lambda project, plot: plot.columns[-1:],
            _parallel,
            _parallel_title,
            NO_SECTION,
        ),
    )
}
