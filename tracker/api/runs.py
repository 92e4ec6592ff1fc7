"""Projects, runs, and what there is to ask of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from django.http import QueryDict, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from projects import histories
from projects.access import visible_projects
from projects.query.columns import every_column, group_candidates
from projects.query.fields import RUN_FIELDS, groupable, label, numeric_fields
from projects.query.from_url import MAX_COLUMNS, MAX_TEXT
from projects.query.grouping import counted
from projects.query.runset import RUN, BadQuery, Field
from projects.query.table import Value, run_rows
from projects.views.doors import run_or_404
from projects.views.export import export_file
from projects.views.sheets import FORMATS, format_checked, sheet_file
from projects.workspaces import metrics
from runs.models import Kind
from runs.states import state_of
from tracker.api import parameters, shapes
from tracker.api.door import ApiView, ProjectView, RunsetView, links, next_address, page_asked, size_asked, whole_asked


class Projects(ApiView):
    """The projects that you may see, by entity and name."""

    answer = shapes.ProjectsPage
    reads = (parameters.PAGE, parameters.SIZE)
    status_codes = (400, 401, 429)

    def get(self, request: Request) -> Response:
        size, page = size_asked(request.query_params), page_asked(request.query_params)
        found = visible_projects(request.user).order_by("entity__name", "name")
        total, start = found.count(), (page - 1) * size
        answer: shapes.ProjectsPage = {
            "total": total,
            "next": next_address(request, start + size < total, page=page + 1),
            "projects": [
                {"entity": entity, "name": name, "created_at": created_at}
                for entity, name, created_at in found.values_list("entity__name", "name", "created_at")[
                    start : start + size
                ]
            ],
        }
        return Response(answer)


class OneProject(RunsetView):
    """A project, and what its page shows in numbers: the address of any project page, with `/api` before the path."""

    answer = shapes.ProjectAnswer
    reads = parameters.RUNSET

    def get(self, request: Request, entity: str, project: str) -> Response:
        looking = self.asked(request, entity, project)
        owner, totals = looking.project, counted(looking.project, looking.runset)
        answer: shapes.ProjectAnswer = {
            "entity": owner.entity.name,
            "name": owner.name,
            "description": owner.description,
            "created_at": owner.created_at,
            "runs": totals.runs,
            "states": totals.states,
            "groups": totals.groups,
            "links": links(request, looking),
        }
        return Response(answer)


class Runs(RunsetView):
    """The runs with their values of the table's columns, in the order of the table, a page at a time."""

    answer = shapes.RunsPage
    reads = (*parameters.RUNSET, parameters.BELOW, parameters.PAGE, parameters.SIZE, parameters.AFTER)

    def get(self, request: Request, entity: str, project: str) -> Response:
        looking, asked = self.asked(request, entity, project), request.query_params
        page = run_rows(
            looking.project,
            looking.runset,
            below=asked.get("below", ""),
            page=looking.runset.page,
            size=size_asked(asked),
            after=asked.get("after", ""),
        )
        answer: shapes.RunsPage = {
            "total": page.total,
            "page": looking.runset.page,
            "next": next_address(request, bool(page.next), after=page.next, page=looking.runset.page + 1),
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
        return Response(answer)


class OneRun(ProjectView):
    """All that a run said of itself, config and summary nested as they were logged."""

    answer = shapes.RunAnswer

    def get(self, request: Request, entity: str, project: str, run: str) -> Response:
        found = run_or_404(request, entity, project, run, whole=True)
        history = reverse("api-history", args=[entity, project, found.name])
        answer: shapes.RunAnswer = {
            "id": found.name,
            "name": found.display_name,
            "group": found.group,
            "job_type": found.job_type,
            "state": state_of(found, timezone.now()),
            "tags": found.tags,
            "notes": found.notes,
            "user": found.user_name,
            "host": found.host,
            "program": found.program,
            "git_remote": found.git_remote,
            "git_commit": found.git_commit,
            "sweep": found.sweep,
            "exit_code": found.exit_code,
            "created_at": found.created_at,
            "heartbeat_at": found.heartbeat_at,
            "ended_at": found.ended_at,
            "history_lines": found.history_lines,
            "last_step": found.last_step,
            "config": histories.plain(found.config),
            "summary": histories.plain(found.summary),
            "links": {"history": request.build_absolute_uri(history)},
        }
        return Response(answer)


class History(ProjectView):
    """Every row that a run logged, exactly: a page at a time, or with `as` all of them, streamed."""

    answer = shapes.HistoryPage
    files = {"csv": FORMATS["csv"][0], "parquet": FORMATS["parquet"][0]}
    reads = (
        parameters.KEYS,
        parameters.STREAM,
        *parameters.STEPS,
        parameters.SIZE,
        parameters.AFTER,
        parameters.format_of(files, "a page as JSON"),
    )

    def get(self, request: Request, entity: str, project: str, run: str) -> Response | StreamingHttpResponse:
        found, query = run_or_404(request, entity, project, run), request.query_params
        asked = histories.Asked(
            stream=_one_of(query, "stream", histories.STREAMS),
            keys=tuple(dict.fromkeys(key for key in query.getlist("key") if key)),
            low=whole_asked(query, "min_step"),
            end=whole_asked(query, "max_step"),
        )
        if any("\0" in key or len(key) > MAX_TEXT for key in asked.keys) or len(asked.keys) > MAX_COLUMNS:
            raise BadQuery(f"key: at most {MAX_COLUMNS}, of at most {MAX_TEXT} characters")
        if "as" in query:
            format = format_checked(query["as"], self.files)
            sheet = histories.sheet(found, asked, texts=format == "csv")
            return sheet_file(f"{found.name}-{asked.stream}", format, sheet)
        rows, after = histories.page(found, asked, after=query.get("after", ""), size=size_asked(query, 1000, 10_000))
        answer: shapes.HistoryPage = {
            "next": next_address(request, bool(after), after=after),
            "rows": histories.plain(rows),
        }
        return Response(answer)


class Columns(RunsetView):
    """What there is to group, sort and filter by and to show, and the metrics that there are."""

    answer = shapes.ColumnsAnswer
    reads = parameters.RUNS_ASKED

    def get(self, request: Request, entity: str, project: str) -> Response:
        looking = self.asked(request, entity, project)
        owner = looking.project
        kinds = every_column(owner)
        fields = [*(Field(RUN, key) for key in RUN_FIELDS), *kinds]
        numeric = numeric_fields(owner, fields)
        found = {it.field: it for it in group_candidates(owner, looking.runset)}
        answer: shapes.ColumnsAnswer = {
            "runs": counted(owner, replace(looking.runset, grouped=False)).runs,
            "columns": [
                {
                    "name": str(field),
                    "label": label(field),
                    "scope": field.scope,
                    "numeric": field in numeric,
                    "groupable": groupable(field),
                    "kinds": [kind.name.lower() for kind in Kind if kinds.get(field, 0) & kind],
                    "distinct": found[field].distinct if field in found else None,
                    "missing": found[field].missing if field in found else None,
                }
                for field in fields
            ],
            "metrics": metrics(owner),
        }
        return Response(answer)


class Export(RunsetView):
    """All runs of the table, or its innermost groups with their statistics, as a file, streamed."""

    files = {key: content_type for key, (content_type, _) in FORMATS.items()}
    reads = (*parameters.RUNSET, parameters.SHEET_ROWS, parameters.format_of(files, "csv"))

    def get(self, request: Request, entity: str, project: str) -> StreamingHttpResponse:
        return export_file(self.asked(request, entity, project), request.query_params)


def _values(values: Mapping[Field, Value]) -> dict[str, str | float]:
    return {str(field): value.text if value.number is None else value.number for field, value in values.items()}


def _one_of(query: QueryDict, name: str, choices: Collection[str]) -> str:
    """The first is the default. Raises BadQuery."""
    found = query.get(name, next(iter(choices)))
    if found not in choices:
        raise BadQuery(f"{name}: one of {', '.join(choices)}")
    return found
