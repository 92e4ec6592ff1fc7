"""Runs that have the history of others, copied in SQL: a billion points take minutes, and any layout will do."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction

from runs.models import ColumnValue, Run, Tag

_BATCH_LINES = 5_000_000  # of a transaction
_ROW = ("history_lines", "last_step", "state", "exit_code", "ended_at")

Pair = tuple[uuid.UUID, uuid.UUID]  # a run, and the one it takes after


def histories_copy(pairs: Sequence[Pair]) -> None:
    """Give every first run all that the second one's process logged. The first ones have logged nothing yet."""
    # In order of id, as the tables lie: rows then come in at the end of a column, not in its middle.
    ordered = sorted(pairs, key=lambda pair: pair[0].int)
    sources = {run.pk: run for run in Run.objects.filter(pk__in={source for _, source in pairs})}
    longest = max((run.history_lines for run in sources.values()), default=0)
    size = max(1, _BATCH_LINES // max(1, longest))
    for batch in (ordered[at : at + size] for at in range(0, len(ordered), size)):
        with transaction.atomic():
            for model in _models():
                _rows_copy(model, batch)
    for key, source in sources.items():
        targets = [target for target, of in pairs if of == key]
        Run.objects.filter(pk__in=targets).update(**{name: getattr(source, name) for name in _ROW})


def _models() -> Iterator[type[models.Model]]:
    """Tables owned by a run, but for config and tags, which each run has of its own."""
    for model in apps.get_app_config("runs").get_models():
        named = {field.name for field in model._meta.concrete_fields}
        if "run" in named and model not in (ColumnValue, Tag):
            yield model


def _rows_copy(model: type[models.Model], pairs: Sequence[Pair]) -> None:
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    columns = [quote(str(field.column)) for field in model._meta.concrete_fields if field.column != "run_id"]
    if connection.vendor == "sqlite":
        source = (
            "SELECT json_extract(value, '$[0]') AS target, json_extract(value, '$[1]') AS source FROM json_each(%s)"
        )
        parameters: list[Any] = [json.dumps([[target.hex, source.hex] for target, source in pairs])]
    else:
        source = "SELECT * FROM unnest(%s::uuid[], %s::uuid[]) AS given(target, source)"
        parameters = [list(side) for side in zip(*pairs, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (run_id, {', '.join(columns)}) "
            f"SELECT pairs.target, {', '.join(f'rows.{column}' for column in columns)} "
            f"FROM ({source}) AS pairs CROSS JOIN {table} AS rows WHERE rows.run_id = pairs.source",
            parameters,
        )
