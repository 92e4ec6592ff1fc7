"""One ordinary run: config, tags, notes, group, job type, 200 steps."""

import wandb

run = wandb.init(
    project="basic",
    group="experiment_1",
    job_type="eval",
    name="basic-run",
    notes="a note",
    tags=["alpha", "beta"],
    config={
        "lr": 0.01,
        "opt": {"name": "adam", "betas": [0.9, 0.999]},
        "layers": [64, 32],
        "none": None,
        "flag": True,
    },
)
path = f"{run.entity}/{run.project}/{run.id}"
for i in range(200):
    run.log({"loss": 1.0 / (i + 1), "nested": {"a": i, "b": {"c": i * 2}}})
    if i % 50 == 0:
        print("step", i)
run.summary["best_acc"] = 0.987
run.finish()

stored = wandb.Api().run(path)
assert (stored.name, stored.state, stored.group, stored.job_type) == ("basic-run", "finished", "experiment_1", "eval")
assert (stored.notes, stored.tags) == ("a note", ["alpha", "beta"])
assert stored.config["opt"] == {"name": "adam", "betas": [0.9, 0.999]}
assert (stored.config["lr"], stored.config["none"], stored.config["flag"]) == (0.01, None, True)
rows = list(stored.scan_history())
assert [row["loss"] for row in rows] == [1.0 / (i + 1) for i in range(200)]
assert [row["nested.b.c"] for row in rows] == [i * 2 for i in range(200)]
assert stored.summary["best_acc"] == 0.987
