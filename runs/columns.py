"""Nested config and summary <-> typed dotted columns. Pure functions, no database."""

import uuid

from runs.models import Scope


def column_id(project_id: uuid.UUID, scope: Scope | str, key: str) -> uuid.UUID:
    """The id of a project's column: UUIDv5 of (project, "scope:key"), known without a query."""
    return uuid.uuid5(project_id, f"{scope}:{key}")
