"""What TensorBoard's writers are told, as the unmodified client reads it out of their event files and sends it."""

from __future__ import annotations

import pytest

from tests.client.conftest import Stored
from tests.client.test_client import Environment, complaints
from tests.live import run_script

pytestmark = pytest.mark.client

ALWAYS_SAID = "Unsupported tensorboard configuration"  # without TensorFlow and PyTorch

CODE = """
import numpy as np, wandb
from tensorboardX import SummaryWriter

wandb.tensorboard.patch(root_logdir="logs")
with wandb.init(project="tensorboard", id="t", config={"lr": 0.1}) as run:
    for name in ("train", "val"):
        writer = SummaryWriter(f"logs/{name}")
        for step in range(0, 50, 10):
            writer.add_scalar("loss", 1 / (step + 1), step)
            writer.add_histogram("weights", np.arange(100.0), step)
        writer.add_image("picture", np.full((3, 8, 8), 0.5), 40)
        writer.close()
"""


def test_scalars_histograms_and_images_of_two_writers_are_stored_by_their_own_steps(
    wandb_env: Environment, stored: Stored
) -> None:
    done = run_script(CODE, wandb_env)
    assert done.returncode == 0, done.stderr
    assert [line for line in complaints(done.stdout + done.stderr) if ALWAYS_SAID not in line] == []
    (run,) = stored("tensorboard")
    assert (run["state"], run["config"]["lr"]) == ("finished", 0.1)
    for name in ("train", "val"):
        rows = [row for row in run["history"] if f"{name}/loss" in row]
        points = [(row["global_step"], row[f"{name}/loss"]) for row in rows]
        assert points == [(step, pytest.approx(1 / (step + 1), rel=1e-6)) for step in range(0, 50, 10)]
        (histogram, *_) = [row[f"{name}/weights"] for row in run["history"] if f"{name}/weights" in row]
        assert histogram["_type"] == "histogram"
        assert sum(histogram["values"]) == 100
        assert [file for file in run["files"] if file.startswith(f"{name}/events.out.tfevents")]
        (picture,) = [row[f"{name}/picture"] for row in run["history"] if f"{name}/picture" in row]
        assert picture["filenames"][0] in run["files"]
    assert sorted(row["_step"] for row in run["history"]) == list(range(run["history_lines"]))


def test_one_writer_needs_no_more_than_sync_tensorboard(wandb_env: Environment, stored: Stored) -> None:
    code = """
import wandb
from tensorboardX import SummaryWriter

with wandb.init(project="tensorboard-one", sync_tensorboard=True):
    with SummaryWriter("logs") as writer:
        for step in range(3):
            writer.add_scalar("loss", step, step)
"""
    done = run_script(code, wandb_env)
    assert done.returncode == 0, done.stderr
    assert [line for line in complaints(done.stdout + done.stderr) if ALWAYS_SAID not in line] == []
    (run,) = stored("tensorboard-one")
    assert [(row["global_step"], row["loss"]) for row in run["history"] if "loss" in row] == [(0, 0), (1, 1), (2, 2)]
