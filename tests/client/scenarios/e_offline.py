"""Offline runs, then `wandb sync`, once more, and once more by force."""

import os
import subprocess
import sys
import tempfile

import wandb

PROJECT = "offline-" + os.urandom(3).hex()
CHILD = r"""
import sys, wandb
project, k = sys.argv[1], int(sys.argv[2])
with wandb.init(project=project, mode="offline", group="offline-group", name=f"k{k}", config={"k": k}) as run:
    for i in range(20):
        run.log({"x": i * k})
    print("hello from offline", k)
    run.summary["final"] = k
"""
folder = tempfile.mkdtemp()
environment = {**os.environ, "WANDB_DIR": folder}
for k in range(2):
    subprocess.run([sys.executable, "-c", CHILD, PROJECT, str(k)], env=environment, check=True)
root = os.path.join(folder, "wandb")
folders = sorted(os.path.join(root, name) for name in os.listdir(root) if name.startswith("offline-run"))
assert len(folders) == 2, folders


def wandb_cli(*arguments):
    done = subprocess.run([sys.executable, "-m", "wandb", *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)


def check():
    api = wandb.Api()
    runs = api.runs(f"{api.default_entity}/{PROJECT}", order="+config.k.value")
    assert [run.name for run in runs] == ["k0", "k1"]
    for k, run in enumerate(runs):
        assert [row["x"] for row in run.scan_history()] == [i * k for i in range(20)]
        assert (run.state, run.group, run.summary["final"]) == ("finished", "offline-group", k)


wandb_cli("sync", folders[0])
wandb_cli("beta", "sync", folders[1])
check()
wandb_cli("sync", folders[0])
wandb_cli("sync", "--no-skip-synced", folders[0])
check()
