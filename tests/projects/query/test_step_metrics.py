from __future__ import annotations

import pytest
from django.utils import timezone

from projects.models import Project
from projects.query.step_metrics import step_metric
from runs.models import Run
from tests.factories import make_project, make_run, set_values

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


def define(project: Project, names: dict[str, str] | None = None) -> Run:
    """A run with definitions: metric or glob -> its step metric, "" for none."""
    names = names or {}
    steps = sorted({step for step in names.values() if step})
    defined = [{"1": step} for step in steps]
    for name, step in names.items():
        defined.append({"2" if name.endswith("*") else "1": name} | ({"5": steps.index(step) + 1} if step else {}))
    return set_values(make_run(project), client_info={"m": defined})


def test_without_definitions_there_is_none(project: Project, django_assert_num_queries) -> None:
    define(project)
    with django_assert_num_queries(1):
        assert step_metric(project, "loss") == ""


def test_a_metric_has_the_step_metric_its_runs_defined(project: Project, django_assert_max_num_queries) -> None:
    for _ in range(5):
        define(project, {"loss": "epoch", "val/*": "batch"})
    with django_assert_max_num_queries(3):
        assert step_metric(project, "loss") == "epoch"
    assert step_metric(project, "val/acc") == "batch"
    assert step_metric(project, "lossy") == ""
    assert step_metric(make_project(), "loss") == ""


def test_when_runs_differ_the_one_most_runs_use_counts(project: Project) -> None:
    define(project, {"loss": "epoch"})
    several = [define(project, {"loss": "batch"}) for _ in range(2)]
    assert step_metric(project, "loss") == "batch"
    Run.objects.filter(pk=several[0].pk).update(deleted_at=timezone.now())
    define(project, {"loss": "epoch"})
    assert step_metric(project, "loss") == "epoch", "deleted runs do not count"


def test_a_name_goes_before_a_glob_and_a_long_glob_before_a_short_one(project: Project) -> None:
    for _ in range(3):
        define(project, {"*": "epoch", "val/*": "batch", "val/acc": "hour", "val/f1": ""})
    assert step_metric(project, "train/loss") == "epoch"
    assert step_metric(project, "val/loss") == "batch"
    assert step_metric(project, "val/acc") == "hour"
    assert step_metric(project, "val/f1") == "", "defined without a step metric"
    assert step_metric(project, "epoch") == "", "not against itself"


def test_a_run_is_counted_once_by_its_own_most_particular_definition(project: Project) -> None:
    for _ in range(3):
        define(project, {"val/*": "batch", "val/acc": "epoch"})
    for _ in range(2):
        define(project, {"val/*": "batch"})
    assert step_metric(project, "val/acc") == "epoch"


def test_a_definition_may_change_and_go(project: Project) -> None:
    run = define(project, {"loss": "epoch"})
    set_values(run, client_info={"m": [{"1": "batch"}, {"1": "loss", "5": 1}]})
    assert step_metric(project, "loss") == "batch"
    set_values(run, client_info={"m": []})
    assert step_metric(project, "loss") == ""
