from __future__ import annotations

import base64
import hashlib
import threading
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import RestrictedError
from django.utils import timezone

from projects.models import Project
from runs import artifacts
from runs.artifacts import NewArtifact, artifact_named, artifacts_purge
from runs.models import Artifact, ArtifactCollection, ArtifactContent, ArtifactFile, ArtifactManifest, Run
from tests.factories import log_artifact, log_run, make_project, make_run

WEEK_AGO = timedelta(days=8)


@pytest.fixture
def run(db: None) -> Run:
    return log_run(make_project(), "r", [{"loss": 1}])


def content_of(data: bytes) -> ArtifactContent:
    md5 = base64.b64encode(hashlib.md5(data).digest()).decode()
    return ArtifactContent.objects.get(pk=artifacts.content_id(Project.objects.get().id, md5))


def found(run: Run, name: str) -> int | None:
    artifact = artifact_named(run.project_id, name)
    return None if artifact is None else artifact.version


def test_a_version_is_found_by_number_by_alias_and_as_the_latest(run: Run) -> None:
    log_artifact(run, {"a": b"1"}, aliases=["best"])
    log_artifact(run, {"a": b"2"})
    assert {name: found(run, name) for name in ("data:v0", "data:v1", "data:best", "data:latest", "data", "data:")} == {
        "data:v0": 0, "data:v1": 1, "data:best": 0, "data:latest": 1, "data": 1, "data:": 1,
    }  # fmt: skip
    for name in ("data:v2", "data:v01", "data:V0", "other", "", ":", "data:best:v0", "data:v" + "9" * 40, "data:\0"):
        assert found(run, name) is None, name


def test_projects_have_artifacts_of_their_own(run: Run) -> None:
    other = make_run(make_project(name="other"), "r")
    log_artifact(run, {"a": b"1"})
    assert found(other, "data") is None
    log_artifact(other, {"a": b"1"}, type="model")
    assert ArtifactContent.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_runs_that_log_one_name_at_once_get_numbers_one_after_the_other() -> None:
    project = make_project()
    failures: list[BaseException] = []

    def log(number: int) -> None:
        try:
            log_artifact(make_run(project, f"r{number}"), {"a": str(number % 4).encode()})
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=log, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    committed = Artifact.objects.filter(version__isnull=False).order_by("version")
    assert [artifact.version for artifact in committed] == list(range(committed.count()))
    assert committed.count() >= 4
    assert ArtifactCollection.objects.get().versions == committed.count()
    assert ArtifactContent.objects.count() == 4


def test_what_nothing_holds_goes_after_a_week_and_what_a_version_holds_stays(run: Run) -> None:
    kept = log_artifact(run, {"a": b"kept", "b": b"shared"})
    gone = log_artifact(run, {"b": b"shared", "c": b"gone"})
    begun = artifacts.artifact_create(
        project_id=run.project_id, run_id=run.id, new=NewArtifact(name="data", type="dataset", digest="begun")
    )
    ArtifactManifest.objects.create(artifact=begun)
    artifacts.artifact_delete(artifact_id=gone.id, with_aliases=True)
    assert artifacts_purge() == 0
    paths = {data: content_of(data).stored_as for data in (b"kept", b"shared", b"gone")}
    for model, field in ((ArtifactContent, "needed_at"), (Artifact, "created_at")):
        model.objects.update(**{field: timezone.now() - WEEK_AGO})
    assert artifacts_purge() == 1
    assert [data for data, path in paths.items() if default_storage.exists(path)] == [b"kept", b"shared"]
    assert set(ArtifactFile.objects.values_list("name", flat=True)) == {"a", "b"}
    assert ArtifactContent.objects.count() == 2
    assert list(Artifact.objects.all()) == [kept]
    assert artifacts_purge() == 0


def test_bytes_that_a_client_has_just_been_told_are_here_stay(run: Run) -> None:
    gone = log_artifact(run, {"a": b"again"})
    md5 = ArtifactFile.objects.get().digest
    artifacts.artifact_delete(artifact_id=gone.id, with_aliases=True)
    ArtifactContent.objects.update(needed_at=timezone.now() - WEEK_AGO)
    assert artifacts.contents_stored(project_id=run.project_id, md5s=[md5, "other"]) == {md5}
    assert artifacts_purge() == 0
    assert ArtifactContent.objects.exists()


def test_no_bytes_go_that_a_version_holds(run: Run) -> None:
    log_artifact(run, {"a": b"1"})
    with pytest.raises(RestrictedError):
        ArtifactContent.objects.all().delete()


def test_a_collection_goes_with_all_its_versions(run: Run) -> None:
    for number in range(3):
        log_artifact(run, {"a": str(number).encode()})
    artifacts.collection_delete(collection_id=ArtifactCollection.objects.get().id)
    assert not Artifact.objects.exists()
    assert not ArtifactFile.objects.exists()
    assert log_artifact(run, {"a": b"0"}).version == 0


def test_a_project_goes_with_its_artifacts(run: Run) -> None:
    log_artifact(run, {"a": b"1"})
    run.project.delete()
    assert not ArtifactContent.objects.exists()


def test_a_version_there_is_not_cant_be_used(run: Run) -> None:
    with pytest.raises(artifacts.ArtifactMissing):
        artifacts.artifact_use(run_id=run.id, artifact_id=run.id)
