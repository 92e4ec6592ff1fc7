"""Sweeps with the unmodified client: its agents try what there is to try, as people start them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.conftest import Stored
from tests.client.test_client import Environment, complaints, run_clean
from tests.live import run_script

pytestmark = pytest.mark.client

Wandb = Callable[..., str]

# An agent asks every five seconds; here more often, by the client's own setting.
SOON = "from wandb.agents.pyagent import Agent\nAgent.HEARTBEAT_SLEEP_SECONDS = 0.5\n"


@pytest.fixture
def command(wandb_env: Environment, tmp_path: Path) -> Wandb:
    """`wandb` on the command line, in a folder of its own; what it printed."""
    # The agent starts the sweep's program with whatever `python` it finds.
    environment = wandb_env | {"PATH": f"{Path(sys.executable).parent}:{wandb_env['PATH']}"}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "wandb", *arguments],
            env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def swept(printed: str) -> str:
    """`E/P/S` out of what `wandb sweep` prints."""
    return printed.partition("wandb agent ")[2].split()[0]


@pytest.mark.on_both
def test_two_agents_share_a_grid_and_end_when_all_is_tried(wandb_env: Environment, stored: Stored) -> None:
    made = run_script(
        """
import wandb
print("sweep", wandb.sweep({
    "method": "grid", "name": "shared", "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {
        "lr": {"values": [0.1, 0.01]},
        "opt": {"parameters": {"name": {"values": ["adam", "sgd"]}, "decay": {"value": 0.5}}},
    },
}, project="shared-grid"))
""",
        wandb_env,
    )
    sweep = made.stdout.partition("sweep ")[2].split()[-1]
    code = f"""
import sys, wandb
{SOON}
def train():
    with wandb.init(group="cv") as run:
        assert run.sweep_id == {sweep!r}
        run.log({{"loss": run.config["lr"] * (1 + (run.config["opt"]["name"] == "sgd"))}})
wandb.agent({sweep!r}, function=train, project="shared-grid")
"""
    agents = [
        subprocess.Popen(
            [sys.executable, "-c", code], env=wandb_env, cwd=wandb_env["WANDB_DIR"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    printed = [agent.communicate(timeout=120)[0] for agent in agents]
    assert [agent.returncode for agent in agents] == [0, 0], printed
    assert [complaints(text) for text in printed] == [[], []]
    runs = stored("shared-grid")
    assert {(run["sweep"], run["group"], run["state"]) for run in runs} == {(sweep, "cv", "finished")}
    assert sorted((run["config"]["lr"], run["config"]["opt"]["name"]) for run in runs) == [
        (0.01, "adam"), (0.01, "sgd"), (0.1, "adam"), (0.1, "sgd"),
    ]  # fmt: skip
    assert all(run["config"]["opt"]["decay"] == 0.5 for run in runs)
    run_clean(
        f"""
import wandb
sweep = wandb.Api().sweep("ada/shared-grid/{sweep}")
assert (sweep.name, sweep.state, sweep.config["method"]) == ("shared", "FINISHED", "grid"), sweep.state
assert sweep.expected_run_count == 4
assert sweep.order == "+summary_metrics.loss"
assert len(sweep.runs) == 4
best = sweep.best_run()
assert (best.config["lr"], best.config["opt"]["name"]) == (0.01, "adam"), best.config
assert best.sweep.id == {sweep!r}
assert [other.id for other in wandb.Api().project("shared-grid", "ada").sweeps()] == [{sweep!r}]
""",
        wandb_env,
    )


def test_a_configuration_that_means_nothing_is_refused_with_a_clear_word(wandb_env: Environment) -> None:
    code = """
import wandb
wandb.sweep({"method": "grid", "parameters": {"lr": {"min": 0.0, "max": 1.0}}}, project="refused")
"""
    done = run_script(code, wandb_env)
    assert done.returncode != 0
    assert "a grid needs values" in done.stderr


def test_the_worst_runs_of_a_sweep_are_ended_early(wandb_env: Environment, stored: Stored) -> None:
    """The first run is the best one; the second is ended by its agent, in the middle of a sleep."""
    done = run_script(
        f"""
import time, wandb
{SOON}
sweep = wandb.sweep({{
    "method": "grid", "metric": {{"name": "loss", "goal": "minimize"}}, "parameters": {{"lr": {{"values": [1, 2]}}}},
    "early_terminate": {{"type": "hyperband", "min_iter": 3, "strict": True}},
}}, project="hyperband")
def train():
    with wandb.init(settings=wandb.Settings(x_file_stream_transmit_interval=0.5)) as run:
        for _ in range(5 if run.config["lr"] == 1 else 600):
            run.log({{"loss": run.config["lr"]}})
            time.sleep(0.1)
