"""Logs artifacts with the client's own requests, one after the other as it does, and asks what there is of them."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from django.test import Client

from tests.wire.replay import Replay, requests_of
from tests.wire.test_graphql import upsert

TEXTS = {r["operation"]: r["body"]["query"] for r in requests_of("g_artifacts")}
FILES = {"a.txt": b"alpha\n", "sub/é b.bin": bytes(range(200))}
ADD = "mutation A($input: AddAliasesInput!) { result: addAliases(input: $input) { success } }"
TAKE = "mutation D($input: DeleteAliasesInput!) { result: deleteAliases(input: $input) { success } }"
DELETE = "mutation D($input: DeleteArtifactInput!) { result: deleteArtifact(input: $input) { artifact { id } } }"
UPDATE = """mutation U($input: UpdateArtifactInput!) { updateArtifact(input: $input) {
  artifact { description metadata tags { name } } } }"""
MANIFEST_CHANGE = """mutation M($id: ID!, $digest: String) {
  updateArtifactManifest(input: {artifactManifestID: $id, digest: $digest}) {
    artifactManifest { file { uploadUrl } } } }"""


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def put(url: str, data: bytes, **headers: str) -> int:
    return Client().put(url, data, content_type="application/octet-stream", headers=headers).status_code


def create(owner: Replay, name: str = "data", *, run: str | None = "r", **said: Any) -> Any:
    """The answer to createArtifact."""
    given = {
        "entityName": "tester", "projectName": "p", "runName": run, "artifactTypeName": "dataset",
        "artifactCollectionName": name, "digest": "d", "digestAlgorithm": "MANIFEST_MD5",
        "enableDigestDeduplication": True,
    } | said  # fmt: skip
    return owner.query(TEXTS["CreateArtifact"], input=given)


def manifest_url(owner: Replay, artifact: str, digest: str, kind: str = "FULL", base: str | None = None) -> str:
    answer = owner.query(
        TEXTS["CreateArtifactManifest"], artifactID=artifact, baseArtifactID=base or artifact,
        name="wandb_manifest.json", digest=digest, entityName="tester", projectName="p", runName="r",
        manifestType=kind, includeUpload=True,
    )  # fmt: skip
    url: str = answer["data"]["createArtifactManifest"]["artifactManifest"]["file"]["uploadUrl"]
    return url


def file_urls(owner: Replay, artifact: str, files: dict[str, bytes]) -> dict[str, str | None]:
    """Where to put each; None when its bytes are there already."""
    specs = [{"artifactID": artifact, "name": name, "md5": md5(data)} for name, data in files.items()]
    answer = owner.query(TEXTS["CreateArtifactFiles"], input={"artifactFiles": specs, "storageLayout": "V2"})
    edges = answer["data"]["createArtifactFiles"]["files"]["edges"]
    return {name: edge["node"]["uploadUrl"] for name, edge in zip(files, edges, strict=True)}


def manifest_of(files: dict[str, bytes], references: dict[str, str]) -> bytes:
    contents: dict[str, Any] = {name: {"digest": md5(data), "size": len(data)} for name, data in files.items()}
    contents |= {name: {"ref": place, "digest": "etag", "size": 7} for name, place in references.items()}
    return json.dumps({"version": 1, "storagePolicy": "wandb-storage-policy-v1", "contents": contents}).encode()


def commit(owner: Replay, artifact: str) -> Any:
    return owner.query(TEXTS["CommitArtifact"], artifactID=artifact)


def log(
    owner: Replay, files: dict[str, bytes], name: str = "data", *, references: dict[str, str] | None = None, **said: Any
) -> str:
    """The artifact's id; the run is made when it isn't there."""
    upsert(owner, name=said.get("run", "r"), project=said.get("projectName", "p"))
    whole = manifest_of(files, references or {})
    created = create(owner, name, **{"digest": hashlib.md5(whole).hexdigest(), "aliases": aliases(name)} | said)
    artifact = created["data"]["createArtifact"]["artifact"]
    key: str = artifact["id"]
    if artifact["state"] == "COMMITTED":
        return key
    for path, url in file_urls(owner, key, files).items():
        assert url is None or put(url, files[path]) == 200
    assert put(manifest_url(owner, key, md5(whole)), whole) == 200
    assert commit(owner, key)["data"]["commitArtifact"]["artifact"]["id"] == key
    return key


def aliases(collection: str, *names: str) -> list[dict[str, str]]:
    return [{"artifactCollectionName": collection, "alias": name} for name in (*names, "latest")]


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
