"""What a line plot draws, as a file."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from projects.charts.line_plot import LinePlot, SpecError
from projects.charts.series import Drawing
from projects.charts.sheet import series_sheet
from projects.looking import Looking
from projects.query.runset import BadQuery
from projects.views.answers import refused
from projects.views.doors import looking_or_404, project_or_404
from projects.views.panels import metric_asked, plot_asked, range_asked, scope_asked
from projects.views.sheets import sheet_file
from projects.workspaces import panel_drawing


@gzip_page
@require_safe
def line_plot_csv(request: HttpRequest, entity: str, project: str) -> HttpResponse | StreamingHttpResponse:
    """The numbers of the figure at the same query string; read back, each is the same float64."""
    owner = project_or_404(request, entity, project)
    try:
        looking = looking_or_404(request, owner)
        _, drawing = drawing_asked(looking, request.GET)
        return series_file(looking, request.GET, "csv", drawing)
    except (BadQuery, SpecError) as error:
        return refused(error)


def drawing_asked(looking: Looking, query: QueryDict) -> tuple[LinePlot, Drawing]:
    """The numbers of the figure that a query asks for, and how it is drawn. Raises BadQuery and SpecError."""
    metric = metric_asked(query)
    plot = plot_asked(query, looking)
    lo, hi, cells = range_asked(query)
    drawing = panel_drawing(
        looking.project, looking.runset, metric, plot, lo=lo, hi=hi, cells=cells, scope=scope_asked(query)
    )
    return plot, drawing


def series_file(looking: Looking, query: QueryDict, format: str, drawing: Drawing) -> StreamingHttpResponse:
    """`format`: a key of sheets.FORMATS."""
    return sheet_file(f"{looking.project.name}-{metric_asked(query)}", format, series_sheet(drawing))
