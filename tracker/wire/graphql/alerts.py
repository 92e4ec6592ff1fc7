"""`run.alert`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo

from runs import ingest
from runs.models import Level
from tracker.wire.graphql.context import context_of, run_to_write
from tracker.wire.graphql.files import mutation

BINDINGS = [mutation]

_MAX_TITLE = 1_000
_MAX_TEXT = 20_000
_MAX_WAIT = timedelta(days=365)


@mutation.field("notifyScriptableRunAlert")
def notify_scriptable_run_alert(_: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, bool]:
    title, text = input["title"], input["text"]
    if not title.strip() or len(title) > _MAX_TITLE or len(text) > _MAX_TEXT:
        raise GraphQLError(f"an alert has a title of at most {_MAX_TITLE} characters and a text of {_MAX_TEXT}")
    run = run_to_write(
        context_of(info), entity=input.get("entityName"), project=input.get("projectName"), name=input["runName"]
    )
    milliseconds = max(0, min(input.get("waitDuration") or 0, _MAX_WAIT // timedelta(milliseconds=1)))
    ingest.run_alert(
        run_id=run.id,
        level=Level[input.get("severity") or Level.INFO.name],
        title=title,
        text=text,
        wait=timedelta(milliseconds=milliseconds),
    )
    return {"success": True}