wandb.agent(sweep, function=train, project="hyperband")
""",
        wandb_env,
    )
    assert done.returncode == 0, done.stderr
    best, worst = stored("hyperband")
    assert (best["state"], best["history_lines"]) == ("finished", 5)
    assert worst["state"] == "killed"
    assert 3 <= worst["history_lines"] < 600


@pytest.mark.on_both
def test_the_command_line_pauses_resumes_and_cancels_a_sweep(
    command: Wandb, wandb_env: Environment, stored: Stored, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text(
        "import sys, time, wandb\n"
        "with wandb.init() as run:\n"
        "    assert '--lr=0.1' in sys.argv, sys.argv\n"
        "    run.log({'loss': run.config['lr']})\n"
        "    if run.config['seed'] == 2:\n"
        "        open('long', 'w').close()\n"
        "        time.sleep(120)\n"
    )
    (tmp_path / "sweep.yaml").write_text(
        "program: train.py\nmethod: grid\nparameters:\n  lr: {value: 0.1}\n  seed: {values: [1, 2, 3]}\n"
    )
    sweep = swept(command("sweep", "--project", "by-command", "sweep.yaml"))
    command("sweep", "--resume", sweep)
    command("sweep", "--pause", sweep)
    command("sweep", "--resume", sweep)
    cancel = f"""
import os, subprocess, sys, time
while not os.path.exists("long"):
    time.sleep(0.2)
subprocess.run([sys.executable, "-m", "wandb", "sweep", "--cancel", {sweep!r}], check=True)
"""
    canceling = subprocess.Popen([sys.executable, "-c", cancel], env=wandb_env, cwd=tmp_path)
    command("agent", sweep)
    assert canceling.wait(timeout=60) == 0
    first, second = stored("by-command")
    assert (first["state"], first["config"]) == ("finished", {"lr": 0.1, "seed": 1})
    assert (second["state"], second["config"]) == ("killed", {"lr": 0.1, "seed": 2})
    assert {run["sweep"] for run in (first, second)} == {sweep.rpartition("/")[2]}


# The example of the vendor's documentation, in its shape: workers that wait for a fold are started first; the sweep's
# run hands its config to them; each logs a run of its own, in the group of the sweep, of the sweep run's job type.
CROSS_VALIDATION = """
import collections, multiprocessing, os
import wandb

Worker = collections.namedtuple("Worker", ("queue", "process"))

def reset_wandb_env():
    kept = {"WANDB_PROJECT", "WANDB_ENTITY", "WANDB_API_KEY"}
    for name in list(os.environ):
        if name.startswith("WANDB_") and name not in kept:
            del os.environ[name]

def train(sweep_q, worker_q):
    reset_wandb_env()
    work = worker_q.get()
    run = wandb.init(
        group=work["sweep_id"], job_type=work["sweep_run_name"], name=f"{work['sweep_run_name']}-{work['num']}",
        config=work["config"],
    )
    accuracy = work["config"]["base"] + work["num"] / 10
    run.log({"val_accuracy": accuracy})
    run.finish()
    sweep_q.put(accuracy)

def main():
    sweep_q = multiprocessing.Queue()
    workers = []
    for num in range(2):
        q = multiprocessing.Queue()
        process = multiprocessing.Process(target=train, kwargs={"sweep_q": sweep_q, "worker_q": q})
        process.start()
        workers.append(Worker(queue=q, process=process))
    sweep_run = wandb.init()
    metrics = []
    for num, worker in enumerate(workers):
        worker.queue.put({
            "sweep_id": sweep_run.sweep_id, "num": num, "sweep_run_name": sweep_run.name or sweep_run.id,
            "config": dict(sweep_run.config),
        })
        metrics.append(sweep_q.get())
        worker.process.join()
    sweep_run.log({"val_accuracy": sum(metrics) / len(metrics)})
    sweep_run.finish()

if __name__ == "__main__":
    main()
"""


def test_the_documented_cross_validation_makes_a_run_for_each_fold(
    command: Wandb, wandb_env: Environment, stored: Stored, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text(CROSS_VALIDATION)
    (tmp_path / "sweep.yaml").write_text(
        "program: train.py\nmethod: grid\nmetric: {name: val_accuracy, goal: maximize}\n"
        "parameters:\n  base: {values: [0.5, 0.25]}\n"
    )
    # The folds forget the server's address with all other variables: it has to stand in the settings.
    command("login", "--relogin", "--host", wandb_env["WANDB_BASE_URL"], wandb_env["WANDB_API_KEY"])
    sweep = swept(command("sweep", "--project", "cross-validation", "sweep.yaml")).rpartition("/")[2]
    command("agent", "--project", "cross-validation", sweep)
    runs = stored("cross-validation")
    parents = {run["display_name"]: run for run in runs if run["sweep"]}
    folds = [run for run in runs if not run["sweep"]]
    assert len(parents) == 2
    assert {run["sweep"] for run in parents.values()} == {sweep}
    assert sorted(run["summary"]["val_accuracy"] for run in parents.values()) == pytest.approx([0.3, 0.55])
    assert len(folds) == 4
    assert {run["group"] for run in folds} == {sweep}
    for run in folds:
        parent = parents[run["job_type"]]
        assert run["config"] == parent["config"]
        assert run["display_name"].startswith(f"{parent['display_name']}-")
    assert {run["state"] for run in runs} == {"finished"}
