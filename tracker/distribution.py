"""Where tables lie on a PostgreSQL with Citus: those of runs are spread by the run's id, each node has the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import TopologicalSorter

from django.apps import apps
from django.db import connection, transaction
from django.db.models import ForeignKey, Model

from runs.models import Run

EXTENSION = "citus"


class CannotDistribute(Exception):
    """What the database lacks, for people."""


@dataclass(frozen=True)
class Placement:
    """`column` is what rows are spread by; None for a table that every node has whole."""

    table: str
    column: str | None

    def sql(self) -> str:
        """The statement that moves the table, with its rows, there."""
        if self.column is None:
            return f"SELECT create_reference_table('{self.table}')"
        along = "" if self.table == Run._meta.db_table else f", colocate_with => '{Run._meta.db_table}'"
        return f"SELECT create_distributed_table('{self.table}', '{self.column}'{along})"


def run_column(model: type[Model]) -> str | None:
    """The column that holds the run's id, if the run owns the table's rows."""
    if model is Run:
        return str(Run._meta.pk.column)
    return next((str(field.column) for field in _relations(model) if field.name == "run"), None)


def placements(models: Iterable[type[Model]] | None = None) -> list[Placement]:
    """All tables but those that no other is tied to (sessions, say), which stay on the coordinator.

    A table comes after those it refers to, as Citus asks for; and so tables of runs come last.
    """
    models = list(apps.get_models(include_auto_created=True) if models is None else models)
    needs = {model: {field.related_model for field in _relations(model)} - {model} for model in models}
    tied = {model for model in models if needs[model]}.union(*needs.values())
    ordered = [model for model in TopologicalSorter(needs).static_order() if model in tied]
    found = [Placement(model._meta.db_table, run_column(model)) for model in ordered]
    return sorted(found, key=lambda placement: placement.column is not None)


def distribute() -> list[Placement]:
    """Moves the tables that are not yet where they belong, in one transaction; which those are.

    Raises CannotDistribute if the database is no PostgreSQL with the extension made in it.
    """
    _require_extension()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT logicalrel::text FROM pg_dist_partition")
        there = {table for (table,) in cursor.fetchall()}
        missing = [placement for placement in placements() if placement.table not in there]
        # Without it Citus refuses, in one transaction, a table that refers to one just placed.
        cursor.execute("SET LOCAL citus.multi_shard_modify_mode TO 'sequential'")
        for placement in missing:
            cursor.execute(placement.sql())
    return missing


def _require_extension() -> None:
    if connection.vendor != "postgresql":
        raise CannotDistribute(f"Tables are spread over servers by PostgreSQL with Citus; this is {connection.vendor}.")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM pg_available_extensions WHERE name = %(name)s),"
            " (SELECT count(*) FROM pg_extension WHERE extname = %(name)s)",
            {"name": EXTENSION},
        )
        available, made = cursor.fetchone()
    if not available:
        raise CannotDistribute("This PostgreSQL has no Citus: install its package on every node, then start them anew.")
    if not made:
        raise CannotDistribute(
            "Citus is installed but not made in this database: put it first in shared_preload_libraries, start anew, "
            "then CREATE EXTENSION citus, here and on every worker, and citus_add_node for each of them."
        )


def _relations(model: type[Model]) -> list[ForeignKey]:
    return [field for field in model._meta.concrete_fields if isinstance(field, ForeignKey)]
