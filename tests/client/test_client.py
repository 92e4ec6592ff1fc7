"""The unmodified wandb client against `manage.py serve`: it runs without a complaint, and all it logged is there."""

from __future__ import annotations

import math
import re
import subprocess
import sys

import pytest

from tests.client.conftest import Stored
from tests.live import LiveServer, run_script

pytestmark = pytest.mark.client

Environment = dict[str, str]


def complaints(output: str) -> list[str]:
    """Lines in which the client warns of something; what it says of `run.save` on every server is left out."""
    said = [line for line in output.splitlines() if re.search(r"WARNING|ERROR|[Ff]atal|Traceback", line)]
    return [line for line in said if "Symlinked" not in line]


def run_clean(code: str, environment: Environment, *arguments: str) -> None:
    done = run_script(code, environment, *arguments)
    assert done.returncode == 0, done.stderr
    assert complaints(done.stdout + done.stderr) == []


@pytest.mark.on_both
def test_an_ordinary_run_is_stored_as_logged(wandb_env: Environment, stored: Stored) -> None:
    run_clean(
        """
import time, wandb
run = wandb.init(
    project="ordinary", group="experiment_1", job_type="eval", name="basic-run", notes="a note", tags=["alpha", "beta"],
    config={"lr": 0.01, "opt": {"name": "adam", "betas": [0.9, 0.999]}, "none": None, "flag": True},
    settings=wandb.Settings(x_stats_sampling_interval=0.5),
)
for i in range(200):
    run.log({"loss": 1.0 / (i + 1), "nested": {"a": i, "b": {"c": i * 2}}})
time.sleep(3)  # A shorter run may end before the client has measured its machine.
run.summary["best_acc"] = 0.987
run.finish()
""",
        wandb_env,
    )
    (run,) = stored("ordinary")
    assert (run["group"], run["job_type"], run["display_name"]) == ("experiment_1", "eval", "basic-run")
    assert (run["notes"], run["tags"]) == ("a note", ["alpha", "beta"])
    assert (run["state"], run["exit_code"]) == ("finished", 0)
    assert run["config"] == {"lr": 0.01, "opt": {"name": "adam", "betas": [0.9, 0.999]}, "none": None, "flag": True}
    assert (run["history_lines"], run["last_step"]) == (200, 199)
    logged = [{"loss": 1.0 / (i + 1), "nested.a": i, "nested.b.c": i * 2, "_step": i} for i in range(200)]
    assert [{k: v for k, v in row.items() if k not in {"_runtime", "_timestamp"}} for row in run["history"]] == logged
    assert run["summary"]["best_acc"] == 0.987
    assert run["summary"]["loss"] == 1.0 / 200
    assert {"wandb-metadata.json", "config.yaml", "wandb-summary.json", "requirements.txt"} <= run["files"].keys()
    assert run["events"], "the client's machine metrics"


def test_group_and_job_type_come_from_the_environment(wandb_env: Environment, stored: Stored) -> None:
    settings = {
        "WANDB_RUN_GROUP": "experiment_1",
        "WANDB_JOB_TYPE": "train",
        "WANDB_PROJECT": "from-env",
        "WANDB_NAME": "named",
        "WANDB_TAGS": "alpha,beta",
        "WANDB_NOTES": "notes",
        "WANDB_RUN_ID": "envrun-1",
        "WANDB_ENTITY": "ada",
    }
    run_clean("import wandb\nwith wandb.init() as run:\n    run.log({'x': 1})", wandb_env | settings)
    (run,) = stored("from-env")
    assert (run["name"], run["group"], run["job_type"], run["display_name"]) == (
        "envrun-1",
        "experiment_1",
        "train",
        "named",
    )
    assert (run["tags"], run["notes"]) == (["alpha", "beta"], "notes")


