"""Seven runs, read back in every common way, changed and deleted. Older clients lack some of the ways."""

import inspect
import os
import tempfile

import wandb

PROJECT = "readback-" + os.urandom(4).hex()
ids = []
for k in range(7):
    run = wandb.init(
        project=PROJECT,
        group="experiment_1" if k < 5 else "experiment_2",
        job_type="train" if k % 2 else "eval",
        name=f"r{k}",
        config={"lr": 0.1 * k, "opt": {"name": "adam"}},
        tags=["odd" if k % 2 else "even"],
    )
    for i in range(1200 if k == 0 else 20):
        run.log({"loss": 1.0 / (i + 1 + k), "acc": i} if i % 2 == 0 else {"loss": 1.0 / (i + 1 + k)})
    print("run", k)
    run.summary["final"] = k
    if k == 0:
        with open("note.txt", "w") as file:
            file.write("hello")
        run.save("note.txt", policy="now")
    ids.append(run.id)
    entity = run.entity
    run.finish()

api = wandb.Api(timeout=30)
path = f"{entity}/{PROJECT}"
assert (api.viewer.username, api.default_entity) == (entity, entity)


def takes(function, name):
    return name in inspect.signature(function).parameters


def refusal(ask):
    try:
        ask()
    except Exception as error:
        return str(error)
    return ""


def names(filters=None, order="+created_at", **more):
    found = api.runs(path, filters=filters, order=order, **more)
    listed = [run.name for run in found]
    assert len(found) == len(listed)
    return "".join(name[1:] for name in listed)


# Runs: filters, orders, pages.
assert names({"group": "experiment_1"}, per_page=2) == "01234"
assert names(order="-summary_metrics.final") == "6543210"
assert names(order="-config.lr.value", per_page=3) == "6543210"
assert names(order="-created_at") == "6543210"
for filters, found in [
    ({"config.lr": {"$gt": 0.25}}, "3456"),
    ({"config.opt.name": "adam"}, "0123456"),
    ({"$and": [{"group": "experiment_1"}, {"jobType": "eval"}]}, "024"),
    ({"$or": [{"displayName": "r1"}, {"displayName": {"$regex": "^r[56]$"}}]}, "156"),
    ({"state": {"$in": ["finished"]}}, "0123456"),
    ({"summary_metrics.final": {"$gte": 5}}, "56"),
    ({"tags": {"$in": ["odd"]}}, "135"),
    ({"tags": "even"}, "0246"),
    ({"state": {"$ne": "running"}}, "0123456"),
    ({"created_at": {"$gt": "2020-01-01T00:00:00"}}, "0123456"),
    ({"config.lr": {"$gt": 0.15}, "group": "experiment_1"}, "234"),
    ({"name": ids[3]}, "3"),
    ({"username": entity}, "0123456"),
]:
    assert names(filters) == found, filters
assert "$where" in refusal(lambda: names({"config.lr": {"$where": "1"}}))

# One run.
run = api.run(f"{path}/{ids[0]}")
assert (run.id, run.name, run.group, run.job_type, run.state) == (ids[0], "r0", "experiment_1", "eval", "finished")
assert (run.tags, run.config) == (["even"], {"lr": 0.0, "opt": {"name": "adam"}})
assert (run.summary["final"], run.summary["loss"]) == (0, 1 / 1200)
assert run.lastHistoryStep == 1199
assert {"loss", "acc"} <= set(run.history_keys["keys"]) if hasattr(run, "history_keys") else True

# Its history, sampled and whole.
assert len(run.history(pandas=False)) == 500
sampled = run.history(keys=["loss", "acc"], samples=100, pandas=False)
assert len(sampled) == 100
assert all(row["acc"] == row["_step"] for row in sampled)
assert run.history(samples=3, pandas=False)[0]["loss"] == 1
for row in run.history(stream="system", pandas=False):  # old clients measure too late for so short a run
    assert any(key.startswith("system.") for key in row), row
rows = list(run.scan_history())
assert [row["_step"] for row in rows] == list(range(1200))
assert [row["loss"] for row in rows] == [1.0 / (i + 1) for i in range(1200)]
rows = list(run.scan_history(keys=["loss", "acc"], page_size=500))
assert [row["acc"] for row in rows] == list(range(0, 1200, 2))
assert [row["_step"] for row in run.scan_history(min_step=100, max_step=110)] == list(range(100, 110))
found = api.runs(path, filters={"group": "experiment_1"})
if hasattr(found, "histories"):
    assert len(found.histories(samples=10, keys=["loss"])) == 50

# Its files and its console.
assert {"note.txt", "config.yaml", "wandb-summary.json", "wandb-metadata.json"} <= {file.name for file in run.files()}
assert len(list(run.files(per_page=2))) == len(list(run.files()))
if takes(run.files, "pattern"):
    assert [file.name for file in run.files(pattern="%.yaml")] == ["config.yaml"]
with tempfile.TemporaryDirectory() as folder:
    run.file("note.txt").download(root=folder, replace=True)
    with open(os.path.join(folder, "note.txt")) as file:
        assert file.read() == "hello"
    with open(os.path.join(folder, "up.txt"), "w") as file:
        file.write("uploaded later")
    assert run.upload_file(os.path.join(folder, "up.txt"), root=folder).name == "up.txt"
run.file("up.txt").delete()
assert "up.txt" not in {file.name for file in run.files()}
assert run.metadata["program"] or run.metadata["python"]
if hasattr(run, "console_logs"):
    assert any("run 0" in line.content for line in run.console_logs())
    assert len(list(run.console_logs(last=1))) == 1

# Changes.
run.config["edited"] = 1
run.tags.append("edited")
run.name = "renamed"
run.notes = "edited notes"
run.summary["post"] = 99
run.update()
again = wandb.Api().run(f"{path}/{ids[0]}")
assert (again.name, again.tags, again.notes) == ("renamed", ["even", "edited"], "edited notes")
assert again.config == {"lr": 0.0, "opt": {"name": "adam"}, "edited": 1}
assert (again.summary["post"], again.summary["final"]) == (99, 0)
assert len(list(again.scan_history())) == 1200

# Projects; runs made and deleted.
assert PROJECT in [project.name for project in api.projects(entity)]
if hasattr(api, "create_run"):
    assert api.create_run(project=PROJECT, entity=entity).state == "running"
    assert len(wandb.Api().runs(path)) == 8
before = len(wandb.Api().runs(path))
api.run(f"{path}/{ids[6]}").delete()
assert len(wandb.Api().runs(path)) == before - 1
for gone in (f"{path}/{ids[6]}", f"{path}/doesnotexist", f"{entity}/no-such-project/{ids[0]}"):
    assert "ould not find" in refusal(lambda gone=gone: wandb.Api().run(gone))
api.create_project(PROJECT + "x", entity)
assert PROJECT + "x" in [project.name for project in wandb.Api().projects(entity)]
again.wait_until_finished()
