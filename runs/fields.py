"""Database fields for what JSON columns refuse."""

import json
from typing import Any

from django.db import models


class JSONTextField(models.TextField):
    """A JSON value kept as text.

    Keeps what clients really send and `jsonb` refuses: NaN, Infinity, and the character U+0000 (escaped). Nothing
    queries inside: the typed columns are for that.
    """

    # For type checkers (django-stubs): any JSON value goes in and comes out.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        return value

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def value_to_string(self, obj: models.Model) -> str:
        return json.dumps(self.value_from_object(obj))