@pytest.mark.on_both
def test_awkward_values_and_metric_definitions_survive(wandb_env: Environment, stored: Stored) -> None:
    run_clean(
        """
import numpy as np
import wandb
run = wandb.init(project="metrics", config={"lr": 0.1})
run.define_metric("val/*", step_metric="epoch")
run.define_metric("train/loss", summary="min")
for step in range(4):
    run.log({"train/loss": 1.0 / (step + 1), "epoch": step // 2})
run.config.update({"lr": 0.05}, allow_val_change=True)
run.config["later"] = {"deep": [1, {"x": None}]}
run.log({"nan": float("nan"), "pinf": float("inf"), "ninf": float("-inf")})
run.log({"f32": np.float32(0.1), "big": 2**60, "bool": True, "str": "text", "none": None, "list": [1, 2, 3]})
run.log({"a": {"b": {"c": 1}, "d.e": 2}, "dot.key": 3, "unicode ключ": 4})
run.log({"explicit": 1}, step=100)
run.summary.update({"nested": {"x": 1}})
run.finish()
""",
        wandb_env,
    )
    (run,) = stored("metrics")
    assert run["config"] == {"lr": 0.05, "later": {"deep": [1, {"x": None}]}}
    rows = {row["_step"]: row for row in run["history"]}
    assert math.isnan(rows[4]["nan"])
    assert (rows[4]["pinf"], rows[4]["ninf"]) == (math.inf, -math.inf)
    awkward = {key: rows[5][key] for key in ("big", "bool", "str", "none", "list")}
    assert awkward == {"big": 2**60, "bool": True, "str": "text", "none": None, "list": [1, 2, 3]}
    assert rows[6]["unicode ключ"] == 4
    assert rows[100]["explicit"] == 1
    assert run["summary"]["train/loss"] == {"min": 0.25}
    assert run["summary"]["nested"] == {"x": 1}
    assert {definition.get("1") or definition.get("2") for definition in run["client_info"]["m"]} >= {
        "epoch",
        "train/loss",
    }


@pytest.mark.parametrize(
    ("ending", "state", "exit_code"),
    [
        ("pass", "finished", 0),
        ("raise RuntimeError('boom')", "failed", 1),
        ("sys.exit(3)", "failed", 3),
        ("run.finish(exit_code=5)", "failed", 5),
        ("run.mark_preempting(); run.finish(exit_code=1)", "preempted", 1),
    ],
)
def test_a_run_ends_in_the_state_its_process_tells(
    ending: str, state: str, exit_code: int, wandb_env: Environment, stored: Stored
) -> None:
    project = f"ends-{state}-{exit_code}"
    run_script(f"import sys, wandb\nrun = wandb.init(project={project!r})\nrun.log({{'x': 1}})\n{ending}", wandb_env)
    (run,) = stored(project)
    assert (run["state"], run["exit_code"]) == (state, exit_code)
    assert [row["x"] for row in run["history"]] == [1]


def test_a_process_killed_outright_leaves_a_running_run_with_its_points(wandb_env: Environment, stored: Stored) -> None:
    code = """
import os, signal, time, wandb
run = wandb.init(project="killed", settings=wandb.Settings(x_file_stream_transmit_interval=1))
run.log({"x": 1})
run.log({"x": 2})
time.sleep(6)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert run_script(code, wandb_env).returncode == -9
    (run,) = stored("killed")
    assert run["state"] == "running"
    assert run["history"][0]["x"] == 1


@pytest.mark.on_both
def test_the_stop_button_interrupts_the_script(wandb_env: Environment, stored: Stored) -> None:
    code = """
import threading, time, wandb
run = wandb.init(project="stopped", settings=wandb.Settings(x_file_stream_transmit_interval=0.5))
path = f"{run.entity}/{run.project}/{run.id}"
def stop():
    wandb.Api().run(path).stop()
    print("asked to stop")
threading.Timer(2, stop).start()
try:
    for i in range(20):
        run.log({"x": i})
    for _ in range(1200):
        time.sleep(0.1)  # the client may swallow what interrupts it inside of log()
except KeyboardInterrupt:
    print("interrupted")
    raise
"""
    done = run_script(code, wandb_env)
    assert "asked to stop" in done.stdout, done.stderr
    assert "interrupted" in done.stdout
    (run,) = stored("stopped")
    assert (run["state"], run["exit_code"]) == ("killed", 255)


@pytest.mark.on_both
def test_many_processes_make_one_project_and_one_group(wandb_env: Environment, stored: Stored) -> None:
    code = """
import sys, wandb
k = int(sys.argv[1])
with wandb.init(project="many", group="experiment_1", job_type="train" if k else "eval", name=f"rank-{k}") as run:
    for i in range(50):
        run.log({"loss": (k + 1) / (i + 1)})
