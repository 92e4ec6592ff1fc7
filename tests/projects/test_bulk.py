"""Changes of many runs at once, and taking them back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from projects.bulk import BulkError, group_rename, runs_change, undo_apply, undo_latest, undos_forget
from projects.models import Project, Undo, UndoPart, User
from runs import bulk
from runs.models import Run, Tag
from tests.factories import make_project, make_run, make_user, set_values

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return make_user("ada")


@pytest.fixture
def project(ada: User) -> Project:
    made = make_project(ada)
    for i, group in enumerate(("a", "a", "b", "")):
        set_values(make_run(made, f"run-{i}", group=group, job_type="train"), tags=["old", "x"] if i == 0 else ["old"])
    return made


def shown(project: Project) -> dict[str, tuple]:
    runs = Run.objects.filter(project=project, deleted_at=None).order_by("name")
    tags = {run.pk: sorted(Tag.objects.filter(run=run).values_list("tag", flat=True)) for run in runs}
    assert all(sorted(run.tags) == tags[run.pk] for run in runs)
    return {run.name: (run.group, run.job_type, tags[run.pk]) for run in runs}


CASES = {
    ("group", "c"): (4, "Moved 4 runs to “c”"),
    ("group", ""): (3, "Moved 3 runs to “(not set)”"),
    ("job_type", "eval"): (4, "Set the job type of 4 runs to “eval”"),
    ("tag_add", "x"): (3, "Tagged 3 runs “x”"),
    ("tag_remove", "x"): (1, "Removed the tag “x” from 1 run"),
    ("delete", ""): (4, "Deleted 4 runs"),
}


@pytest.mark.parametrize(("act", "value"), CASES)
def test_each_act_says_what_it_did_and_is_undone_exactly(project: Project, ada: User, act: str, value: str) -> None:
    before = shown(project)
    runs = [run.pk for run in project.runs.all()]
    undo = runs_change(project=project, user=ada, act=act, value=value, runs=runs)
    changed, said = CASES[act, value]
    assert undo is not None
    assert undo.said == said
    after = shown(project)
    assert sum(before[name] != after.get(name) for name in before) == changed
    assert undo_latest(project=project, user=ada) == undo
    assert undo_apply(project=project, user=ada, id=undo.pk.hex) == changed
    assert shown(project) == before
    assert not Undo.objects.exists()
    assert runs_change(project=project, user=ada, act="tag_remove", value="none", runs=runs) is None


def test_many_runs_are_changed_in_pieces_and_undone_as_one(
    project: Project, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projects.bulk.BATCH", 2)
    before = shown(project)
    runs = [run.pk for run in project.runs.all()]
    undo = runs_change(project=project, user=ada, act="group", value="c", runs=runs)
    assert undo is not None
    assert (undo.said, UndoPart.objects.count()) == ("Moved 4 runs to “c”", 2)
    assert undo_apply(project=project, user=ada, id=undo.pk.hex) == 4
    assert shown(project) == before


def test_undo_leaves_alone_what_was_changed_since(project: Project, ada: User) -> None:
    runs = {run.name: run for run in project.runs.all()}
    ids = [run.pk for run in runs.values()]
    undo = runs_change(project=project, user=ada, act="group", value="c", runs=ids)
    set_values(runs["run-0"], group="d")
    assert undo is not None
    assert undo_apply(project=project, user=ada, id=undo.pk.hex) == 3
    assert [shown(project)[f"run-{i}"][0] for i in range(4)] == ["d", "a", "b", ""]

    deleted = runs_change(project=project, user=ada, act="delete", value="", runs=[ids[0]])
    bulk.runs_restore(runs=[ids[0]], at=Run.objects.get(pk=ids[0]).deleted_at)
    again = runs_change(project=project, user=ada, act="delete", value="", runs=[ids[0]])
    assert deleted is not None
    assert again is not None
    assert undo_apply(project=project, user=ada, id=deleted.pk.hex) == 0
    assert len(shown(project)) == 3
    assert undo_apply(project=project, user=ada, id=again.pk.hex) == 1


def test_undo_ends_with_its_time_and_is_its_persons_own(project: Project, ada: User) -> None:
    ids = [run.pk for run in project.runs.all()]
    undo = runs_change(project=project, user=ada, act="delete", value="", runs=ids)
    assert undo is not None
    other = make_user("eve")
    assert undo_latest(project=project, user=other) is None
    for user, id in ((other, undo.pk.hex), (ada, "none"), (ada, "0" * 32)):
        with pytest.raises(BulkError, match="undone"):
            undo_apply(project=project, user=user, id=id)
    assert undos_forget() == 0
    Undo.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert undo_latest(project=project, user=ada) is None
    with pytest.raises(BulkError, match="undone"):
        undo_apply(project=project, user=ada, id=undo.pk.hex)
    assert undos_forget() == 1
    assert not UndoPart.objects.exists()


def test_a_group_is_renamed_or_merged_with_all_its_runs(project: Project, ada: User) -> None:
    before = shown(project)
    renamed = group_rename(project=project, user=ada, name="a", to=" {a} ")
    assert renamed is not None
    assert renamed.said == "Renamed “a” to “{a}” (2 runs)"
    merged = group_rename(project=project, user=ada, name="{a}", to="b")
    assert merged is not None
    assert merged.said == "Merged “{a}” into “b” (2 runs)"
    named = group_rename(project=project, user=ada, name="", to="b")
    assert named is not None
    assert {groups[0] for groups in shown(project).values()} == {"b"}
    for undo, runs in ((named, 1), (merged, 2), (renamed, 2)):
        assert undo_apply(project=project, user=ada, id=undo.pk.hex) == runs
    assert shown(project) == before
    with pytest.raises(BulkError, match="name"):
        group_rename(project=project, user=ada, name="a", to="  ")


def test_a_tag_needs_a_name_and_names_have_an_end(project: Project, ada: User) -> None:
    with pytest.raises(BulkError, match="tag"):
        runs_change(project=project, user=ada, act="tag_add", value=" ", runs=[])
    with pytest.raises(BulkError, match="500"):
        runs_change(project=project, user=ada, act="group", value="x" * 501, runs=[])
