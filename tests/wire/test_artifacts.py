"""Artifacts by the client's requests: log, find, use, fetch, change, delete; for whom, and what is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from projects.models import Project, Visibility
from runs import artifacts
from runs.models import Artifact, ArtifactAlias, ArtifactContent, ArtifactFile, Run, RunArtifact
from tests.wire.artifact_log import TEXTS, aliases, commit, create, file_urls, log, manifest_of, manifest_url, md5, put
from tests.wire.replay import Replay, requests_of
from tests.wire.test_graphql import message, upsert
from tracker.wire.artifact_files import _file
from tracker.wire.errors import Refused

RECORDINGS = ["g_artifacts"] + [f"g_artifacts_{version}" for version in ("0.17.9", "0.19.11", "0.23.1", "0.27.2")]
FILES = {"a.txt": b"alpha\n", "sub/é b.bin": bytes(range(200))}
ADD = "mutation A($input: AddAliasesInput!) { result: addAliases(input: $input) { success } }"
TAKE = "mutation D($input: DeleteAliasesInput!) { result: deleteAliases(input: $input) { success } }"
DELETE = "mutation D($input: DeleteArtifactInput!) { result: deleteArtifact(input: $input) { artifact { id } } }"
UPDATE = """mutation U($input: UpdateArtifactInput!) { updateArtifact(input: $input) {
  artifact { description metadata tags { name } } } }"""
MANIFEST_CHANGE = """mutation M($id: ID!, $digest: String) {
  updateArtifactManifest(input: {artifactManifestID: $id, digest: $digest}) {
    artifactManifest { file { uploadUrl } } } }"""


def membership(asking: Replay, name: str) -> Any:
    answer = asking.query(
        TEXTS["ArtifactMembershipByName"], entity="tester", project="p", name=name, includeAliases=True
    )
    return answer["data"]["project"] and answer["data"]["project"]["artifactCollectionMembership"]


def names(found: Any) -> list[str]:
    return [alias["alias"] for alias in found["aliases"]]


def file_nodes(asking: Replay, name: str) -> dict[str, Any]:
    collection, _, alias = name.partition(":")
    answer = asking.query(
        TEXTS["ArtifactMembershipFiles"], entity="tester", project="p", collection=collection, alias=alias, perPage=50
    )
    edges = answer["data"]["project"]["artifactCollection"]["artifactMembership"]["files"]["edges"]
    return {edge["node"]["name"]: edge["node"] for edge in edges}


def body(answer: Any) -> bytes:
    assert answer.status_code in {200, 206}, answer
    return b"".join(answer.streaming_content)


def get(url: str, **headers: str) -> Any:
    return Client().get(url, headers=headers)


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


class TestRefusals:
    @pytest.mark.parametrize(
        ("said", "text"),
        [
            ({"artifactCollectionName": ""}, "an artifact's name has"),
            ({"artifactCollectionName": "a/b"}, "an artifact's name has"),
            ({"artifactCollectionName": "a:b"}, "an artifact's name has"),
            ({"artifactCollectionName": ".."}, "an artifact's name is not"),
            ({"artifactCollectionName": "a\0"}, "an artifact's name has"),
            ({"artifactCollectionName": "\ud800"}, "an artifact's name has"),
            ({"artifactCollectionName": "x" * 600}, "an artifact's name has"),
            ({"artifactTypeName": "a/b"}, "an artifact's type has"),
            ({"artifactTypeName": "x" * 200}, "an artifact's type has"),
            ({"digest": ""}, "a digest has"),
            ({"digest": "x" * 300}, "a digest has"),
            ({"digestAlgorithm": "MANIFEST_XXH128"}, "by MD5 only"),
            ({"metadata": "[]"}, "metadata is no JSON object"),
            ({"metadata": "{"}, "malformed JSON"),
            ({"aliases": aliases("data", "v3")}, "'v3' is no alias"),
            ({"aliases": aliases("data", "a:b")}, "an alias has"),
            ({"tags": [{"tagName": "x" * 200}]}, "a tag has"),
            ({"runName": "nobody"}, "not found"),
            ({"entityName": "nobody"}, "not found"),
            ({"projectName": "a/b"}, "project name"),
        ],
    )
    def test_what_cant_be_is_refused_with_a_reason(self, owner: Replay, said: dict[str, Any], text: str) -> None:
        upsert(owner)
        assert text in message(create(owner, **said))
        assert not Artifact.objects.exists()

    def test_a_name_keeps_its_type(self, owner: Replay) -> None:
        log(owner, FILES)
        answer = create(owner, artifactTypeName="model")
        assert message(answer) == "the artifact 'data' is of type 'dataset', not 'model'"

    @pytest.mark.parametrize("md5", ["", "x", "é", "AAAA", "n5+Q2+Pl7hIYyGuIOdsZlQ==\n", "A" * 5000])
    def test_a_file_has_an_md5_and_a_plain_path(self, owner: Replay, md5: str) -> None:
        upsert(owner)
        key = create(owner)["data"]["createArtifact"]["artifact"]["id"]
        text = TEXTS["CreateArtifactFiles"]
        spec = {"artifactID": key, "name": "a", "md5": md5}
        assert "no MD5 in base64" in message(owner.query(text, input={"artifactFiles": [spec]}))
        spec = {"artifactID": key, "name": "../a", "md5": "n5+Q2+Pl7hIYyGuIOdsZlQ=="}
        assert "no plain relative path" in message(owner.query(text, input={"artifactFiles": [spec]}))

    def test_whoever_asks_for_an_upload_in_parts_is_given_one_address(self, owner: Replay) -> None:
        upsert(owner)
        key = create(owner)["data"]["createArtifact"]["artifact"]["id"]
        parts = [{"partNumber": n, "hexMD5": "d41d8cd98f00b204e9800998ecf8427e"} for n in (1, 2)]
        spec = {"artifactID": key, "name": "a.bin", "md5": md5(b"ab"), "uploadPartsInput": parts}
        answer = owner.query(TEXTS["CreateArtifactFiles"], input={"artifactFiles": [spec], "storageLayout": "V2"})
        node = answer["data"]["createArtifactFiles"]["files"]["edges"][0]["node"]
        assert node["uploadMultipartUrls"] is None
        assert put(node["uploadUrl"], b"ab") == 200

    def test_bytes_that_are_not_those_of_the_digest_are_not_kept(self, owner: Replay) -> None:
        upsert(owner)
        key = create(owner)["data"]["createArtifact"]["artifact"]["id"]
        assert put(file_urls(owner, key, {"a": b"right"})["a"], b"wrong") == 400
        assert put(manifest_url(owner, key, md5(b"right")), b"wrong") == 400
        assert not ArtifactContent.objects.exists()
        left = [name for folder in default_storage.listdir("artifacts")[0] for name in stored_in(f"artifacts/{folder}")]
        assert left == []

    @pytest.mark.parametrize(
        "manifest",
        [
            b"", b"[]", b"{}", b'{"contents": []}', b'{"contents": {"../x": {"digest": "d"}}}', b"\xff\xfe",
            b'{"contents": {"a": 1}}', b'{"contents": {"a": {"digest": 1}}}', b'{"contents": {"a": {"digest": "d"}}}',
            b'{"contents": {"a": {"digest": "n5+Q2+Pl7hIYyGuIOdsZlQ==", "size": -1}}}',
            b'{"contents": {"a": {"digest": "d", "ref": "x\\u0000"}}}', b'{"a":' * 3000 + b"1" + b"}" * 3000,
        ],
    )  # fmt: skip
    def test_a_manifest_that_makes_no_sense_is_refused_at_the_commit(self, owner: Replay, manifest: bytes) -> None:
        upsert(owner)
        key = create(owner)["data"]["createArtifact"]["artifact"]["id"]
        assert put(manifest_url(owner, key, md5(manifest)), manifest) == 200
        assert message(commit(owner, key))
        assert Artifact.objects.get().version is None

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.dictionaries(st.sampled_from(["digest", "size", "ref", "x"]), inner),
        )
    )
    def test_whatever_an_entry_holds_it_is_a_file_or_refused(self, entry: Any) -> None:
        try:
            file = _file("a", entry)
        except Refused:
            return
        assert file.size >= 0
        assert file.reference or len(file.digest) == 24

    @pytest.mark.parametrize("key", ["", "x", "é", "QXJ0aWZhY3Q6MTA=", "MDAw", "%00", "\0"])
    def test_ids_of_nothing_find_nothing(self, owner: Replay, key: str) -> None:
        assert owner.query(TEXTS["ArtifactByID"], id=key)["data"]["artifact"] is None
        for text in (ADD, TAKE):
            assert message(owner.query(text, input={"artifactID": key, "aliases": []})) == "artifact not found"
        assert message(owner.query(DELETE, input={"artifactID": key})) == "artifact not found"
        assert message(commit(owner, key)) == "artifact not found"

    def test_no_bytes_of_a_deleted_project_are_put_or_got(self, owner: Replay) -> None:
        log(owner, FILES)
        kept = file_nodes(owner, "data:v0")["a.txt"]["directUrl"]
        key = create(owner, "more")["data"]["createArtifact"]["artifact"]["id"]
        fresh, whole = {"new.txt": b"new"}, b"{}"
        urls = [file_urls(owner, key, fresh)["new.txt"] or "", manifest_url(owner, key, md5(whole))]
        Project.objects.update(deleted_at=timezone.now())
        assert [put(url, data) for url, data in zip(urls, (fresh["new.txt"], whole), strict=True)] == [404, 404]
        assert get(kept).status_code == 404
        Project.objects.update(deleted_at=None)
        assert [put(url, data) for url, data in zip(urls, (fresh["new.txt"], whole), strict=True)] == [200, 200]
        assert body(get(kept)) == FILES["a.txt"]

    def test_links_are_refused_by_name(self, owner: Replay) -> None:
        text = 'mutation L { linkArtifact(input: {artifactPortfolioName: "x"}) { versionIndex } }'
        assert message(owner.query(text)) == "this server does not support linkArtifact yet"

    @pytest.mark.parametrize("method", ["get", "put", "post"])
    def test_an_address_nobody_signed_is_worth_nothing(self, db: None, method: str) -> None:
        assert getattr(Client(), method)("/storage/artifacts/eyJhIjoxfQ:xyz").status_code == 403


class TestBytes:
    def test_a_part_of_a_file_can_be_asked_for(self, owner: Replay) -> None:
        log(owner, FILES)
        url = file_nodes(owner, "data:v0")["a.txt"]["directUrl"]
        part = get(url, Range="bytes=1-3")
        assert (part.status_code, part["Content-Range"], body(part)) == (206, "bytes 1-3/6", b"lph")
        assert body(get(url, Range="bytes=4-")) == b"a\n"
        assert body(get(url, Range="bytes=2-99")) == b"pha\n"
        for odd in ("bytes=9-", "bytes=3-1", "bytes=-2", "bytes=a", "lines=1-2"):
            whole = get(url, Range=odd)
            assert (whole.status_code, body(whole)) == (200, FILES["a.txt"])

    def test_no_browser_runs_what_an_artifact_holds(self, owner: Replay) -> None:
        log(owner, {"a.html": b"<script>alert(1)</script>"})
        answer = get(file_nodes(owner, "data:v0")["a.html"]["directUrl"])
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment")
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer["Content-Security-Policy"]

    @pytest.mark.parametrize("who", ["owner", "teammate", "stranger", "nobody"])
    def test_addresses_made_of_a_digest_are_for_those_who_see_the_project(
        self, owner: Replay, teammate: Replay, stranger: Replay, who: str
    ) -> None:
        key = log(owner, FILES)
        digest = base64.b64decode(md5(FILES["a.txt"])).hex()
        asking = {"owner": owner, "teammate": teammate, "stranger": stranger}.get(who)
        headers = {"Authorization": asking.authorization} if asking else {}
        for address in (
            f"/artifacts/tester/{digest}",
            f"/artifactsV2/default/tester/{key}/{digest}",
            f"/artifactsV2/default/tester/p/data/{key}/{digest}/a.txt",
            f"/artifactsV2/default/tester/p/data//{digest}/{'0' * 32}",
            "/artifacts/tester/p/data:v0/a.txt",
            "/artifacts/tester/p/data:latest/a.txt",
        ):
            answer = Client().get(address, headers=headers)
            assert answer.status_code == (200 if who in {"owner", "teammate"} else 404), address
            if answer.status_code == 200:
                assert body(answer) == FILES["a.txt"]
        Project.objects.update(visibility=Visibility.PUBLIC)
        assert Client().get("/artifacts/tester/p/data:v0/a.txt", headers=headers).status_code == 200

    @pytest.mark.parametrize(
        "address",
        [
            "/artifacts/tester/x", "/artifacts/tester/%00", "/artifacts/tester/p/data:v0/nothing",
            "/artifacts/tester/p/data:v7/a.txt", "/artifacts/tester/p/%00:v0/a.txt", "/artifactsV2/default/tester/x/y",
            "/artifactsV2/default/%00/x/" + "0" * 32, "/artifacts/tester/p/data:v99999999999999999999/a.txt",
        ],
    )  # fmt: skip
    def test_what_is_not_there_is_not_found(self, owner: Replay, address: str) -> None:
        log(owner, FILES)
        assert Client().get(address, headers={"Authorization": owner.authorization}).status_code == 404
        assert Client().post(address).status_code in {403, 405}

    def test_a_wrong_key_is_no_key(self, owner: Replay) -> None:
        log(owner, FILES)
        wrong = {"Authorization": "Basic " + base64.b64encode(b"api:wrong").decode()}
        assert Client().get("/artifacts/tester/p/data:v0/a.txt", headers=wrong).status_code == 401


class TestStrangers:
    def test_a_stranger_gets_what_does_not_exist(self, owner: Replay, stranger: Replay) -> None:
        key = log(owner, FILES)
        upsert(stranger, entity="stranger")
        assert stranger.query(TEXTS["ArtifactByID"], id=key)["data"] == {"artifact": None}
        assert membership(stranger, "data:latest") is None
        assert message(create(stranger)) == "entity tester not found"
        absent = message(commit(stranger, "x"))
        spec = {"artifactID": key, "name": "a", "md5": md5(b"a")}
        use = {"artifactID": key, "entityName": "stranger", "projectName": "p", "runName": "r"}
        for answer in (
            commit(stranger, key),
            stranger.query(DELETE, input={"artifactID": key, "deleteAliases": True}),
            stranger.query(ADD, input={"artifactID": key, "aliases": []}),
            stranger.query(UPDATE, input={"artifactID": key, "description": "mine"}),
            stranger.query(TEXTS["CreateArtifactFiles"], input={"artifactFiles": [spec]}),
            stranger.query(TEXTS["UseArtifact"], **use),
        ):
            assert message(answer) == absent
        assert ArtifactAlias.objects.count() == 1

    def test_bytes_are_not_shared_between_projects(self, owner: Replay, stranger: Replay) -> None:
        """To know the digest of a file must not be enough to get it."""
        log(owner, FILES)
        upsert(stranger, entity="stranger")
        key = create(stranger, entityName="stranger")["data"]["createArtifact"]["artifact"]["id"]
        assert file_urls(stranger, key, FILES)["a.txt"] is not None

    def test_a_run_may_use_what_is_public_and_nobody_else_learns_of_it(self, owner: Replay, stranger: Replay) -> None:
        key = log(owner, FILES)
        Project.objects.filter(entity__name="tester").update(visibility=Visibility.PUBLIC)
        upsert(stranger, entity="stranger")
        use = {"artifactID": key, "entityName": "stranger", "projectName": "p", "runName": "r"}
        assert stranger.query(TEXTS["UseArtifact"], **use)["data"]["useArtifact"]["artifact"]["id"] == key
        assert len(stranger.query(TEXTS["ArtifactUsedBy"], id=key)["data"]["artifact"]["usedBy"]["edges"]) == 1
        assert owner.query(TEXTS["ArtifactUsedBy"], id=key)["data"]["artifact"]["usedBy"]["edges"] == []
        assert message(stranger.query(DELETE, input={"artifactID": key})) == "artifact not found"

    def test_a_list_of_versions_takes_as_many_queries_as_one(
        self, owner: Replay, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(12):
            log(owner, {"n": str(number).encode()})
        asked = {"entity": "tester", "project": "p", "type": "dataset", "collection": "data", "perPage": 50}
        with django_assert_max_num_queries(9):
            answer = owner.query(TEXTS["ProjectArtifacts"], **asked)
        found = answer["data"]["project"]["artifactType"]["artifactCollection"]["artifacts"]
        assert [edge["version"] for edge in found["edges"]] == [f"v{number}" for number in reversed(range(12))]
        assert found["totalCount"] == 12


def stored_in(folder: str) -> list[str]:
    folders, files = default_storage.listdir(folder)
    return files + [name for inner in folders for name in stored_in(f"{folder}/{inner}")]
