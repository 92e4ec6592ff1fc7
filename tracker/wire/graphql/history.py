"""History and system metrics read back by `wandb.Api`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo

from runs.columns import leaves
from runs.history import store
from runs.models import Run, StreamName
from tracker.wire.graphql.runs import run_type

BINDINGS = [run_type]

Row = dict[str, Any]

_SAMPLES = 500
_SAMPLES_MAX = 100_000
_HELD = 20_000
_TAIL = 200
_MEASURED = 20  # lines, as each writer of a run measures its own machine


@run_type.field("historyTail")
def history_tail(run: Run, info: GraphQLResolveInfo) -> list[str]:
    """JSON of a list of JSON strings: the last line, from which a resumed run takes its step."""
    return store.tail_lines(run_id=run.id, stream=StreamName.HISTORY, count=1)


@run_type.field("eventsTail")
def events_tail(run: Run, info: GraphQLResolveInfo) -> list[str]:
    return store.tail_lines(run_id=run.id, stream=StreamName.EVENTS, count=1)


@run_type.field("historyKeys")
def history_keys(run: Run, info: GraphQLResolveInfo) -> Row:
    """Former values are those of the last lines, so that no history is read; counts are upper bounds."""
    last = _last_values(run, StreamName.HISTORY, _TAIL)
    counts = [{"type": "number", "count": run.history_lines}]
    return {
        "sets": [],
        "keys": {
            key: {"typeCounts": counts, "monotonic": False, "previousValue": last.get(key)}
            for key in sorted(store.keys(run=run, stream=StreamName.HISTORY))
        },
        "lastStep": run.last_step,
    }


@run_type.field("systemMetrics")
def system_metrics(run: Run, info: GraphQLResolveInfo) -> Row:
    """What the machine measured last."""
    return _last_values(run, StreamName.EVENTS, _MEASURED)


def _last_values(run: Run, stream: StreamName, count: int) -> Row:
    last: Row = {}
    for line in store.tail_lines(run_id=run.id, stream=stream, count=count):
        last.update(leaves(json.loads(line)))
    return last


@run_type.field("history")
def history(
    run: Run,
    info: GraphQLResolveInfo,
    minStep: int | None = None,
    maxStep: int | None = None,
    samples: int | None = None,
) -> list[Row]:
    """With steps, a page: every row of minStep ≤ step < maxStep. Without, rows evenly picked from the whole."""
    rows = store.rows(run_id=run.id, stream=StreamName.HISTORY, min_step=minStep, max_step=maxStep)
    count = _bounded(samples)
    return thinned(rows, count) if minStep is None and maxStep is None else list(islice(rows, count))


@run_type.field("events")
def events(run: Run, info: GraphQLResolveInfo, samples: int | None = None) -> list[Row]:
    return thinned(store.rows(run_id=run.id, stream=StreamName.EVENTS), _bounded(samples))


@run_type.field("sampledHistory")
def sampled_history(run: Run, info: GraphQLResolveInfo, specs: list[Any]) -> list[list[Row]]:
    return [_sampled(run, spec) for spec in specs]


@run_type.field("parquetHistory")
def parquet_history(run: Run, info: GraphQLResolveInfo, liveKeys: list[str]) -> Row:
    """No files of that kind here: the client then asks for pages, 0.27 only from the first live step on."""
    rows = store.rows(run_id=run.id, stream=StreamName.HISTORY, keys=[*liveKeys, "_step"])
    return {"parquetUrls": [], "liveData": list(islice(rows, 1))}


def _sampled(run: Run, spec: Any) -> list[Row]:
    """Rows that have all keys of the spec, nested ones by dotted name."""
    if not isinstance(spec, dict):
        raise GraphQLError("a spec is a JSON object")
    if not spec:
        return []
    keys, low, high, samples = (spec.get(name) for name in ("keys", "minStep", "maxStep", "samples"))
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise GraphQLError("a spec has keys, a list of names")
    if not all(number is None or type(number) is int for number in (low, high, samples)):
        raise GraphQLError("minStep, maxStep and samples are integers")
    if low is not None and high is not None and high - low == samples:
        # Clients up to 0.25 mean the first step of their next page, later ones the last of this.
        high -= 1
    wanted = list(dict.fromkeys(keys))
    rows = store.rows(
        run_id=run.id, stream=StreamName.HISTORY, min_step=low, max_step=None if high is None else high + 1, keys=wanted
    )
    whole = ({key: row[key] for key in wanted} for row in rows if all(key in row for key in wanted))
    return thinned(whole, _bounded(samples))


def _bounded(samples: int | None) -> int:
    return max(1, min(_SAMPLES if samples is None else samples, _SAMPLES_MAX))


def thinned(rows: Iterable[Row], count: int) -> list[Row]:
    """At most `count` rows, evenly picked in one pass over any number, holding a bounded number of them."""
    held = max(2 * count, _HELD)
    kept: list[Row] = []
    stride = 1
    for number, row in enumerate(rows):
        if number % stride == 0:
            kept.append(row)
            if len(kept) > held:
                kept, stride = kept[::2], stride * 2
    return kept if len(kept) <= count else [kept[i * len(kept) // count] for i in range(count)]
