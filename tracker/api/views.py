"""REST for people and scripts, read-only. The query string of a project page asks the same question here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404, StreamingHttpResponse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from projects.access import visible_projects
from projects.charts.line_plot import SpecError
from projects.forms import line_plot_from_json
from projects.looking import Looking
from projects.query.grouping import Cell, groups
from projects.query.runset import BadQuery, Field
from projects.query.table import Value, run_rows
from projects.views.doors import looking_or_404, project_or_404
from projects.views.export import export_file
from projects.workspaces import metric_known, panel_drawing, panel_plot
from tracker.api.numbers import finite

PAGE_SIZE = 100


class Projects(APIView):
    """The projects that the asking person may see, by entity and name."""

    def get(self, request: Request) -> Response:
        found = visible_projects(request.user).select_related("entity").order_by("entity__name", "name")
        return Response(
            [
                {"entity": project.entity.name, "name": project.name, "created_at": project.created_at}
                for project in found
            ]
        )


class RunsetView(APIView):
    """What a project page's query string asks for."""

    def asked(self, request: Request, entity: str, project: str) -> Looking:
        owner = project_or_404(request, entity, project)
        return looking_or_404(request, owner)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, BadQuery):
            exc = ValidationError({"detail": str(exc)})
        elif isinstance(exc, SpecError):
            exc = ValidationError({"detail": str(exc), "errors": exc.errors})
        return super().handle_exception(exc)


class Runs(RunsetView):
    """The runs, 100 a page (`page=`), with their values of the table's columns."""

    def get(self, request: Request, entity: str, project: str) -> Response:
        looking = self.asked(request, entity, project)
        runset = looking.runset
        page = run_rows(looking.project, runset, page=runset.page, size=PAGE_SIZE)
        return Response(
            {
                "total": page.total,
                "page": runset.page,
                "runs": [
                    {
                        "id": row.name,
                        "name": row.display_name,
                        "group": row.group,
                        "job_type": row.job_type,
                        "state": row.state,
                        "created_at": row.created_at,
                        "values": _values(row.values),
                    }
                    for row in page.rows
                ],
            }
        )


class Groups(RunsetView):
    """The topmost groups: how many runs, their states, and n, mean, median, std, min and max of the numeric columns."""

    def get(self, request: Request, entity: str, project: str) -> Response:
        looking = self.asked(request, entity, project)
        if not looking.runset.grouping:
            raise BadQuery("these runs are not grouped: add group=…")
        return Response(
            [
                {
                    "id": group.id,
                    "key": {str(key.field): key.text for key in group.path},
                    "runs": group.runs,
                    "states": group.states,
                    "columns": {str(field): _cell(cell) for field, cell in group.cells.items()},
                }
                for group in groups(looking.project, looking.runset)
            ]
        )


class Export(RunsetView):
    """The runs (`rows=groups`: the innermost groups) of the table, all of them, as a file (`as` csv, json, parquet)."""

    def get(self, request: Request, entity: str, project: str) -> StreamingHttpResponse:
        return export_file(self.asked(request, entity, project), request.query_params)


class Series(RunsetView):
    """What the panel of `metric` draws: per group x, line, lower and upper end of the band, and n runs.

    `nonfinite`: of each group that has any, at which x how many of its runs have values that are NaN or infinite.

    `settings`, a JSON object of panel settings, stands in for what was saved.
    """

    def get(self, request: Request, entity: str, project: str) -> Response:
        looking = self.asked(request, entity, project)
        metric = request.query_params.get("metric", "")
        if not metric_known(looking.project, metric):
            raise Http404
        settings = request.query_params.get("settings")
        plot = panel_plot(looking, metric) if settings is None else line_plot_from_json(settings)
        drawing = panel_drawing(looking.project, looking.runset, metric, plot)
        return Response(
            {
                "metric": metric,
                "settings": plot.to_spec(),
                "x_axis": drawing.x_axis,
                "bin_width": drawing.width,
                "groups_drawn": len({part.group.id for part in drawing.lines}),
                "groups_total": drawing.basis.of_groups,
                "groups": [
                    {
                        "id": part.group.id,
                        "label": part.group.label,
                        "metric": part.metric,
                        "chart": drawing.chart_of(part),
                        "runs": len(part.group.run_ids),
                        "x": finite(part.line.x),
                        "line": finite(part.line.line),
                        "lower": finite(part.line.low),
                        "upper": finite(part.line.high),
                        "n": part.line.n.tolist(),
                    }
                    for part in drawing.lines
                ],
                "nonfinite": [
                    {
                        "id": part.group.id,
                        "label": part.group.label,
                        "metric": part.metric,
                        "chart": drawing.chart_of(part),
                        "x": finite(part.marks.x),
                        "runs": part.marks.runs.tolist(),
                    }
                    for part in drawing.drawn
                    if part.marks.x.size
                ],
            }
        )


def _values(values: Mapping[Field, Value]) -> dict[str, Any]:
    return {str(field): value.text if value.number is None else value.number for field, value in values.items()}


def _cell(cell: Cell) -> dict[str, Any]:
    if cell.mean is None:
        return {"n": cell.n, "text": cell.text, "distinct": cell.distinct}
    return {
        "n": cell.n,
        "mean": cell.mean,
        "median": cell.median,
        "std": cell.std,
        "min": cell.low,
        "max": cell.high,
    }
