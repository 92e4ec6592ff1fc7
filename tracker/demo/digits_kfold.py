"""5-fold cross-validation of small networks on scikit-learn's digits, logged with the wandb client.

One group per configuration (learning rate × batch size); in it, per fold, a run of job type `train` (loss and accuracy
on the training folds) and one of job type `eval` (the same on the fold held out), an epoch a step. Any server will do:

    WANDB_BASE_URL=http://127.0.0.1:8000 WANDB_API_KEY=… python digits_kfold.py

`--shard i/n` does every n-th fit only, so that several processes share the work.
"""

import argparse
import itertools

import numpy as np
import wandb
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier

PROJECT = "digits-kfold"
LEARNING_RATES = (0.3, 0.1, 0.03, 0.01)
BATCH_SIZES = (32, 128)
FOLDS = 5
EPOCHS = 30
HIDDEN = (32,)


def fit(learning_rate: float, batch_size: int, fold: int) -> None:
    """One fold of one configuration: two runs, open side by side."""
    x, y = load_digits(return_X_y=True)
    x = x / 16.0
    classes = np.unique(y)
    train, held_out = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(x, y))[fold]
    config = {
        "lr": learning_rate,
        "batch_size": batch_size,
        "fold": fold,
        "epochs": EPOCHS,
        "model": {"kind": "mlp", "hidden": list(HIDDEN), "activation": "relu"},
        "optimizer": {"name": "sgd", "momentum": 0.9},
    }
    model = MLPClassifier(
        HIDDEN, solver="sgd", learning_rate_init=learning_rate, batch_size=batch_size, momentum=0.9, random_state=fold
    )
    jobs = {"train": (x[train], y[train]), "eval": (x[held_out], y[held_out])}
    prefixes = {"train": "train", "eval": "val"}
    runs = {
        job: wandb.init(
            project=PROJECT,
            group=f"lr={learning_rate} bs={batch_size}",
            job_type=job,
            name=f"{job} fold {fold} lr={learning_rate} bs={batch_size}",
            tags=["demo", "k-fold"],
            config=config,
            reinit="create_new",
            settings=wandb.Settings(silent=True, x_disable_stats=True, console="off"),
        )
        for job in jobs
    }
    for _ in range(EPOCHS):
        model.partial_fit(x[train], y[train], classes=classes)
        for job, (inputs, labels) in jobs.items():
            probabilities = model.predict_proba(inputs)
            runs[job].log(
                {
                    f"{prefixes[job]}/loss": log_loss(labels, probabilities, labels=classes),
                    f"{prefixes[job]}/acc": accuracy_score(labels, classes[probabilities.argmax(axis=1)]),
                }
            )
    for run in runs.values():
        run.finish()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shard", default="0/1", help="i/n: do every n-th fit, beginning with the i-th")
    index, count = map(int, parser.parse_args().shard.split("/"))
    fits = list(itertools.product(range(FOLDS), BATCH_SIZES, LEARNING_RATES))
    for fold, batch_size, learning_rate in fits[index::count]:
        fit(learning_rate, batch_size, fold)
        print("done", flush=True)


if __name__ == "__main__":
    main()
