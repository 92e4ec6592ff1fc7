"""Artifacts by the unmodified client: what it logs comes back to it, and what it is refused it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.client.test_client import Environment, complaints
from tests.live import run_script

pytestmark = pytest.mark.client


# What it says wherever it logs: of content that is there already, and of a beta of its own.
ALWAYS_SAID = ("already exists with the same content", "Using experimental arg `incremental`")


def said(code: str, environment: Environment) -> Any:
    """What a script printed, as JSON, after its mark."""
    done = run_script(code, environment, timeout=240)
    assert done.returncode == 0, done.stderr
    assert [line for line in complaints(done.stderr) if not any(it in line for it in ALWAYS_SAID)] == []
    return json.loads(done.stdout.rpartition("SAID")[2])


@pytest.mark.on_both
def test_versions_are_logged_used_downloaded_and_read_back(wandb_env: Environment) -> None:
    answer = said(
        """
import json, os, wandb
os.makedirs("data/sub")
open("data/a.txt", "w").write("alpha")
open("data/sub/b.bin", "wb").write(bytes(range(200)))
with wandb.init(project="arts", job_type="make", id="maker") as run:
    first = wandb.Artifact("my-data", type="dataset", description="d", metadata={"rows": 2})
    first.add_dir("data")
    first.add_reference("https://example.com/far.bin", name="far.bin", checksum=False)
    run.log_artifact(first, aliases=["first"], tags=["t1"]).wait()
    same = wandb.Artifact("my-data", type="dataset")
    same.add_dir("data")
    same.add_reference("https://example.com/far.bin", name="far.bin", checksum=False)
    run.log_artifact(same, aliases=["again"]).wait()
    run.log_model("data/a.txt", name="my-model")
    more = wandb.Artifact("my-data", type="dataset", incremental=True)
    open("new.txt", "w").write("new")
    more.add_file("new.txt")
    run.log_artifact(more).wait()
with wandb.init(project="arts", job_type="use", id="user") as run:
    used = run.use_artifact("my-data:latest")
    changed = used.new_draft()
    changed.remove("a.txt")
    run.log_artifact(changed).wait()
    folder = run.use_artifact("my-data:first").download(root="dl")
    model = run.use_model("my-model:latest")
    api = wandb.Api()
    entry = api.artifact("arts/my-data:v1").get_entry("new.txt").download(root="entry")
v0, v2 = api.artifact("arts/my-data:v0"), api.artifact("arts/my-data:latest")
print("SAID", json.dumps({
    "versions": [first.version, same.version, more.version, changed.version],
    "v0": [v0.aliases, v0.tags, v0.description, v0.metadata, v0.file_count, v0.size],
    "v2": sorted(v2.manifest.entries),
    "files": [file.name for file in v0.files()],
    "downloaded": [open("dl/a.txt").read(), os.path.getsize("dl/sub/b.bin"), open(model).read(), open(entry).read()],
    "maker": v0.logged_by().id,
    "users": [run.id for run in v0.used_by()],
    "listed": [version.version for version in api.artifacts("dataset", "arts/my-data")],
    "types": {kind.name: [one.name for one in kind.collections()] for kind in api.artifact_types("arts")},
    "produced": [one.name for one in api.run("arts/maker").logged_artifacts()],
    "used": [one.name for one in api.run("arts/user").used_artifacts()],
    "exists": [api.artifact_exists("arts/my-data:v1"), api.artifact_exists("arts/nothing:v1")],
}))
""",
        wandb_env,
    )
    assert answer == {
        "versions": ["v0", "v0", "v1", "v2"],
        "v0": [["again", "first"], ["t1"], "d", {"rows": 2}, 3, 205],
        "v2": ["far.bin", "new.txt", "sub/b.bin"],
        "files": ["a.txt", "sub/b.bin"],
        "downloaded": ["alpha", 200, "alpha", "new"],
        "maker": "maker",
        "users": ["user"],
        "listed": ["v2", "v1", "v0"],
        "types": {"dataset": ["my-data"], "model": ["my-model"]},
        "produced": ["my-data:v0", "my-model:v0", "my-data:v1"],
        "used": ["my-data:v1", "my-data:v0", "my-model:v0"],
        "exists": [True, False],
    }


def test_tables_and_references_between_artifacts_come_back(wandb_env: Environment) -> None:
    answer = said(
        """
