"""What no sensible script logs: each has an answer, and costs nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest

from projects import access
from runs.history import store, writing
from runs.models import Column, HistoryChunk, Kind
from tests import factories
from tests.runs.history.conftest import Bench

pytestmark = pytest.mark.django_db


def test_a_name_of_ten_kilobytes_is_a_name(bench: Bench) -> None:
    run, key = bench.run(), "ж" * 10_000
    bench.log(run, [json.dumps({"_step": step, key: step}) for step in range(3)])
    for _ in range(2):
        assert Column.objects.get(id=bench.column(key)).key == key
        points = bench.read([run], key)
        assert isinstance(points, store.Points)
        assert points.y.tolist() == [0, 1, 2]
        store.seal(run_id=run.id)


def test_a_value_may_be_text_in_one_line_and_a_number_in_the_next(bench: Bench) -> None:
    run = bench.run()
    values = ["warm-up", 1.5, None, 2, "3", True, 4.0]
    bench.log(run, [json.dumps({"_step": step, "loss": value}) for step, value in enumerate(values)])
    for _ in range(2):
        points = bench.read([run])
        assert isinstance(points, store.Points)
        assert (points.x.tolist(), points.y.tolist()) == ([1, 3, 6], [1.5, 2, 4])
        assert [row["loss"] for row in store.rows(run_id=run.id, stream="history")] == values
        store.seal(run_id=run.id)
    kinds = Column.objects.get(id=bench.column("loss")).kinds
    assert kinds == Kind.TEXT | Kind.NUMBER | Kind.NULL | Kind.BOOL


def test_steps_beyond_two_to_the_53_and_below_zero_are_kept_exactly(bench: Bench) -> None:
    run = bench.run()
    steps = [-(2**63) + 1, -(2**53) - 1, -5, -1, 0, 2**53, 2**53 + 1, 2**63 - 2, 2**63 - 1]
    bench.log(run, [json.dumps({"_step": step, "loss": place}) for place, step in enumerate(steps)])
    for _ in range(2):
        assert [row["_step"] for row in store.rows(run_id=run.id, stream="history")] == steps
        some = store.rows(run_id=run.id, stream="history", min_step=2**53 + 1, max_step=2**63 - 1)
        assert [row["_step"] for row in some] == [2**53 + 1, 2**63 - 2]
        points = bench.read([run])
        assert isinstance(points, store.Points)
        assert points.x.tolist() == [float(step) for step in steps]
        near = bench.read([run], lo=2**53, hi=2**53 + 2, exact_below=0, cells=4)
        assert isinstance(near, store.Cells)
        assert (near.start, near.width, near.count.tolist()) == (2**53, 1, [[1, 1, 0]])
        store.seal(run_id=run.id)


@pytest.mark.parametrize("lines", [1, 50])
def test_a_run_may_have_very_many_metrics(bench: Bench, lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_KEYS", 5001)
    run, each = bench.run(), 5000 // lines
    rows = [
        {"_step": line} | {f"m{key}": key for key in range(line * each, (line + 1) * each)} for line in range(lines)
    ]
    bench.log(run, [json.dumps(row) for row in rows])
    for _ in range(2):
        assert list(store.rows(run_id=run.id, stream="history")) == rows
        points = bench.read([run], "m4999")
        assert isinstance(points, store.Points)
        assert points.y.tolist() == [4999]
        store.seal(run_id=run.id)
    assert HistoryChunk.objects.filter(run=run).count() == 5001


def test_more_metrics_in_one_request_than_it_may_have_are_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_KEYS", 10)
    run = bench.run()
    bench.log(run, [json.dumps({"_step": 0, "kept": 1})])
    with pytest.raises(store.LinesRefused, match="12 keys, more than 10"):
        bench.log(run, [json.dumps({"_step": 1, "a": {str(key): key for key in range(11)}})], offset=1)
    assert list(store.rows(run_id=run.id, stream="history")) == [{"_step": 0, "kept": 1}]
    assert set(Column.objects.filter(project=bench.project).values_list("key", flat=True)) == {"_step", "kept"}


def test_a_line_of_ten_megabytes_comes_back(bench: Bench) -> None:
    run = bench.run()
    texts = np.random.default_rng(0).bytes(5_000_000).hex()
    bench.log(run, [json.dumps({"_step": 0, "text": texts, "loss": 1}), '{"_step":1,"loss":2}'])
    for _ in range(2):
        assert [row.get("text") for row in store.rows(run_id=run.id, stream="history")] == [texts, None]
        points = bench.read([run])
        assert isinstance(points, store.Points)
        assert points.y.tolist() == [1, 2]
        store.seal(run_id=run.id)


@pytest.mark.django_db(transaction=True)
def test_a_project_made_anew_gets_its_columns_though_its_id_is_the_old_one() -> None:
    user = factories.make_user()
    for _ in range(2):
        bench = Bench(factories.make_project(user, name="again"))
        bench.log(bench.run(), [json.dumps({"_step": 0, "loss": 1})])
        factories.set_values(bench.run(), config={"lr": 1})
        found = Column.objects.filter(project=bench.project).values_list("key", flat=True)
        assert set(found) == {"_step", "loss", "lr"}
        access.Project.objects.filter(pk=bench.project.pk).delete()
