"""`POST /graphql`. Errors with status 200 are final for the client and shown to the person; 5xx is asked again."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from ariadne import load_schema_from_path, make_executable_schema
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from graphql import ExecutionResult, GraphQLError, Undefined, execute_sync
from graphql.execution import Executor

from projects.access import NotFound
from projects.names import BadName
from projects.query.runset import BadQuery
from runs.artifacts import ArtifactMissing, ArtifactRefused
from runs.history.store import LinesRefused
from runs.ingest import RunDeleted, RunMissing
from runs.search.space import BadSweep
from tracker.wire.auth import unauthorized, user_of
from tracker.wire.decode import body_json
from tracker.wire.errors import Refused, is_passing, try_later
from tracker.wire.file_stream import writer_of
from tracker.wire.graphql import (
    alerts,
    artifact_changes,
    artifacts,
    console,
    files,
    history,
    people,
    projects,
    runs,
    sweeps,
    upsert,
    views,
)
from tracker.wire.graphql.context import Context
from tracker.wire.graphql.documents import Documents
from tracker.wire.graphql.scalars import SCALARS

logger = logging.getLogger(__name__)

# What a resolver may say no with; anything else is our fault.
_FINAL = (
    GraphQLError, NotFound, BadName, BadQuery, BadSweep, Refused, LinesRefused, RunMissing,
    ArtifactMissing, ArtifactRefused, DataError, UnicodeError,
)  # fmt: skip

schema = make_executable_schema(
    load_schema_from_path(str(Path(__file__).with_name("schema.graphql"))),
    *SCALARS,
    *people.BINDINGS,
    *runs.BINDINGS,
    *history.BINDINGS,
    *files.BINDINGS,
    *upsert.BINDINGS,
    *artifacts.BINDINGS,
    *artifact_changes.BINDINGS,
    *projects.BINDINGS,
    *console.BINDINGS,
    *alerts.BINDINGS,
    *sweeps.BINDINGS,
    *views.BINDINGS,
)
documents = Documents(schema)


class Lenient(Executor):
    """Answers null for fields the schema doesn't have, so that a newer client's query still gets the rest."""

    def execute_field(self, *args: Any, **kwargs: Any) -> Any:
        result = super().execute_field(*args, **kwargs)
        return None if result is Undefined else result


def graphql(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    user = user_of(request)
    if user is None:
        return unauthorized()
    body = body_json(request)
    text, variables, operation = body.get("query"), body.get("variables") or {}, body.get("operationName") or None
    if not isinstance(text, str) or not isinstance(variables, dict) or not isinstance(operation, str | None):
        raise Refused("a GraphQL request has a query text, and may have variables and an operationName")
    try:
        checked = documents.get(text)
        variables = checked.known(variables)
    except GraphQLError as error:
        return JsonResponse({"data": None, "errors": [_shown(error)]})
    result = execute_sync(
        schema,
        checked.document,
        context_value=Context(request=request, user=user, writer=writer_of(request)),
        variable_values=variables,
        operation_name=operation,
        executor_class=Lenient,
        hide_suggestions=True,
    )
    return _answer(result)


def _answer(result: ExecutionResult) -> HttpResponse:
    errors = result.errors or []
    status = 200
    for error in errors:
        cause = error.original_error
        if is_passing(cause):
            logger.error("a query failed, the client will ask again", exc_info=cause)
            return try_later()
        if cause is not None and not isinstance(cause, _FINAL):
            raise cause
        if isinstance(cause, Refused) and cause.status == 404:
            status = 404
    body: dict[str, Any] = {"data": result.data}
    if errors:
        body["errors"] = [_shown(error) for error in errors]
    return JsonResponse(body, status=status)


def _shown(error: GraphQLError) -> dict[str, Any]:
    cause = error.original_error
    message = error.message
    if isinstance(cause, RunDeleted):
        message = f"run {cause} was deleted; choose another id"
    elif isinstance(cause, RunMissing):
        message = "run not found"
    elif isinstance(cause, (DataError, UnicodeError)):
        message = "text with characters that can't be stored"
    return {"message": message, "path": error.path or [], "extensions": {}}
