"""Artifacts by the client's requests: what is refused, and to whom."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from projects.models import Project, Visibility
from runs.models import Artifact, ArtifactAlias, ArtifactContent
from tests.wire.artifact_log import (
    ADD,
    DELETE,
    FILES,
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
    manifest_url,
    md5,
    membership,
    put,
)
from tests.wire.replay import Replay
from tests.wire.test_graphql import message, upsert
from tracker.wire.artifact_files import _file
from tracker.wire.errors import Refused


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
