"""A small experiment with known numbers, logged by the real client. As a script: experiment.py PROJECT."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

LEARNING_RATES = (0.003, 0.1, 0.3)
SEEDS = (0, 1, 2, 3)
STEPS = 40


def loss(learning_rate: float, seed: int) -> np.ndarray:
    """Value per step (STEPS,) of the run with this learning rate and seed."""
    return np.random.default_rng([int(learning_rate * 1000), seed]).normal(learning_rate, 0.05, STEPS)


def losses(learning_rate: float) -> np.ndarray:
    """(seeds, STEPS)."""
    return np.stack([loss(learning_rate, seed) for seed in SEEDS])


def log(project: str) -> None:
    import wandb

    runs = []
    for learning_rate in LEARNING_RATES:
        for seed in SEEDS:
            run = wandb.init(
                project=project,
                group=f"lr={learning_rate}",
                job_type="train",
                name=f"lr={learning_rate} seed={seed}",
                config={"lr": learning_rate, "seed": seed, "model": {"depth": 2 if seed % 2 else 4}},
                reinit="create_new",
                settings=wandb.Settings(silent=True, x_disable_stats=True, console="off"),
            )
            for value in loss(learning_rate, seed):
                run.log({"train/loss": value})
            runs.append(run)
    # A run waits at its end until all of it is with the server: they wait together.
    with ThreadPoolExecutor(len(runs)) as ending:
        list(ending.map(lambda run: run.finish(), runs))


if __name__ == "__main__":
    log(sys.argv[1])