import json, wandb
open("a.txt", "w").write("alpha")
with wandb.init(project="tables", id="t") as run:
    table = wandb.Table(columns=["x", "y"], data=[[1, 2], [3, 4]])
    run.log({"shown": wandb.Table(columns=["x", "y"], data=[[1, 2], [3, 4]])})
    for name in ("holder", "second-holder"):
        holder = wandb.Artifact(name, type="dataset")
        holder.add(table, "table")
        run.log_artifact(holder).wait()
    source = wandb.Artifact("source", type="dataset")
    source.add_file("a.txt")
    run.log_artifact(source).wait()
    reference = wandb.Artifact("reference", type="dataset")
    reference.add_reference(wandb.Api().artifact("tables/source:v0").get_entry("a.txt"), name="there.txt")
    run.log_artifact(reference).wait()
api = wandb.Api()
produced = api.run("tables/t").logged_artifacts()
print("SAID", json.dumps({
    "tables": [api.artifact(f"tables/{name}:latest").get("table").data for name in ("holder", "second-holder")],
    "shown": api.artifact("tables/run-t-shown:latest").get("shown").data,
    "there": open(api.artifact("tables/reference:v0").get_entry("there.txt").download()).read(),
    "types": sorted(one.type for one in produced),
}))
""",
        wandb_env,
    )
    assert answer == {
        "tables": [[[1, 2], [3, 4]]] * 2,
        "shown": [[1, 2], [3, 4]],
        "there": "alpha",
        "types": ["dataset", "dataset", "dataset", "dataset", "run_table"],
    }


@pytest.mark.on_both
def test_versions_and_collections_are_changed_and_deleted(wandb_env: Environment) -> None:
    answer = said(
        """
import json, wandb

def refused(call):
    try:
        call()
    except Exception as error:
        return str(error)

with wandb.init(project="changes") as run:
    for number in range(3):
        version = wandb.Artifact("data", type="dataset")
        with version.new_file("a.txt") as file:
            file.write(str(number))
        run.log_artifact(version, aliases=["best"] if number == 1 else []).wait()
    link = refused(lambda: run.link_artifact(version, "somewhere/else"))
version = wandb.Api().artifact("changes/data:v0")
version.description, version.tags = "new", ["t"]
version.metadata["k"] = 1
version.aliases.append("mine")
version.save()
collection = wandb.Api().artifact_collection("dataset", "changes/data")
collection.description, collection.tags = "all of it", ["c"]
collection.save()
collection.name = "other"
rename = refused(collection.save)
best = wandb.Api().artifact("changes/data:best")
held = refused(best.delete)
best.delete(delete_aliases=True)
wandb.Api().artifact("changes/data:latest").delete(delete_aliases=True)
version = wandb.Api().artifact("changes/data:mine")
collection = wandb.Api().artifact_collection("dataset", "changes/data")
seen = [version.name, version.description, version.tags, version.metadata, sorted(version.aliases)]
seen += [collection.description, collection.tags, sorted(collection.aliases)]
collection.delete()
print("SAID", json.dumps([seen, link, rename, held, wandb.Api().artifact_exists("changes/data:v0")]))
""",
        wandb_env,
    )
    seen, link, rename, held, there = answer
    assert seen == ["data:mine", "new", ["t"], {"k": 1}, ["latest", "mine"], "all of it", ["c"], ["latest", "mine"]]
    assert "this server does not support linkArtifact yet" in link
    assert "keeps its name" in rename
    assert "has the aliases best: delete them with it" in held
    assert there is False
