"""Runs with known numbers, for the tests of the API."""

from __future__ import annotations

import numpy as np

from projects.models import Project
from tests.factories import log_run

BASE = "/api/lab/digits"
SEEDS, STEPS = 4, 6


def losses(lr: float) -> np.ndarray:
    """(SEEDS, STEPS)."""
    return lr + np.sin(np.arange(SEEDS * STEPS)).reshape(SEEDS, STEPS)


def log(project: Project, name: str, lr: float, series: list[float]) -> None:
    rows = [{"loss": value} for value in series]
    log_run(project, name, rows, summary={"loss": series[-1]}, config={"lr": lr})
