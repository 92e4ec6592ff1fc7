import pytest

from projects.query.grouping import groups
from projects.query.runset import CONFIG, RUN, Condition, Field, Runset
from projects.query.ticked import EVERYTHING, ticked_runs
from tests.factories import make_project, make_run, set_values

pytestmark = pytest.mark.django_db

BY = Runset(fields=(Field(RUN, "group"), Field(RUN, "job_type")), grouped=True)


@pytest.fixture
def project():
    made = make_project()
    for group in "ab":
        for job in ("eval", "train"):
            for i in range(2):
                run = make_run(made, f"{group}-{job}-{i}", group=group, job_type=job)
                set_values(run, config={"i": i})
    return made


def names(project, runset, on=(), off=()):
    by_id = {run.pk: run.name for run in project.runs.all()}
    return sorted(by_id[id] for id in ticked_runs(project, runset, set(on), set(off)))


def test_the_innermost_mark_counts(project):
    a, b = groups(project, BY)
    train = groups(project, BY, a.path)[1]
    run = project.runs.get(name="a-eval-1").pk.hex
    assert names(project, BY, [a.id]) == ["a-eval-0", "a-eval-1", "a-train-0", "a-train-1"]
    assert names(project, BY, [a.id], [train.id, run]) == ["a-eval-0"]
    assert names(project, BY, [EVERYTHING, train.id], [a.id]) == [
        "a-train-0", "a-train-1", "b-eval-0", "b-eval-1", "b-train-0", "b-train-1"
    ]  # fmt: skip
    assert names(project, BY, [run, b.id], []) == ["a-eval-1", "b-eval-0", "b-eval-1", "b-train-0", "b-train-1"]


def test_only_runs_that_the_filter_leaves_are_ticked(project):
    filtered = Runset(conditions=(Condition(Field(CONFIG, "i"), "=", ("0",)),))
    gone = project.runs.get(name="a-eval-1").pk.hex
    assert names(project, filtered, [EVERYTHING, gone]) == ["a-eval-0", "a-train-0", "b-eval-0", "b-train-0"]
    assert names(project, filtered, ["x" * 16]) == []
