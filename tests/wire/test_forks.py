"""Forked runs: their history begins with their parent's, whatever is repeated, and nobody else's changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runs.forks import PARENT
from runs.history import compaction, store
from runs.models import Run, Stream, StreamName
from tests.wire.replay import Replay
from tests.wire.test_graphql import HISTORY, UPSERT, message, upsert

BRANCH = '{"_wandb": {"value": {"t": {"5": "0.31.0"}, "branch_point": %s}}}'


def fork(owner: Replay, name: str = "child", **point: Any) -> Any:
    config = BRANCH % json.dumps({"run_id": "r", "step": 3} | point)
    return upsert(owner, name=name, config=config)["data"]["upsertBucket"]["bucket"]


def log(owner: Replay, run: str, steps: range, offset: int = 0, **more: Any) -> None:
    lines = [json.dumps({"_step": step, "x": step, "of": run, "deep": {"y": [step]}} | more) for step in steps]
    history = {"wandb-history.jsonl": {"offset": offset, "content": lines}}
    answer = owner.stream(f"tester/p/{run}", {"files": history})
    assert answer.status_code == 200, answer.content


def rows(name: str) -> list[tuple[int, str]]:
    found = store.rows(run_id=Run.objects.get(name=name).id, stream=StreamName.HISTORY)
    return [(row["_step"], row["of"]) for row in found]


@pytest.fixture
def parent(owner: Replay) -> None:
    upsert(owner)
    log(owner, "r", range(10))


BEGUN = [(step, "r") for step in range(4)]


@pytest.mark.usefixtures("parent")
class TestForks:
    def test_the_parents_rows_come_first_and_the_fork_counts_its_own(self, owner: Replay) -> None:
        assert fork(owner)["historyLineCount"] == 0
        assert fork(owner)["historyLineCount"] == 0, "the answer was lost"
        assert rows("child") == BEGUN
        log(owner, "child", range(4, 6))
        log(owner, "child", range(4, 6))
        assert rows("child") == [*BEGUN, (4, "child"), (5, "child")]
        run = Run.objects.get(name="child")
        assert (run.history_lines, run.last_step) == (6, 5)
        assert rows("r") == [(step, "r") for step in range(10)]
        text = HISTORY.replace('name: "r"', 'name: "child"')
        read = owner.query(text)["data"]["project"]["run"]["history"]
        assert [json.loads(row)["deep.y"] for row in read] == [[step] for step in range(6)]

    def test_whatever_the_parent_logs_later_is_its_own(self, owner: Replay) -> None:
        fork(owner, step=20)
        log(owner, "r", range(10, 12), offset=10)
        fork(owner, step=20)
        assert rows("child") == [(step, "r") for step in range(10)]

    def test_the_same_id_again_begins_anew_with_the_parents_rows(self, owner: Replay) -> None:
        fork(owner)
        log(owner, "child", range(4, 9))
        fork(owner)
        log(owner, "child", range(4, 6), again=True)
        assert rows("child") == [*BEGUN, (4, "child"), (5, "child")]
        assert (Run.objects.get(name="child").history_lines, Run.objects.get(name="child").last_step) == (6, 5)

    def test_forked_elsewhere_it_begins_with_other_rows_and_with_none_when_it_is_no_fork(self, owner: Replay) -> None:
        fork(owner)
        fork(owner, step=1)
        assert rows("child") == BEGUN[:2]
        assert (Run.objects.get(name="child").history_lines, Run.objects.get(name="child").last_step) == (2, 1)
        upsert(owner, name="child")
        assert rows("child") == []

    def test_a_resumed_fork_goes_on_and_a_rewound_one_is_cut(self, owner: Replay) -> None:
        key = fork(owner)["id"]
        log(owner, "child", range(4, 8))
        answer = owner.query(UPSERT, id=key, host="h", config='{"_wandb": {"value": {"t": {}}}}')
        assert answer["data"]["upsertBucket"]["bucket"]["historyLineCount"] == 4
        log(owner, "child", range(8, 9), offset=4)
        assert rows("child") == [*BEGUN, *((step, "child") for step in range(4, 9))]
        text = """mutation { rewindRun(input: {
          runName: "child", projectName: "p", metricName: "_step", metricValue: 1}) {
          rewoundRun { historyLineCount } } }"""
        assert owner.query(text)["data"]["rewindRun"]["rewoundRun"]["historyLineCount"] == 0
        assert rows("child") == BEGUN[:2]

    def test_a_fork_of_nothing_a_rewound_run_and_nonsense_have_their_own_rows(self, owner: Replay) -> None:
        for number, point in enumerate(
            ({"run_id": "absent"}, {"run_id": "c1"}, {"run_id": 1}, {"step": "3"}, {"step": True}, {"step": None},
             {"step": 1e300}, {"run_id": "a\0\ud800"}, {"step": float("nan")})
        ):  # fmt: skip
            fork(owner, f"c{number}", **point)
            log(owner, f"c{number}", range(4, 5))
            assert rows(f"c{number}") == [(4, f"c{number}")], point

    def test_a_fork_of_a_long_run_is_exact(self, owner: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compaction, "SEAL_AFTER", 100)
        monkeypatch.setattr("runs.forks._AT_ONCE", 64)
        log(owner, "r", range(10, 500), offset=10, odd=float("nan"))
        fork(owner, step=399.5)
        assert rows("child") == [(step, "r") for step in range(400)]
        assert Stream.objects.get(run__name="child", writer=PARENT).sealed_lines > 0

    def test_another_persons_run_of_that_name_stays_theirs(self, owner: Replay, stranger: Replay) -> None:
        config = BRANCH % '{"run_id": "r", "step": 3}'
        answer = stranger.query(UPSERT, name="child", project="p", host="h", config=config)
        assert "errors" not in answer
        assert rows("child") == []
        assert "not found" in message(stranger.query(UPSERT, name="c", project="p", entity="tester", config=config))