"""
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(k)], env=wandb_env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for k in range(4)
    ]
    assert [rank.wait(timeout=120) for rank in ranks] == [0, 0, 0, 0]
    runs = {run["display_name"]: run for run in stored("many")}
    assert {run["group"] for run in runs.values()} == {"experiment_1"}
    for k in range(4):
        assert [row["loss"] for row in runs[f"rank-{k}"]["history"]] == [(k + 1) / (i + 1) for i in range(50)]


@pytest.mark.on_both
def test_several_writers_share_one_run_without_losing_a_line(wandb_env: Environment, stored: Stored) -> None:
    code = """
import sys, time, wandb
k = int(sys.argv[1])
settings = wandb.Settings(mode="shared", x_primary=(k == 0), x_label=f"rank_{k}", x_update_finish_state=(k == 0))
with wandb.init(project="shared", id="shared-1", settings=settings, group="shared") as run:
    for i in range(30):
        run.log({f"rank{k}/loss": i, "common": k})
        print("rank", k, "line", i)
    run.summary[f"done{k}"] = 1
    if k == 0:
        time.sleep(8)
"""
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(k)], env=wandb_env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for k in range(3)
    ]
    assert [rank.wait(timeout=120) for rank in ranks] == [0, 0, 0]
    (run,) = stored("shared")
    assert run["history_lines"] == 90
    for k in range(3):
        assert [row[f"rank{k}/loss"] for row in run["history"] if row["common"] == k] == list(range(30))
        assert run["summary"][f"done{k}"] == 1
        console = [line for line in run["console"] if f"rank {k} line" in line]
        assert len(console) == 30
    assert run["state"] == "finished"


@pytest.mark.on_both
def test_a_resumed_run_goes_on_where_it_stopped(wandb_env: Environment, stored: Stored) -> None:
    code = """
import sys, wandb
resume, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with wandb.init(project="resumed", id="again", resume=resume, config={f"from{first}": True}) as run:
    for i in range(first, last):
        run.log({"x": i})
"""
    run_clean(code, wandb_env, "allow", "0", "10")
    run_clean(code, wandb_env, "must", "10", "15")
    (run,) = stored("resumed")
    assert [(row["_step"], row["x"]) for row in run["history"]] == [(i, i) for i in range(15)]
    assert run["config"] == {"from0": True, "from10": True}
    refused = run_script(code, wandb_env, "never", "0", "1")
    assert refused.returncode != 0
    assert len(stored("resumed")[0]["history"]) == 15


@pytest.mark.on_both
def test_the_same_id_without_resume_starts_the_run_anew(wandb_env: Environment, stored: Stored) -> None:
    code = """
import sys, wandb
with wandb.init(project="anew", id="same") as run:
    for i in range(int(sys.argv[1])):
        run.log({"x": i * int(sys.argv[2])})
"""
    run_clean(code, wandb_env, "20", "1")
    run_clean(code, wandb_env, "5", "100")
    (run,) = stored("anew")
    assert [row["x"] for row in run["history"]] == [0, 100, 200, 300, 400]


@pytest.mark.on_both
def test_console_output_and_saved_files_arrive(wandb_env: Environment, stored: Stored, live: LiveServer) -> None:
    code = r"""
import sys, wandb
run = wandb.init(project="files", settings=wandb.Settings(console="wrap"))
print("stdout line")
print("stderr line", file=sys.stderr)
print("\x1b[31mred\x1b[0m unicode é")
open("a b#%é.txt", "w").write("hello")
run.save("a b#%é.txt", policy="end")
run.log({"x": 1})
run.finish()
"""
    run_clean(code, wandb_env)
    (run,) = stored("files")
    console = "\n".join(run["console"])
    assert "stdout line" in console
    assert re.search(r"^ERROR .*stderr line", console, re.M)
    assert "unicode é" in console
    assert run["files"]["a b#%é.txt"] == 5
    assert run["files"]["output.log"] > 0


def test_a_wrong_key_stops_the_client_with_a_clear_word(wandb_env: Environment, stored: Stored) -> None:
    done = run_script("import wandb\nwandb.init(project='locked')", wandb_env | {"WANDB_API_KEY": "x" * 40}, timeout=60)
    assert done.returncode != 0
    assert "not logged in" in done.stderr or "401" in done.stderr
    assert stored("locked") == []
