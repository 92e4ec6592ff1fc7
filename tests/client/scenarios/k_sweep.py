"""A sweep driven in the process: wandb.sweep and wandb.agent(function)."""

import os

import wandb

PROJECT = "sweep-" + os.urandom(3).hex()
sweep = wandb.sweep(
    {
        "name": "grid-sweep",
        "method": "grid",
        "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {"lr": {"values": [0.1, 0.01]}, "folds": {"value": 3}, "bs": {"values": [16, 32]}},
    },
    project=PROJECT,
)
seen, entities = [], set()


def train():
    with wandb.init(group="cv") as run:
        seen.append((run.config["lr"], run.config["bs"]))
        entities.add(run.entity)
        assert run.sweep_id == sweep
        for i in range(5):
            run.log({"loss": run.config["lr"] * (5 - i)})


wandb.agent(sweep, function=train, count=3, project=PROJECT)
wandb.agent(sweep, function=train, project=PROJECT)  # until nothing is left
assert sorted(seen) == [(0.01, 16), (0.01, 32), (0.1, 16), (0.1, 32)], seen
(entity,) = entities
stored = wandb.Api().sweep(f"{entity}/{PROJECT}/{sweep}")
assert (stored.state, stored.config["method"], len(stored.runs), stored.expected_run_count) == (
    "FINISHED",
    "grid",
    4,
    4,
)
assert stored.best_run().config["lr"] == 0.01
