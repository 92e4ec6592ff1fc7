"""How the history tables lie on disk: a migration's operation, for what models can't say."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class LieTogether(Operation):
    """Lay rows of a table in the order of `order`, which are the columns of its primary key.

    A chart reads one column of many runs, so those rows should be neighbours; the primary key begins with the run, so
    that rows can be spread over servers. SQLite: the table is made anew without rowid, its key in this order, and an
    index on the run unless the key begins with it; indexes that begin as the order does are left out, as the table
    itself finds their rows. PostgreSQL: blobs stored as they are, being compressed already, and with `indexed` an index
    on `order` (for a model that declares none that will do).

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
            if self.indexed:
                schema_editor.execute(f"CREATE INDEX IF NOT EXISTS {table}_order ON {table} ({order})")
        elif schema_editor.connection.vendor == "sqlite":
            self._rebuild(schema_editor, table, order)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Either order serves the same rows, so nothing needs to go back."""

    def describe(self) -> str:
        return f"Lay rows of {self.model_name} in order of {', '.join(self.order)}"

    def _rebuild(self, schema_editor: BaseDatabaseSchemaEditor, table: str, order: str) -> None:
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT sql FROM sqlite_master WHERE tbl_name = %s AND sql IS NOT NULL", [table])
            create, *indexes = sorted((sql for (sql,) in cursor.fetchall()), key=lambda sql: "CREATE TABLE" not in sql)
        head, found, rest = create.partition("PRIMARY KEY (")
        if not found:
            raise ValueError(f"{table} has no composite primary key")
        key, _, rest = rest.partition(")")
        if sorted(key.split(", ")) != sorted(order.split(", ")):
            raise ValueError(f"{order} is not the primary key of {table}")
        old = f"{table}__before"
        schema_editor.execute(f"ALTER TABLE {table} RENAME TO {old}")
        schema_editor.execute(f"{head}{found}{order}){rest.replace(' WITHOUT ROWID', '')} WITHOUT ROWID")
        schema_editor.execute(f"INSERT INTO {table} SELECT * FROM {old}")
        schema_editor.execute(f"DROP TABLE {old}")
        lead = ", ".join(order.split(", ")[:2])
        for sql in indexes:
            if f"({lead}" not in sql:
                schema_editor.execute(sql)
        if self.order[0] != "run_id":
            schema_editor.execute(f"CREATE INDEX IF NOT EXISTS {table}_run ON {table} (run_id)")
