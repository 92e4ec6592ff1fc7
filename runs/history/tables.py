"""How the history tables lie on disk: a migration's operation, for what models can't say."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Model


class LieTogether(Operation):
    """Lay out a table of blobs so that one column's rows of many runs are found without reading a blob.

    `order` is a chart's order of the columns of the primary key, which begins with the run so that rows can be spread
    over servers; with `indexed` there is an index on it (for a model that declares none that will do). PostgreSQL:
    blobs stored as they are, being compressed already. SQLite: rows by number, the blob last in them. (Without rowid
    the key would lead to rows that are neighbours; but to compare a key with a row's SQLite reads the whole row, blob
    and all, some four rows for each that it finds.)

    On SQLite a later migration that alters such a table makes it anew without this: it must end with this operation.
    """

    reversible = True

    def __init__(self, model_name: str, order: Sequence[str], *, indexed: bool = False) -> None:
        self.model_name, self.order, self.indexed = model_name, list(order), indexed

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models stay as they are."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        table, order = model._meta.db_table, ", ".join(map(schema_editor.quote_name, self.order))
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"ALTER TABLE {table} ALTER COLUMN data SET STORAGE EXTERNAL")
        elif schema_editor.connection.vendor == "sqlite":
            self._rebuild(schema_editor, model)
        if self.indexed:
            schema_editor.execute(f"CREATE INDEX IF NOT EXISTS {table}_order ON {table} ({order})")

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Either order serves the same rows, so nothing needs to go back."""

    def describe(self) -> str:
        return f"Lay rows of {self.model_name} in order of {', '.join(self.order)}"

    def _rebuild(self, schema_editor: BaseDatabaseSchemaEditor, model: type[Model]) -> None:
        table = model._meta.db_table
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = %s", [table])
            (create,) = cursor.fetchone()
        head, found, rest = create.partition("PRIMARY KEY (")
        blob = '"data" BLOB NOT NULL, '
        if not found or blob not in head:
            raise ValueError(f"{table} has no composite primary key, or no blob named data")
        quoted = [schema_editor.quote_name(str(field.column)) for field in model._meta.concrete_fields]
        key = ", ".join(schema_editor.quote_name(str(field.column)) for field in model._meta.pk_fields)
        _, _, rest = rest.partition(")")
        columns, old = ", ".join(quoted), f"{table}__before"
        schema_editor.execute(f"ALTER TABLE {table} RENAME TO {old}")
        schema_editor.execute(f"{head.replace(blob, '')}{blob}{found}{key}){rest.replace(' WITHOUT ROWID', '')}")
        schema_editor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {old}")
        schema_editor.execute(f"DROP TABLE {old}")
        for index in model._meta.indexes:
            schema_editor.add_index(model, index)
