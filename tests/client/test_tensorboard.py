"""What TensorBoard's writers are told, as the unmodified client reads it out of their event files and sends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.conftest import Stored
from tests.client.test_client import Environment, complaints
from tests.live import run_script

pytestmark = pytest.mark.client

# The client asks whether there is a module of this name and reads event files itself; writers are tensorboardX's.
ASKED_FOR = "tensorboard"
ALWAYS_SAID = "Unsupported tensorboard configuration"  # without TensorFlow and PyTorch

CODE = """
import struct, zlib
import numpy as np, wandb
from tensorboardX import SummaryWriter
from tensorboardX.proto.summary_pb2 import Summary

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

pixels = zlib.compress(b"".join(b"\\0" + bytes([shade] * 24) for shade in range(8)))
header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
png = b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")

wandb.tensorboard.patch(root_logdir="logs")
with wandb.init(project="tensorboard", id="t", config={"lr": 0.1}) as run:
    for name in ("train", "val"):
        writer = SummaryWriter(f"logs/{name}")
        for step in range(0, 50, 10):
            writer.add_scalar("loss", 1 / (step + 1), step)
            writer.add_histogram("weights", np.arange(100.0), step)
        image = Summary.Image(height=8, width=8, colorspace=3, encoded_image_string=png)
        writer.file_writer.add_summary(Summary(value=[Summary.Value(tag="picture", image=image)]), 40)
        writer.close()
"""


def test_scalars_histograms_and_images_of_two_writers_are_stored_by_their_own_steps(
    wandb_env: Environment, stored: Stored, tmp_path: Path
) -> None:
    (tmp_path / ASKED_FOR).mkdir()
    (tmp_path / ASKED_FOR / "__init__.py").touch()
    done = run_script(CODE, wandb_env | {"PYTHONPATH": str(tmp_path)})
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
        assert run["files"][picture["filenames"][0]] == 89
    assert sorted(row["_step"] for row in run["history"]) == list(range(run["history_lines"]))
