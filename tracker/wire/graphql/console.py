"""Console lines read back by `wandb.Api`, writer by writer in shared mode."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q, Sum
from graphql import GraphQLError, GraphQLResolveInfo

from runs.console import labelled, printed
from runs.models import ConsoleLine, Run, Stream, StreamName
from tracker.wire.graphql.context import context_of
from tracker.wire.graphql.runs import run_type, stream_lines

BINDINGS = [run_type]

_LINES = 1000
_LINES_MAX = 10_000
_CURSOR = re.compile(r"([0-9]{1,18}):(.*)", re.DOTALL)


@run_type.field("logLineCount")
def log_line_count(run: Run, info: GraphQLResolveInfo) -> int:
    if run.id in context_of(info).next_line:
        return stream_lines(run, StreamName.CONSOLE)
    streams = Stream.objects.filter(run=run, stream=StreamName.CONSOLE)
    return streams.aggregate(lines=Sum("lines"))["lines"] or 0


@run_type.field("logLines")
def log_lines(
    run: Run,
    info: GraphQLResolveInfo,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    useImprovedPagination: bool | None = None,
) -> dict[str, Any]:
    """The next lines, or the last ones. A cursor is the number of a line and its writer."""
    size = max(0, min(_LINES if first is None else first, _LINES_MAX) if last is None else min(last, _LINES_MAX))
    lines = run.console_lines.all()
    if last is not None:
        found = list(lines.order_by("-writer", "-number")[:size])[::-1]
        return {"edges": list(map(_edge, found)), "pageInfo": {"endCursor": None, "hasNextPage": False}}
    if after:
        if (match := _CURSOR.fullmatch(after)) is None or "\0" in after:
            raise GraphQLError("no cursor of this server")
        lines = lines.filter(Q(writer=match[2], number__gt=int(match[1])) | Q(writer__gt=match[2]))
    found = list(lines.order_by("writer", "number")[: size + 1])
    edges = list(map(_edge, found[:size]))
    end = edges[-1]["cursor"] if edges else None
    return {"edges": edges, "pageInfo": {"endCursor": end, "hasNextPage": len(found) > size}}


def _edge(line: ConsoleLine) -> dict[str, Any]:
    said = printed(line.text)
    label, text = labelled(said.text) if line.writer else ("", said.text)
    node = {
        "number": line.number,
        "timestamp": said.stamp or None,
        "level": "error" if said.error else "",
        "label": label,
        "line": text,
    }
    return {"node": node, "cursor": f"{line.number}:{line.writer}"}
