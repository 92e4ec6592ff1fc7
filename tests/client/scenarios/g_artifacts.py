"""Artifacts: log (dataset, model), aliases, use, download, a second version, read back."""

import os
import tempfile

import wandb

PROJECT = "artifacts-" + os.urandom(3).hex()
os.chdir(tempfile.mkdtemp())
os.makedirs("data/sub")
for name, data in {"data/a.txt": b"alpha\n", "data/sub/b.bin": bytes(range(200))}.items():
    with open(name, "wb") as file:
        file.write(data)


def text(folder):
    with open(os.path.join(folder, "a.txt")) as file:
        return file.read()


with wandb.init(project=PROJECT, job_type="make") as run:
    first = wandb.Artifact("my-data", type="dataset", description="d", metadata={"rows": 2})
    first.add_dir("data")
    run.log_artifact(first, aliases=["first"])
    first.wait()
    run.log_model("data/a.txt", name="my-model")
with wandb.init(project=PROJECT, job_type="make") as run:
    with open("data/a.txt", "a") as file:
        file.write("more\n")
    second = wandb.Artifact("my-data", type="dataset")
    second.add_dir("data")
    second.add_reference("https://example.com/rows.csv", name="rows.csv", checksum=False)
    run.log_artifact(second).wait()
assert (first.version, second.version) == ("v0", "v1")
os.environ["WANDB_CACHE_DIR"] = tempfile.mkdtemp()  # or the client has all that it logged there
with wandb.init(project=PROJECT, job_type="use") as run:
    latest = run.use_artifact("my-data:latest")
    folder = latest.download(root="dl")
    assert text(folder) == "alpha\nmore\n"
    assert text(run.use_artifact("my-data:first").download(root="dl0")) == "alpha\n"
    assert os.path.exists(run.use_model("my-model:latest"))
    entity, user = run.entity, run.id
api = wandb.Api()
stored = api.artifact(f"{entity}/{PROJECT}/my-data:latest")
assert sorted(file.name for file in stored.files()) == ["a.txt", "sub/b.bin"]
assert [run.id for run in stored.used_by()] == [user]
versions = [version.version for version in api.artifacts("dataset", f"{entity}/{PROJECT}/my-data")]
assert versions == ["v1", "v0"], versions
assert [found.name for found in api.artifact_type("dataset", f"{entity}/{PROJECT}").collections()] == ["my-data"]
maker = api.run(f"{entity}/{PROJECT}/{stored.logged_by().id}")
assert "my-data:v1" in {artifact.name for artifact in maker.logged_artifacts()}
used = {artifact.name for artifact in api.run(f"{entity}/{PROJECT}/{user}").used_artifacts()}
assert {"my-data:v0", "my-data:v1", "my-model:v0"} <= used, used
