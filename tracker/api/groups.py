"""Groups of runs: pages of them, and one of which all is told."""

from __future__ import annotations

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from projects.conclusions.group import Counted, group_overview
from projects.query.grouping import Cell, counted, group_page
from projects.query.runset import BadQuery
from tracker.api import parameters, shapes
from tracker.api.door import RunsetView, links, next_address, size_asked


class Groups(RunsetView):
    """The topmost groups, or those inside the group `below`: how many runs, their states, and n, mean, median, std, min
    and max of the table's numeric columns."""

    answer = shapes.GroupsPage
    reads = (*parameters.RUNSET, parameters.BELOW, parameters.PAGE, parameters.SIZE)

    def get(self, request: Request, entity: str, project: str) -> Response:
        looking, query = self.asked(request, entity, project), request.query_params
        runset, size = looking.runset, size_asked(request.query_params)
        if not runset.grouping:
            raise BadQuery("these runs are not grouped: add group=…")
        groups, total = group_page(looking.project, runset, below=query.get("below", ""), page=runset.page, size=size)
        answer: shapes.GroupsPage = {
            "total": total,
            "page": runset.page,
            "next": next_address(request, runset.page * size < total, page=runset.page + 1),
            "groups": [
                {
                    "id": group.id,
                    "key": {str(key.field): key.text for key in group.path},
                    "runs": group.runs,
                    "states": group.states,
                    "columns": {str(field): _cell(cell) for field, cell in group.cells.items()},
                }
                for group in groups
            ],
        }
        return Response(answer)


class OneGroup(RunsetView):
    """A group: states, how long its runs took, where, which config they share and in what they differ; and how many of
    them the query string asks for. Its `links` ask on with `within`."""

    answer = shapes.GroupAnswer
    reads = tuple(it for it in parameters.RUNSET if it is not parameters.WITHIN)

    def get(self, request: Request, entity: str, project: str, group: str) -> Response:
        looking = self.asked(request, entity, project, group)
        found = group_overview(looking.project, group)
        if found is None:
            raise Http404
        matching = counted(looking.project, looking.runset)
        answer: shapes.GroupAnswer = {
            "entity": looking.project.entity.name,
            "project": looking.project.name,
            "name": found.name,
            "runs": found.runs,
            "states": found.states,
            "wall_time": found.wall_time.total_seconds(),
            "longest": found.longest.total_seconds(),
            "hosts": _counted(found.hosts),
            "users": _counted(found.users),
            "shared": dict(found.shared),
            "varying": [
                {
                    "key": column.key,
                    "values": _counted(column.values),
                    "distinct": column.distinct,
                    "not_set": column.not_set,
                }
                for column in found.varying
            ],
            "matching": matching.runs,
            "groups": matching.groups,
            "links": links(request, looking),
        }
        return Response(answer)


def _counted(values: Counted) -> list[shapes.ValueCounted]:
    return [{"value": text, "runs": runs} for text, runs in values]


def _cell(cell: Cell) -> shapes.CellAnswer:
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
