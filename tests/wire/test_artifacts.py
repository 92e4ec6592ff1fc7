"""Artifacts by the client's requests: log, find, use, change, delete."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.core.files.storage import default_storage

from projects.models import Project
from runs import artifacts
from runs.models import Artifact, ArtifactContent, ArtifactFile, Run, RunArtifact
from tests.wire.artifact_log import (
    ADD,
    DELETE,
    FILES,
    MANIFEST_CHANGE,
    TAKE,
    TEXTS,
    UPDATE,
    aliases,
    body,
    commit,
    create,
    file_nodes,
    file_urls,
    get,
    log,
    manifest_of,
    manifest_url,
    md5,
    membership,
    names,
    put,
)
from tests.wire.replay import Replay, requests_of
from tests.wire.test_graphql import message, upsert

RECORDINGS = ["g_artifacts"] + [f"g_artifacts_{version}" for version in ("0.17.9", "0.19.11", "0.23.1", "0.27.2")]


class TestRecordings:
    KNOWN = {10: "my-data:v0", 4: "my-data:v0", 14: "my-model:v0", 18: "my-data:v1", 8: "my-data:v1"}
    # Which versions there are differs with what else the recording server held.
    FREE = {"fileCount", "size", "latestArtifact", "cursor", "endCursor", "description", "metadata", "previousValue"}

    @pytest.mark.parametrize("name", RECORDINGS)
    def test_every_question_is_answered_in_the_form_that_the_client_was_content_with(
        self, owner: Replay, name: str
    ) -> None:
        self.logged(owner)
        for request in requests_of(name):
            asked = json.loads(self.translated(json.dumps(request["body"])))
            self.runs_of(owner, asked["variables"] or {})
            answer = owner.query(asked["query"], **asked["variables"] or {})
            assert "errors" not in answer, (request["operation"], answer)
            if "response" in request:
                self.compare(request["operation"], request["response"]["data"], answer["data"])

    def logged(self, owner: Replay) -> None:
        """The versions of the recordings, by their digests."""
        for collection, digest, kind, run in (
            ("my-data", "40c21aa24252cb6f0902ab3a925f30e2", "dataset", "p01un4ld"),
            ("my-data", "c307bcf3f42d3604cabc6620d1320e17", "dataset", "h717syj5"),
            ("my-model", "560069026c2f0f41cb5af7ddc56e29bf", "model", "p01un4ld"),
        ):
            files = {"a.txt": digest.encode(), "sub/b.bin": b"b"}
            given = {"digest": digest, "projectName": "wire-artifacts", "artifactTypeName": kind}
            log(owner, files, collection, run=run, aliases=aliases(collection), **given)
        upsert(owner, name="x4yb42si", project="wire-artifacts")
        produced = artifacts.artifact_named(self.project().id, "my-data:v1")
        run = Run.objects.get(name="x4yb42si")
        RunArtifact.objects.create(run=run, artifact=produced, role="produced")

    def project(self) -> Project:
        return Project.objects.get(entity__name="tester", name="wire-artifacts")

    def translated(self, text: str) -> str:
        project = self.project()
        for number, name in self.KNOWN.items():
            ours = artifacts.artifact_named(project.id, name)
            theirs = base64.b64encode(f"Artifact:{number}".encode()).decode()
            text = text.replace(theirs, base64.b64encode(ours.id.hex.encode()).decode())
        return text

    def runs_of(self, owner: Replay, variables: dict[str, Any]) -> None:
        said = variables.get("input") or variables
        if (run := said.get("runName")) and not Run.objects.filter(name=run).exists():
            upsert(owner, name=run, project="wire-artifacts")

    def compare(self, where: str, theirs: Any, ours: Any) -> None:
        if isinstance(theirs, dict):
            assert isinstance(ours, dict), where
            assert theirs.get("__typename") == ours.get("__typename"), where
            for key, value in theirs.items():
                assert key in ours, f"{where}.{key}"
                if key not in self.FREE:
                    self.compare(f"{where}.{key}", value, ours[key])
        elif isinstance(theirs, list):
            assert isinstance(ours, list), where
            if theirs and ours:
                self.compare(f"{where}[0]", theirs[0], ours[0])
            assert bool(theirs) == bool(ours) or where.endswith(("tags", "aliases", "fields", "inputFields")), where
        elif theirs is not None and not where.endswith((".uploadUrl", ".artifact", ".inserted")):
            assert type(theirs) is type(ours), (where, theirs, ours)


class TestLogging:
    def test_a_version_comes_back_as_it_was_logged(self, owner: Replay) -> None:
        key = log(
            owner, FILES, references={"far.bin": "s3://bucket/far"}, aliases=aliases("data", "best"),
            description="d", metadata='{"rows": 2}', historyStep=3, tags=[{"tagName": "t"}],
        )  # fmt: skip
        found = membership(owner, "data:latest")
        assert (found["versionIndex"], found["artifact"]["id"]) == (0, key)
        assert names(found) == ["best", "latest", "v0"]
        artifact = found["artifact"]
        assert (artifact["state"], artifact["size"], artifact["fileCount"]) == ("COMMITTED", 213, 3)
        assert (artifact["description"], artifact["metadata"]) == ("d", '{"rows":2}')
        assert (artifact["historyStep"], artifact["tags"][0]["name"]) == (3, "t")
        assert artifact["ttlDurationSeconds"] == -1
        nodes = file_nodes(owner, "data:v0")
        assert {name: body(get(node["directUrl"])) for name, node in nodes.items()} == FILES
        assert nodes["a.txt"]["md5"] == md5(FILES["a.txt"])
        answer = owner.query(TEXTS["FetchArtifactManifest"], id=key)
        manifest = body(get(answer["data"]["artifact"]["currentManifest"]["file"]["directUrl"]))
        assert manifest == manifest_of(FILES, {"far.bin": "s3://bucket/far"})

    def test_other_files_are_another_version_and_bytes_are_kept_once(self, owner: Replay) -> None:
        log(owner, FILES)
        log(owner, FILES | {"a.txt": b"more"}, aliases=aliases("data", "best"))
        assert names(membership(owner, "data:v0")) == ["v0"]
        assert names(membership(owner, "data")) == ["best", "latest", "v1"]
        assert ArtifactFile.objects.count() == 4
        assert ArtifactContent.objects.count() == 3

    def test_the_same_files_are_the_same_version_which_gets_the_new_aliases(self, owner: Replay) -> None:
        first = log(owner, FILES)
        log(owner, {"b": b""})
        assert log(owner, FILES, run="r2", aliases=aliases("data", "again")) == first
        assert names(membership(owner, "data:latest")) == ["again", "latest", "v0"]
        assert Artifact.objects.count() == 2
        produced = RunArtifact.objects.filter(artifact__version=0, role="produced")
        assert set(produced.values_list("run__name", flat=True)) == {"r", "r2"}

    def test_what_is_sent_twice_changes_nothing(self, owner: Replay) -> None:
        upsert(owner)
        key, again = (
            create(owner, clientID="c" * 128, digest="x")["data"]["createArtifact"]["artifact"]["id"] for _ in range(2)
        )
        assert key == again
        url, whole = file_urls(owner, key, {"a": b"1"})["a"], manifest_of({"a": b"1"}, {})
        assert [put(url, b"1") for _ in range(2)] == [200, 200]
        assert ArtifactContent.objects.count() == 1
        assert file_urls(owner, key, {"a": b"1"}) == {"a": None}
        upload = manifest_url(owner, key, md5(whole))
        assert [put(upload, whole) for _ in range(2)] == [200, 200]
        assert [commit(owner, key) for _ in range(2)] == [commit(owner, key)] * 2
        assert put(upload, whole) == 404
        log(owner, {"b": b"2"})
        answer = create(owner, clientID="c" * 128, digest="x")["data"]["createArtifact"]["artifact"]
        assert (answer["id"], answer["state"]) == (key, "COMMITTED")
        assert names(membership(owner, "data:latest")) == ["latest", "v1"]
        used = [owner.query(TEXTS["UseArtifact"], **self.use(key)) for _ in range(2)]
        assert used[0] == used[1]
        assert RunArtifact.objects.filter(role="used").count() == 1
        stored = default_storage.listdir("artifacts")[0]
        assert stored

    def use(self, key: str, run: str = "r") -> dict[str, str]:
        return {"artifactID": key, "entityName": "tester", "projectName": "p", "runName": run}

    def test_until_it_is_committed_nobody_finds_a_version(self, owner: Replay) -> None:
        upsert(owner)
        key = create(owner, aliases=aliases("data"))["data"]["createArtifact"]["artifact"]["id"]
        assert membership(owner, "data:latest") is None
        assert membership(owner, "data:v0") is None
        assert message(owner.query(TEXTS["UseArtifact"], **self.use(key))) == "the artifact is not committed"
        assert "manifest has not been uploaded" in message(commit(owner, key))
        whole = manifest_of(FILES, {})
        assert put(manifest_url(owner, key, md5(whole)), whole) == 200
        assert "'a.txt' of 'data' has not been uploaded" in message(commit(owner, key))
        assert not ArtifactFile.objects.exists()

    def test_writers_of_one_version_each_add_their_files(self, owner: Replay) -> None:
        upsert(owner)
        keys = {
            create(owner, distributedID="group", digest=part, clientID=part, aliases=aliases("data", part))["data"][
                "createArtifact"
            ]["artifact"]["id"]
            for part in ("one", "two")
        }
        (key,) = keys
        for part in ("one", "two"):
            files = {f"{part}.txt": part.encode()}
            assert put(file_urls(owner, key, files)[f"{part}.txt"], part.encode()) == 200
            whole = manifest_of(files, {})
            answer = owner.query(
                TEXTS["CreateArtifactManifest"], artifactID=key, name="m", digest="", entityName="tester",
                projectName="p", runName="r", manifestType="PATCH", includeUpload=False,
            )  # fmt: skip
            manifest = answer["data"]["createArtifactManifest"]["artifactManifest"]["id"]
            changed = owner.query(MANIFEST_CHANGE, id=manifest, digest=md5(whole))
            url = changed["data"]["updateArtifactManifest"]["artifactManifest"]["file"]["uploadUrl"]
            assert put(url, whole) == 200
        commit(owner, key)
        assert names(membership(owner, "data")) == ["latest", "one", "two", "v0"]
        assert {name: body(get(node["url"])) for name, node in file_nodes(owner, "data:v0").items()} == {
            "one.txt": b"one", "two.txt": b"two",
        }  # fmt: skip

    def test_a_version_may_add_to_the_one_before(self, owner: Replay) -> None:
        base = log(owner, FILES)
        key = create(owner, digest="more")["data"]["createArtifact"]["artifact"]["id"]
        put(file_urls(owner, key, {"new": b"n"})["new"], b"n")
        whole = manifest_of({"new": b"n"}, {})
        assert put(manifest_url(owner, key, md5(whole), "INCREMENTAL", base), whole) == 200
        commit(owner, key)
        assert file_nodes(owner, "data:v1").keys() == FILES.keys() | {"new"}
        url = owner.query(TEXTS["FetchArtifactManifest"], id=key)["data"]["artifact"]["currentManifest"]["file"]
        assert json.loads(body(get(url["directUrl"])))["contents"].keys() == FILES.keys() | {"new"}

    def test_the_clients_own_id_leads_to_the_version(self, owner: Replay, stranger: Replay) -> None:
        key = log(owner, FILES, clientID="mine")
        log(owner, FILES, clientID="mine too")
        question = "query ClientIDMapping($clientID: ID!) { clientIDMapping(clientID: $clientID) { serverID } }"
        for asked, expected in (("mine", {"serverID": key}), ("mine too", {"serverID": key}), ("other", None)):
            assert owner.query(question, clientID=asked)["data"]["clientIDMapping"] == expected
        assert stranger.query(question, clientID="mine")["data"]["clientIDMapping"] is None


class TestChanging:
    def target(self, *names: str) -> list[dict[str, str]]:
        place = {"entityName": "tester", "projectName": "p", "artifactCollectionName": "data"}
        return [place | {"alias": name} for name in names]

    def test_aliases_are_given_and_taken(self, owner: Replay) -> None:
        first, second = log(owner, FILES, aliases=aliases("data", "best")), log(owner, {"b": b""})
        owner.query(ADD, input={"artifactID": second, "aliases": self.target("best", "new")})
        assert names(membership(owner, "data:best")) == ["best", "latest", "new", "v1"]
        owner.query(TAKE, input={"artifactID": first, "aliases": self.target("best")})
        assert membership(owner, "data:best") is not None, "it stands for another version"
        owner.query(TAKE, input={"artifactID": second, "aliases": self.target("best")})
        assert membership(owner, "data:best") is None

    def test_description_metadata_and_tags_change(self, owner: Replay) -> None:
        key = log(owner, FILES, tags=[{"tagName": "old"}])
        said = {"description": "new", "metadata": '{"k": 1}', "tagsToAdd": [{"tagName": "t"}], "ttlDurationSeconds": 60}
        answer = owner.query(UPDATE, input={"artifactID": key, "tagsToDelete": [{"tagName": "old"}]} | said)
        changed = answer["data"]["updateArtifact"]["artifact"]
        assert changed == {"description": "new", "metadata": '{"k":1}', "tags": [{"name": "t"}]}
        kept = owner.query(UPDATE, input={"artifactID": key})["data"]["updateArtifact"]["artifact"]
        assert kept == changed

    def test_a_version_with_aliases_is_deleted_only_with_them_and_latest_goes_back(self, owner: Replay) -> None:
        log(owner, FILES)
        key = log(owner, {"b": b""})
        assert "aliases latest" in message(owner.query(DELETE, input={"artifactID": key}))
        owner.query(DELETE, input={"artifactID": key, "deleteAliases": True})
        assert membership(owner, "data:v1") is None
        assert names(membership(owner, "data:latest")) == ["latest", "v0"]
        log(owner, {"c": b""})
        assert membership(owner, "data:latest")["versionIndex"] == 2, "a number is never given twice"

    def test_a_run_hears_of_what_it_produced_and_used(self, owner: Replay) -> None:
        key = log(owner, FILES)
        before = Run.objects.get().changed_at
        owner.query(TEXTS["UseArtifact"], artifactID=key, entityName="tester", projectName="p", runName="r")
        used = Run.objects.get().changed_at
        owner.query(DELETE, input={"artifactID": key, "deleteAliases": True})
        assert before < used < Run.objects.get().changed_at
        assert not RunArtifact.objects.exists()
