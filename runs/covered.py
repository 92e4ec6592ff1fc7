"""A migration's operation: indexes of foreign keys that hold only what another index begins with."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class DropCovered(Operation):
    """Drop them. AlterField, one by one, would have SQLite write each table anew, and Django make all models anew."""

    reversible = True

    def __init__(self, indexes: Mapping[tuple[str, str], str]) -> None:
        """`indexes`: model and field → name of the index."""
        self.indexes = dict(indexes)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        for model, name in self.indexes:
            fields = state.models[app_label, model].fields
            fields[name] = fields[name].clone()
            fields[name].db_index = False
        state.reload_models([(app_label, model) for model, _ in self.indexes], delay=False)

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for index in self.indexes.values():
            schema_editor.execute(f"DROP INDEX IF EXISTS {schema_editor.quote_name(index)}")

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """The same rows are found without, so nothing needs to go back."""

    def describe(self) -> str:
        return f"Drop {', '.join(self.indexes.values())}"
