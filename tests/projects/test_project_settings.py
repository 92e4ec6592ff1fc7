import uuid
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.utils import timezone

from projects import access
from projects.bulk import runs_change
from projects.models import Project, Visibility
from projects.project_settings import (
    RESTORED_WITHIN,
    SettingRefused,
    project_delete,
    project_describe,
    project_rename,
    project_restore,
    projects_purge,
    projects_restorable,
    visibility_set,
)
from projects.saved_views import view_create
from runs import ingest, sweeps
from runs.artifacts import artifact_use
from runs.models import ArtifactContent, Column, Role, Run
from tests.factories import log_artifact, log_run, make_project, make_sweep
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db
SECRET = "s3cr3t"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def full(cast: Cast) -> Run:
    """A run with some of everything, and all that a project can have."""
    run = log_run(cast.project, "r", [{"loss": 1.0}] * 3, config={"lr": 1}, group="g", tags=["t"], summary={"a": 1})
    stored = default_storage.save("runs/x", ContentFile(SECRET.encode()))
    ingest.file_stored(run_id=run.id, name="a.txt", stored_as=stored, size=6, md5="", content_type="text/plain")
    log_artifact(run, {"a.txt": b"alpha"}, client_id="client", aliases=["best"])
    sweep = make_sweep(cast.project)
    agent = sweeps.agent_create(sweep_id=sweep.id, host="h", user_name="olga")
    sweeps.agent_heartbeat(id=agent.id, going_on=set())
    view_create(
        project=cast.project, user=None, name="ours", query="",
        like=access.workspace_visible(cast.owner, cast.project, id=""),
    )  # fmt: skip
    runs_change(project=cast.project, user=cast.owner, act="tag_add", value="u", runs=[run.id])
    return run


def later(project: Project, days: float) -> None:
    """As if it had been deleted so long ago."""
    Project.objects.filter(pk=project.pk).update(deleted_at=timezone.now() - timedelta(days=days))


def test_a_deleted_project_is_gone_for_everybody_and_its_name_free(cast: Cast) -> None:
    full(cast)
    visibility_set(project=cast.project, visibility=Visibility.PUBLIC)
    project_delete(project=cast.project)
    for person in (cast.owner, cast.viewer, AnonymousUser()):
        assert not access.visible_projects(person).exists()
    with pytest.raises(access.NotFound):
        access.project_writable(cast.owner, entity="lab", name="digits")
    again = access.project_get_or_create(cast.teammate, entity="lab", name="digits")
    assert again.pk != cast.project.pk
    assert again.visibility == Visibility.PRIVATE
    run = log_run(again, "r", [{"loss": 2.0, "new": 1.0}], config={"lr": 2})
    assert (run.history_lines, Run.objects.filter(name="r").count()) == (1, 2)
    assert set(Column.objects.filter(project=again, scope="config").values_list("key", flat=True)) == {"lr"}


def test_a_project_comes_back_as_it_was(cast: Cast) -> None:
    run = full(cast)
    project_delete(project=cast.project)
    project_delete(project=cast.project)
    assert projects_restorable(cast.team) == [cast.project]
    assert project_restore(entity=cast.team, id=cast.project.pk) == cast.project
    assert access.project_visible(cast.viewer, entity="lab", name="digits") == cast.project
    assert projects_restorable(cast.team) == []
    kept = Run.objects.get(pk=run.pk)
    assert (kept.deleted_at, kept.history_lines) == (None, 3)


def test_it_does_not_come_back_over_another_of_its_name(cast: Cast) -> None:
    project_delete(project=cast.project)
    again = access.project_get_or_create(cast.owner, entity="lab", name="digits")
    with pytest.raises(SettingRefused, match="another project"):
        project_restore(entity=cast.team, id=cast.project.pk)
    project_rename(project=again, name="digits-2")
    project_restore(entity=cast.team, id=cast.project.pk)
    assert access.visible_projects(cast.owner).count() == 2


def test_restoring_ends_and_is_for_the_entity_alone(cast: Cast) -> None:
    project_delete(project=cast.project)
    for entity, id in ((cast.owner.entity, cast.project.pk), (cast.team, uuid.uuid4())):
        with pytest.raises(SettingRefused):
            project_restore(entity=entity, id=id)
    later(cast.project, RESTORED_WITHIN.days + 0.1)
    assert projects_restorable(cast.team) == []
    with pytest.raises(SettingRefused, match="too late"):
        project_restore(entity=cast.team, id=cast.project.pk)


def test_what_can_still_be_restored_is_not_purged(cast: Cast) -> None:
    run = full(cast)
    project_delete(project=cast.project)
    later(cast.project, RESTORED_WITHIN.days + 0.5)
    assert projects_purge() == 0
    assert Run.objects.filter(pk=run.pk).exists()


def test_purging_leaves_nothing_of_it_and_all_of_others(cast: Cast) -> None:
    other = make_project(cast.owner, "other")
    kept = log_run(other, "kept", [{"loss": 1.0}], config={"lr": 1})
    log_artifact(kept, {"a.txt": b"alpha"})
    before = rows()
    run = full(cast)
    version = log_artifact(run, {"b.txt": b"beta"}, name="shared")
    artifact_use(run_id=kept.id, artifact_id=version.id)
    assert kept.artifacts.filter(role=Role.USED).exists()
    project_delete(project=cast.project)
    later(cast.project, RESTORED_WITHIN.days + 2)
    call_command("maintain", verbosity=0)
    after = rows()
    gone = {table for table in before if before[table] != after[table]}
    assert gone <= {"projects_project", "django_session"}, {table: after[table] for table in gone}
    assert list(Project.objects.values_list("name", flat=True)) == ["other"]
    assert not default_storage.exists("runs/x")
    assert ArtifactContent.objects.get().project_id == other.pk


def rows() -> dict[str, int]:
    """How many of each table."""
    return {model._meta.db_table: model._base_manager.count() for model in apps.get_models(include_auto_created=True)}


def test_a_renamed_project_keeps_its_runs(cast: Cast) -> None:
    run = full(cast)
    Run.objects.update(state="finished")
    project_rename(project=cast.project, name="numbers")
    assert access.project_visible(cast.viewer, entity="lab", name="numbers").runs.get(name="r") == run
    with pytest.raises(access.NotFound):
        access.project_visible(cast.owner, entity="lab", name="digits")
    assert access.project_get_or_create(cast.owner, entity="lab", name="digits").pk != cast.project.pk


@pytest.mark.parametrize("name", ["taken", "", "a/b", "..", "x" * 129, "a\0"])
def test_a_project_is_not_renamed_to_what_is_no_name_or_taken(cast: Cast, name: str) -> None:
    access.project_get_or_create(cast.owner, entity="lab", name="taken")
    with pytest.raises(SettingRefused):
        project_rename(project=cast.project, name=name)
    assert Project.objects.get(pk=cast.project.pk).name == "digits"


def test_a_project_is_not_renamed_under_running_clients(cast: Cast) -> None:
    run = log_run(cast.project, "r", [{"loss": 1.0}], complete=False)
    with pytest.raises(SettingRefused, match="logging"):
        project_rename(project=cast.project, name="numbers")
    Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(hours=1))
    project_rename(project=cast.project, name="numbers")


def test_a_description_is_kept_and_has_a_limit(cast: Cast) -> None:
    project_describe(project=cast.project, text=" two\r\nlines ")
    assert Project.objects.get(pk=cast.project.pk).description == "two\nlines"
    for text in ("x" * 2001, "a\0"):
        with pytest.raises(SettingRefused):
            project_describe(project=cast.project, text=text)
