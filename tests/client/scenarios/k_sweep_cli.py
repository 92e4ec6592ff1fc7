"""A sweep from the command line: wandb sweep FILE, wandb agent, pause, resume, stop."""

import os
import re
import subprocess
import sys
import tempfile

import wandb

PROJECT = "sweepcli-" + os.urandom(3).hex()
folder = tempfile.mkdtemp()
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]  # the agent runs "python"
with open(os.path.join(folder, "train.py"), "w") as file:
    file.write("import wandb\nwith wandb.init() as run:\n    run.log({'loss': run.config['lr']})\n")
with open(os.path.join(folder, "sweep.yaml"), "w") as file:
    file.write("program: train.py\nmethod: grid\nmetric: {name: loss}\nparameters:\n  lr: {values: [1, 2, 3]}\n")


def cli(*arguments):
    done = subprocess.run([sys.executable, "-m", "wandb", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout + done.stderr


sweep = re.search(r"wandb agent (\S+)", cli("sweep", "--project", PROJECT, "sweep.yaml"))[1]
cli("agent", "--count", "1", sweep)
cli("sweep", "--pause", sweep)
assert wandb.Api().sweep(sweep).state == "PAUSED"
cli("sweep", "--resume", sweep)
cli("agent", "--count", "1", sweep)
cli("sweep", "--stop", sweep)
stored = wandb.Api().sweep(sweep)
assert stored.state == "FINISHED"
assert sorted(run.config["lr"] for run in stored.runs) == [1, 2]
assert {run.state for run in stored.runs} == {"finished"}
