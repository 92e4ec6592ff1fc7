"""Every recorded request is answered without an error, and leaves what was logged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runs.columns import leaves, typed
from runs.history import store
from runs.models import ConsoleLine, Run, RunFile, StreamName
from tests.wire.replay import Replay, requests_of, run_of

BASIC = ["a_basic"] + [
    f"a_basic_{version}"
    for version in ("0.15.12", "0.16.6", "0.17.9", "0.18.7", "0.19.11", "0.21.4", "0.23.1", "0.25.1", "0.27.2")
]
READBACK = ["j_readback", *(f"j_readback_{version}" for version in ("0.17.9", "0.19.11", "0.23.1", "0.27.2"))]
ALL = [*BASIC, *READBACK, "b_env", "c_metrics", "f_states", "f_stop", "g_media", "h_alert", "m_many", "n_files"]


def play(owner: Replay, name: str) -> list[dict[str, Any]]:
    requests = requests_of(name)
    for request in requests:
        if request["path"].endswith("file_stream"):
            _, _, entity, project, run, _ = request["path"].split("/")
            ensure_started(owner, project, run)
        elif request["path"] == "/graphql" and (id := (request["body"]["variables"] or {}).get("id")):
            ensure_started(owner, *run_of(id))
        answer = owner.send(request)
        if answer is None:
            continue
        assert answer.status_code == request.get("status", 200), (request, answer.content)
        if request["path"] == "/graphql":
            assert "errors" not in answer.json(), (request, answer.json())
    return requests


def ensure_started(owner: Replay, project: str, name: str) -> None:
    if not Run.objects.filter(project__name=project, name=name).exists():
        start = requests_of("a_basic")[1]
        start["body"]["variables"] |= {"project": project, "name": name}
        owner.send(start)


def everything() -> list[Any]:
    """All that is stored, without clocks."""
    runs = Run.objects.order_by("project__name", "name")
    return [
        (
            run.name, run.display_name, run.group, run.job_type, run.notes, run.tags, run.state, run.exit_code,
            json.dumps([run.config, run.client_info, run.summary], sort_keys=True),
            run.history_lines, run.last_step,
            [json.dumps(row, sort_keys=True) for row in store.rows(run_id=run.id, stream=StreamName.HISTORY)],
            [json.dumps(row, sort_keys=True) for row in store.rows(run_id=run.id, stream=StreamName.EVENTS)],
            list(run.console_lines.order_by("writer", "number").values_list("writer", "number", "text")),
            list(run.column_values.order_by("column").values_list("column__key", "kind", "number", "token", "text")),
            list(run.tag_rows.order_by("tag").values_list("tag", flat=True)),
            list(run.files.order_by("name").values_list("name", "size", "md5")),
        )
        for run in runs
    ]  # fmt: skip


def logged_rows(requests: list[dict[str, Any]], run: str) -> list[Any]:
    """The history a recording sent for one run, by line number of each writer, with dotted keys."""
    lines: dict[tuple[str, int], Any] = {}
    for request in requests:
        if f"/{run}/file_stream" not in request["path"]:
            continue
        part = request["body"].get("files", {}).get("wandb-history.jsonl")
        writer = request.get("headers", {}).get("X-Wandb-Async-Client-Id", "")
        for i, line in enumerate(part["content"] if part else ()):
            lines[writer, part["offset"] + i] = dict(leaves(json.loads(line)))
    return list(lines.values())


def as_text(rows: Any) -> list[str]:
    """Rows to compare: 1 and 1.0 are the same number."""
    return sorted(json.dumps({key: typed(value).token for key, value in row.items()}, sort_keys=True) for row in rows)


@pytest.mark.parametrize("name", ALL)
def test_a_recording_is_answered_without_errors_and_stored_line_by_line(owner: Replay, name: str) -> None:
    requests = play(owner, name)
    for run in Run.objects.all():
        stored = as_text(store.rows(run_id=run.id, stream=StreamName.HISTORY))
        logged = as_text(logged_rows(requests, run.name))
        assert stored == logged
        assert run.history_lines == len(logged)


@pytest.mark.parametrize("name", ALL)
def test_a_recording_sent_twice_leaves_the_same(owner: Replay, name: str) -> None:
    play(owner, name)
    once = everything()
    play(owner, name)
    assert everything() == once


@pytest.mark.parametrize("name", BASIC)
def test_the_basic_run_of_every_version_is_stored_as_logged(owner: Replay, name: str) -> None:
    play(owner, name)
    run = Run.objects.get()
    assert (run.group, run.job_type, run.display_name, run.notes) == ("experiment_1", "eval", "basic-run", "a note")
    assert run.tags == ["alpha", "beta"]
    assert list(run.tag_rows.order_by("tag").values_list("tag", flat=True)) == ["alpha", "beta"]
    assert run.config == {
        "lr": 0.01, "batch_size": 32, "opt": {"name": "adam", "betas": [0.9, 0.999]}, "layers": [64, 32],
        "none": None, "flag": True,
    }  # fmt: skip
    assert run.client_info["cli_version"] == (name.partition("a_basic_")[2] or "0.31.0")
    assert (run.state, run.exit_code) == ("finished", 0)
    assert (run.history_lines, run.last_step) == (200, 199)
    assert run.summary["best_acc"] == 0.987
    assert run.summary["nested"] == {"a": 199, "b": {"c": 398}}
    values = dict(run.column_values.values_list("column__key", "token"))
    assert values["lr"] == "n:0.01"
    assert values["opt.name"] == "s:adam"
    assert values["flag"] == "b:true"
    assert values["none"] == "z:"
    assert values["nested.b.c"] == "n:398"
    assert run.console_lines.count() == 5
    assert not run.console_lines.filter(text__endswith="\n").exists()


def test_files_of_a_run_are_kept_with_their_bytes(owner: Replay) -> None:
    requests = play(owner, "a_basic")
    run = Run.objects.get()
    names = {"requirements.txt", "output.log", "wandb-summary.json", "config.yaml", "wandb-metadata.json"}
    assert set(run.files.exclude(stored_as="").values_list("name", flat=True)) == names
    log = next(request["body"] for request in requests if request["path"].endswith("output.log"))
    answer = owner.client.get(
        f"/files/tester/wire-basic/{run.name}/output.log", headers={"Authorization": owner.authorization}
    )
    assert b"".join(answer.streaming_content).decode() == log


def test_settings_from_the_environment_are_stored(owner: Replay) -> None:
    play(owner, "b_env")
    run = Run.objects.get()
    assert (run.group, run.job_type, run.display_name) == ("experiment_1", "train", "from-env")
    assert (run.notes, run.tags) == ("notes from env", ["alpha", "beta"])


def test_odd_metrics_are_stored_as_logged(owner: Replay) -> None:
    play(owner, "c_metrics")
    run = Run.objects.get()
    assert run.config == {"lr": 0.025, "epochs": 3, "added_later": {"deep": [1, {"x": None}]}}
    assert [metric["1"] for metric in run.client_info["m"] if "1" in metric][:2] == ["train/loss", "train/acc"]
    values = {key: (number, token) for key, number, token in run.column_values.values_list(
        "column__key", "number", "token"
    )}  # fmt: skip
    assert values["nan"] == (None, "n:nan")
    assert values["pinf"] == (None, "n:inf")
    assert values["ninf"] == (None, "n:-inf")
    assert values["big"][1] == "n:1152921504606846976"
    assert values["a.b.c"] == (1.0, "n:1")
    assert "_wandb.runtime" not in values


def test_runs_end_as_their_processes_did(owner: Replay) -> None:
    play(owner, "f_states")
    ends = {run.name.partition("-")[0]: (run.state, run.exit_code) for run in Run.objects.all()}
    assert ends == {
        "nofinish": ("finished", 0),
        "raise": ("failed", 1),
        "sysexit3": ("failed", 3),
        "finish5": ("failed", 5),
        "preempt": ("preempted", 1),
        "sigterm": ("running", None),
        "sigint": ("failed", 255),
        "sigkill": ("running", None),
    }


def test_a_stopped_run_is_told_so_and_ends_killed(owner: Replay) -> None:
    told = []
    for request in requests_of("f_stop"):
        answer = owner.send(request)
        if request["path"].endswith("file_stream"):
            told.append(answer.json().get("stopped", False))
    assert told[0] is False
    assert told[-1] is True
    owner.stream(f"tester/wire-states/{Run.objects.get().name}", {"complete": True, "exitcode": 255})
    run = Run.objects.get()
    assert (run.state, run.exit_code) == ("killed", 255)


def test_processes_of_one_run_do_not_overwrite_each_other(owner: Replay) -> None:
    play(owner, "m_many")
    shared = Run.objects.get(project__name="wire-shared")
    assert shared.history_lines == 120
    assert {f"done{rank}" for rank in range(4)} <= shared.summary.keys()
    assert len(shared.client_info["e"]) == 1  # only the first process describes its machine
    assert ConsoleLine.objects.filter(run=shared).values("writer").distinct().count() == 4
    assert shared.state == "finished"
    assert Run.objects.filter(project__name="wire-many", group="experiment_1", history_lines=50).count() == 4


def test_code_and_diff_are_kept_under_their_own_names(owner: Replay) -> None:
    play(owner, "n_files")
    names = set(RunFile.objects.exclude(stored_as="").values_list("name", flat=True))
    assert {"code/main.py", "diff.patch"} <= names
    run = Run.objects.get(name="92b6f0kp")
    assert run.git_remote == "https://example.com/me/repo.git"
    assert len(run.git_commit) == 40


def test_media_are_typed_values_whose_files_a_browser_may_show_or_save(owner: Replay) -> None:
    play(owner, "g_media")
    run = Run.objects.get()
    rows = list(store.rows(run_id=run.id, stream=StreamName.HISTORY))
    kinds = {key: value["_type"] for row in rows for key, value in row.items() if isinstance(value, dict)}
    assert kinds == {
        "hist": "histogram", "hist_np": "histogram", "img": "image-file", "imgs": "images/separated",
        "cm_table": "table-file", "html": "html-file",
    }  # fmt: skip
    for name, (kind, shown) in {
        rows[2]["img"]["path"]: ("image/png", "inline"),
        rows[3]["imgs"]["filenames"][0]: ("image/png", "inline"),
        rows[7]["cm_table"]["path"]: ("text/plain; charset=utf-8", "inline"),
        rows[8]["html"]["path"]: ("application/octet-stream", "attachment"),
        "sub/ckpt.bin": ("application/octet-stream", "attachment"),
    }.items():
        address = f"/files/tester/wire-media/{run.name}/{name}"
        answer = owner.client.get(address, headers={"Authorization": owner.authorization})
        assert (answer.status_code, answer["Content-Type"]) == (200, kind), name
        assert answer["Content-Disposition"].startswith(shown), name


def test_resume_overwrite_rewind_and_fork_leave_the_right_history(owner: Replay) -> None:
    requests = requests_of("d_resume")
    refused = [request for request in requests if request.get("operation") == "RewindRun"][-1]
    for request in requests:
        answer = owner.send(request)
        assert answer is None or answer.status_code == request.get("status", 200), answer.content
        if request["path"] == "/graphql":
            assert ("errors" in answer.json()) == (request is refused), answer.json()
    steps = {
        run.name.removeprefix("res96d8fad"): [
            row["_step"] for row in store.rows(run_id=run.id, stream=StreamName.HISTORY)
        ]
        for run in Run.objects.filter(project__name="wire-resume")
    }
    assert steps["f"] == [0, 1]  # the same id again, without resume: begun anew
    assert steps["fn"] == [0]
    assert steps["fb"] == [0, 1, 2, 3, 4, 5, 6]  # ten rows, rewound to step 4, two more
    assert steps["zbczh0j7"] == [0, 1, 2, 3, 4]  # up to step 3 its parent's
