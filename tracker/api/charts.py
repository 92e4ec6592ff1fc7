"""What panels draw and papers say, in numbers."""

from __future__ import annotations

from django.http import Http404, StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from projects.charts.series import Drawing
from projects.conclusions.compare import Compared, compare_asked, compared
from projects.conclusions.compare import GroupSaid as Said
from projects.conclusions.results import ResultCell, results, results_asked
from projects.conclusions.writing import caption
from projects.query.splits import group_field_text
from projects.views.download import drawing_asked, series_file
from projects.views.panels import metric_asked
from projects.views.results import FORMATS as RESULT_FORMATS
from projects.views.results import results_file
from projects.views.sheets import FORMATS, format_checked
from projects.workspaces import metric_known
from tracker.api import chart_shapes, parameters
from tracker.api.door import RunsetView, numbers


class Series(RunsetView):
    """What a panel draws: of each line x, the statistic, the ends of its shading, and n runs. As a file a row for each
    line and x, without what is not finite."""

    answer = chart_shapes.SeriesAnswer
    files = {"csv": FORMATS["csv"][0], "parquet": FORMATS["parquet"][0]}
    reads = (
        *parameters.RUNS_ASKED,
        *parameters.GROUPING,
        parameters.METRIC_DRAWN,
        parameters.SCOPE,
        parameters.PANEL,
        parameters.SETTINGS,
        parameters.X,
        parameters.SMOOTHING,
        *parameters.RANGE,
        parameters.format_of(("json", *files), "json"),
    )

    def get(self, request: Request, entity: str, project: str) -> Response | StreamingHttpResponse:
        looking, query = self.asked(request, entity, project), request.query_params
        format, metric = format_checked(query.get("as", "json"), ("json", *self.files)), metric_asked(query)
        if not metric_known(looking.project, metric) and not query.get("panel"):
            raise Http404
        plot, drawing = drawing_asked(looking, query)
        if format != "json":
            return series_file(looking, query, format, drawing)
        answer: chart_shapes.SeriesAnswer = {
            "metric": metric,
            "settings": plot.to_spec(),
            "x_axis": drawing.x_axis,
            "bin_width": drawing.width,
            "groups_drawn": len({part.group.id for part in drawing.lines}),
            "groups_total": drawing.basis.of_groups,
            "groups": _lines(drawing),
            "nonfinite": _nonfinite(drawing),
        }
        return Response(answer)


class Results(RunsetView):
    """The results table: rows by one field, columns by another or by metric, a cell for the runs of both."""

    answer = chart_shapes.ResultsAnswer
    files = {format.key: format.content_type for format in RESULT_FORMATS.values()}
    reads = (
        *parameters.RUNS_ASKED,
        *parameters.GROUPING,
        *parameters.SHOWN,
        parameters.RESULTS,
        parameters.RESULT_ROWS,
        parameters.ACROSS,
        parameters.METRICS,
        parameters.CELL,
        parameters.BEST,
        parameters.format_of(("json", *files), "json"),
    )

    def get(self, request: Request, entity: str, project: str) -> Response | StreamingHttpResponse:
        looking, query = self.asked(request, entity, project), request.query_params
        if format_checked(query.get("as", "json"), ("json", *self.files)) != "json":
            return results_file(looking, query)
        asked = results_asked(looking, query)
        found = results(looking.project, looking.runset, asked)
        answer: chart_shapes.ResultsAnswer = {
            "rows_field": group_field_text(asked.rows),
            "across_field": group_field_text(asked.across) if asked.across else "",
            "cell": asked.cell,
            "caption": caption(found),
            "columns": [
                {"label": head.label, "metric": str(head.metric), "best": head.direction} for head in found.heads
            ],
            "rows": [
                {"label": row.label, "cells": [_result(cell) if cell else None for cell in row.cells]}
                for row in found.rows
            ],
            "of_rows": found.of_rows,
            "left_out": found.left_out,
        }
        return Response(answer)


class Compare(RunsetView):
    """Groups compared with one of them, the baseline: the difference of means, its interval, and how often a run beats
    one of the baseline's."""

    answer = chart_shapes.CompareAnswer
    reads = (
        *parameters.RUNS_ASKED,
        *parameters.GROUPING,
        *parameters.SHOWN,
        parameters.COMPARE,
        parameters.METRIC_COMPARED,
        parameters.BASELINE,
        parameters.PAIR,
    )

    def get(self, request: Request, entity: str, project: str) -> Response:
        looking = self.asked(request, entity, project)
        asked = compare_asked(looking, request.query_params)
        found = compared(looking.project, looking.runset, asked)
        answer: chart_shapes.CompareAnswer = {
            "metric": str(asked.metric) if asked.metric else None,
            "pair": str(found.pair) if found and found.pair else None,
            "baseline": _said(found.baseline) if found else None,
            "others": [_compared(other) for other in found.others] if found else [],
            "of_others": found.of_groups if found else 0,
        }
        return Response(answer)


def _lines(drawing: Drawing) -> list[chart_shapes.SeriesLine]:
    return [
        {
            "id": part.group.id,
            "label": part.group.label,
            "metric": part.metric,
            "chart": drawing.chart_of(part),
            "runs": len(part.group.run_ids),
            "x": numbers(part.line.x),
            "line": numbers(part.line.line),
            "lower": numbers(part.line.low),
            "upper": numbers(part.line.high),
            "n": part.line.n.tolist(),
        }
        for part in drawing.lines
    ]


def _nonfinite(drawing: Drawing) -> list[chart_shapes.NonFinite]:
    return [
        {
            "id": part.group.id,
            "label": part.group.label,
            "metric": part.metric,
            "chart": drawing.chart_of(part),
            "x": numbers(part.marks.x),
            "runs": part.marks.runs.tolist(),
        }
        for part in drawing.drawn
        if part.marks.x.size
    ]


def _result(cell: ResultCell) -> chart_shapes.ResultsCell:
    of = cell.estimate
    return {
        "text": str(cell.shown),
        "n": of.n,
        "runs": cell.runs,
        "left_out": cell.left_out,
        "middle": of.middle,
        "error": of.error,
        "low": of.low,
        "high": of.high,
        "best": cell.best,
    }


def _said(group: Said) -> chart_shapes.GroupSaid:
    return {
        "id": group.id,
        "label": group.label,
        "n": group.estimate.n,
        "runs": group.sample.runs,
        "left_out": group.sample.left_out,
        "mean": group.estimate.middle,
        "std": group.estimate.error,
        "few": group.few,
    }


def _compared(other: Compared) -> chart_shapes.GroupCompared:
    of = other.difference
    return {
        **_said(other.group),
        "difference": of.value if of else None,
        "low": of.low if of else None,
        "high": of.high if of else None,
        "p": of.p if of else None,
        "freedom": of.freedom if of else None,
        "pairs": of.pairs if of else None,
        "superiority": other.superiority,
        "holm": other.holm,
    }
