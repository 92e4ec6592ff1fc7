"""Who a run is, from environment variables."""

import os

os.environ.update(
    WANDB_RUN_GROUP="experiment_1",
    WANDB_JOB_TYPE="train",
    WANDB_PROJECT="env-" + os.urandom(3).hex(),
    WANDB_NAME="from-env",
    WANDB_TAGS="alpha,beta",
    WANDB_NOTES="notes from env",
    WANDB_ENTITY="ada",
    WANDB_RUN_ID="envrun-" + os.urandom(4).hex(),
)
import wandb
from wandb.sdk.lib import runid

assert len(runid.generate_id()) == 8
with wandb.init() as run:
    for i in range(5):
        run.log({"x": i})
stored = wandb.Api().run(f"{run.entity}/{run.project}/{os.environ['WANDB_RUN_ID']}")
assert (stored.group, stored.job_type, stored.name, stored.notes) == (
    "experiment_1",
    "train",
    "from-env",
    "notes from env",
)
assert sorted(stored.tags) == ["alpha", "beta"]
assert [row["x"] for row in stored.scan_history()] == list(range(5))
