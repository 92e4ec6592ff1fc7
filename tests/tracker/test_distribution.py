"""What spreading the tables over servers asks of the schema. No Citus runs here: docs/scaling.md says so."""

from __future__ import annotations

import io

import psycopg
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import ForeignKey, UniqueConstraint

from runs.models import HistoryTail, Run, Trial
from tracker import distribution

MODELS = apps.get_models(include_auto_created=True)
OF_RUNS = [model for model in MODELS if distribution.run_column(model)]


def test_tables_of_runs_are_found() -> None:
    assert {Run, HistoryTail, Trial} <= set(OF_RUNS)
    assert len(OF_RUNS) >= 12


@pytest.mark.parametrize("model", OF_RUNS, ids=lambda model: model.__name__)
def test_each_key_of_a_runs_table_holds_the_runs_id_and_the_primary_key_leads_with_it(model) -> None:
    column = distribution.run_column(model)
    assert next(field.column for field in model._meta.pk_fields) == column
    for constraint in model._meta.constraints:
        if isinstance(constraint, UniqueConstraint):
            assert column in [model._meta.get_field(name).column for name in constraint.fields]
    assert [field.column for field in model._meta.concrete_fields if field.unique] in ([], [column])
    assert not any(field.get_internal_type().endswith("AutoField") for field in model._meta.concrete_fields)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.db_table)
def test_no_table_of_a_project_refers_to_one_of_runs_and_those_of_runs_only_by_the_runs_id(model) -> None:
    for field in model._meta.concrete_fields:
        if isinstance(field, ForeignKey) and field.related_model in OF_RUNS:
            assert (field.related_model, field.column) == (Run, distribution.run_column(model))


def test_tables_come_after_those_that_they_refer_to() -> None:
    tables = [placement.table for placement in distribution.placements()]
    for model in MODELS:
        for field in model._meta.concrete_fields:
            if isinstance(field, ForeignKey) and field.related_model is not model:
                assert tables.index(field.related_model._meta.db_table) < tables.index(model._meta.db_table)
    assert "django_session" not in tables


def test_the_statements_are_printed_on_any_database() -> None:
    out = io.StringIO()
    call_command("distribute", "--print", stdout=out)
    lines = out.getvalue().splitlines()
    assert len(lines) == len(distribution.placements())
    assert "SELECT create_reference_table('projects_project');" in lines
    assert "SELECT create_distributed_table('runs_run', 'id');" in lines
    assert lines[-1].endswith("colocate_with => 'runs_run');")


@pytest.mark.django_db
def test_without_the_extension_it_says_what_is_missing_and_changes_nothing() -> None:
    missing = "this is sqlite" if connection.vendor == "sqlite" else "has no Citus"
    with pytest.raises(CommandError, match=missing):
        call_command("distribute")


@pytest.mark.django_db
def test_an_extension_that_is_there_but_not_made_is_another_message(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("PostgreSQL only")
    with psycopg.connect(**connection.get_connection_params()) as other:
        (name,) = other.execute(
            "SELECT name FROM pg_available_extensions WHERE installed_version IS NULL LIMIT 1"
        ).fetchone()
    monkeypatch.setattr(distribution, "EXTENSION", name)
    with pytest.raises(CommandError, match="CREATE EXTENSION"):
        call_command("distribute")
