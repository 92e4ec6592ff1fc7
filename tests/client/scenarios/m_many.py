"""Four processes at once: a run each in one group, then one run that all write."""

import os
import subprocess
import sys

import wandb

PROJECT = "many-" + os.urandom(3).hex()
OWN = r"""
import sys, wandb
project, k = sys.argv[1], int(sys.argv[2])
with wandb.init(project=project, group="experiment_1", job_type="train" if k else "eval", name=f"rank-{k}") as run:
    for i in range(50):
        run.log({"loss": (k + 1) / (i + 1)})
"""
SHARED = r"""
import sys, time, wandb
project, k = sys.argv[1], int(sys.argv[2])
s = wandb.Settings(mode="shared", x_primary=(k == 0), x_label=f"rank_{k}", x_update_finish_state=(k == 0))
with wandb.init(project=project, id="shared", settings=s) as run:
    for i in range(30):
        run.log({f"rank{k}/loss": i, "common": k})
    run.summary[f"done{k}"] = 1
    if k == 0:
        time.sleep(15)
"""
for code in (OWN, SHARED):
    children = [subprocess.Popen([sys.executable, "-c", code, PROJECT, str(k)]) for k in range(4)]
    assert [child.wait() for child in children] == [0] * 4
api = wandb.Api()
runs = api.runs(f"{api.default_entity}/{PROJECT}", filters={"group": "experiment_1"})
assert sorted((run.name, run.job_type) for run in runs) == [
    ("rank-0", "eval"), ("rank-1", "train"), ("rank-2", "train"), ("rank-3", "train"),
]  # fmt: skip
for run in runs:
    k = int(run.name[-1])
    assert [row["loss"] for row in run.scan_history()] == [(k + 1) / (i + 1) for i in range(50)]
shared = api.run(f"{api.default_entity}/{PROJECT}/shared")
assert shared.state == "finished"
assert all(shared.summary[f"done{k}"] == 1 for k in range(4))
for k in range(4):
    key = f"rank{k}/loss"
    assert sorted(row[key] for row in shared.history(keys=[key], samples=1000, pandas=False)) == list(range(30)), k
