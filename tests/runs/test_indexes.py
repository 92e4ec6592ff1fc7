"""Every index costs each writer something: none may hold only what another begins with."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection

# Table, index, whether it keeps values apart, whether it leaves rows out, columns in order (and how it compares them).
SQLITE = """
SELECT tables.name, indexes.name, indexes."unique", indexes.partial, columns.name
FROM sqlite_master AS tables, pragma_index_list(tables.name) AS indexes, pragma_index_info(indexes.name) AS columns
WHERE tables.type = 'table' ORDER BY 1, 2, columns.seqno
"""
POSTGRESQL = """
SELECT tables.relname, indexes.relname, indisunique, indpred IS NOT NULL, attname || ' ' || opcname
FROM pg_index JOIN pg_class AS tables ON tables.oid = indrelid JOIN pg_class AS indexes ON indexes.oid = indexrelid,
unnest(indkey::int2[], indclass::oid[]) WITH ORDINALITY AS columns(number, class, place)
JOIN pg_attribute ON attnum = number JOIN pg_opclass ON pg_opclass.oid = class
WHERE attrelid = indrelid ORDER BY 1, 2, place
"""


@pytest.mark.django_db
def test_no_index_is_the_beginning_of_another() -> None:
    ours = {model._meta.db_table for label in ("runs", "projects") for model in apps.get_app_config(label).get_models()}
    found: dict[tuple[str, str, bool, bool], list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(SQLITE if connection.vendor == "sqlite" else POSTGRESQL)
        for *index, column in cursor.fetchall():
            found.setdefault(tuple(index), []).append(column)
    assert {table for table, *_ in found} >= ours
    assert [
        (index, other)
        for (table, index, unique, _), columns in found.items()
        for (of, other, _, partial), more in found.items()
        if table == of in ours and index != other and not unique and not partial and more[: len(columns)] == columns
    ] == []
