from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from projects.query import toggles
from projects.query.columns import group_candidates, table_columns
from projects.query.fields import field_from
from projects.query.grouping import default_fields, groups, run_groups, visible_runs
from projects.query.palette import GREY, PALETTE
from projects.query.runset import Condition, Runset, Sort
from runs.models import Run
from tests.factories import make_project, make_run, set_values

pytestmark = pytest.mark.django_db

LR, ACC, TAGS, OPT = map(field_from, ("config.lr", "summary.acc", "tags", "config.opt"))
GROUP, JOB, CREATED, RUNS = map(field_from, ("group", "job_type", "created_at", "runs"))


@pytest.fixture
def project():
    return make_project()


def by(*fields, **more):
    return Runset(fields=fields, grouped=True, **more)


def texts(found):
    return [group.path[-1].text for group in found]


def add(project, name=None, *, config=None, summary=None, tags=None, **fields):
    run = make_run(project, name, **fields)
    set_values(run, config=config, summary=summary, tags=tags)
    return run


def test_equal_values_are_one_group_and_types_are_told_apart(project):
    for value in (1, 1.0, "1", True, None, 3e-3, 0.003, [8, 16], [8, 16.0], "adam"):
        add(project, config={"lr": value})
    add(project)
    found = groups(project, by(LR))
    assert [(group.path[0].text, group.runs) for group in found] == [
        ("0.003", 2), ("1", 2), ("true", 1), ("1", 1), ("[8, 16]", 2), ("adam", 1), ("null", 1), ("(not set)", 1)
    ]  # fmt: skip
    assert len({group.id for group in found}) == 8
    assert found[-1].path[0].token is None


def test_groups_sort_naturally(project):
    for value in (128, 8, 16, float("inf"), 1e-9, -2, "fold-10", "fold-9", 10**400):
        add(project, config={"lr": value})
    found = texts(groups(project, by(LR)))
    assert found[:5] == ["-2", "1e-09", "8", "16", "128"]
    assert set(found[5:7]) == {"Infinity", str(10**400)}
    assert found[7:] == ["fold-9", "fold-10"]


def test_numbers_inside_names_sort_by_their_value(project):
    for value in ("lr=0.1 bs=8", "lr=0.03 bs=128", "lr=1e-4 bs=8", "lr=0.03 bs=16", "v1.10.2", "v1.9.0"):
        add(project, config={"lr": value})
    found = texts(groups(project, by(LR)))
    assert found == ["lr=1e-4 bs=8", "lr=0.03 bs=16", "lr=0.03 bs=128", "lr=0.1 bs=8", "v1.9.0", "v1.10.2"]


def test_fields_nest_and_a_parent_has_its_own_groups(project):
    for group, job in [("a", "train"), ("a", "eval"), ("b", "train"), ("a", "train"), ("", "train")]:
        add(project, group=group, job_type=job)
    runset = by(GROUP, JOB)
    top = groups(project, runset)
    assert [(group.path[0].text, group.runs) for group in top] == [("a", 3), ("b", 1), ("(not set)", 1)]
    below = groups(project, runset, top[0].path)
    assert [(texts([group]), group.runs) for group in below] == [(["eval"], 1), (["train"], 2)]
    assert [key.text for key in below[1].path] == ["a", "train"]


def test_a_run_is_in_one_group_per_tag_but_counts_once_above(project):
    both = add(project, group="a", tags=["x", "y"], summary={"acc": 1.0})
    add(project, group="a", tags=["x"], summary={"acc": 4.0})
    add(project, group="a", summary={"acc": 7.0})
    assert [(group.path[0].text, group.runs) for group in groups(project, by(TAGS))] == [
        ("x", 2), ("y", 1), ("(not set)", 1)
    ]  # fmt: skip
    [above] = groups(project, by(GROUP, TAGS))
    assert (above.runs, above.cells[ACC].n, above.cells[ACC].mean) == (3, 3, 4.0)
    found, total = run_groups(project, by(TAGS), 10)
    assert total == 3
    assert [both.id in group.run_ids for group in found] == [True, True, False]


def test_run_fields_and_derived_states_group_and_are_counted(project):
    now = timezone.now()
    add(project, user_name="ada", created_at=now - timedelta(days=1))
    add(project, user_name="ada", heartbeat_at=now - timedelta(days=1))
    add(project, user_name="bob", state="finished")
    [ada, bob] = groups(project, by(field_from("user")))
    assert ada.states == {"crashed": 1, "running": 1}
    assert bob.states == {"finished": 1}
    assert texts(groups(project, by(field_from("state")))) == ["crashed", "finished", "running"]
    assert len(groups(project, by(field_from("created_day")))) == 2


def test_cells_have_numpys_mean_and_sample_deviation_over_runs_with_a_number(project):
    values = [1e6 + 0.1, 1e6 + 0.2, 1e6 + 0.25]
    for value in [*values, float("nan"), "diverged", True]:
        add(project, config={"opt": "adam"}, summary={"acc": value})
    add(project, config={"opt": "sgd"}, summary={"acc": 2})
    add(project, config={"opt": "none"})
    adam, none, sgd = (group.cells[ACC] for group in groups(project, by(OPT)))
    assert adam.n == 3
    assert adam.mean == pytest.approx(np.mean(values), rel=1e-12)
    assert adam.std == pytest.approx(np.std(values, ddof=1), rel=1e-9)
    assert (adam.low, adam.high) == (min(values), max(values))
    assert (sgd.n, sgd.mean, sgd.std) == (1, 2.0, None)
    assert (none.n, none.mean, none.std, none.low) == (0, None, None, None)


def test_other_cells_have_the_shared_value_or_the_number_of_values(project):
    for opt, lr in [("adam", 0.1), ("sgd", 0.1), ("adam", 0.2), (None, 0.2), ("adam", 0.3)]:
        add(project, config={"lr": lr} | ({"opt": opt} if opt else {}))
    cells = [group.cells[OPT] for group in groups(project, by(LR, columns=(OPT,)))]
    assert [(cell.n, cell.text, cell.distinct) for cell in cells] == [(2, None, 2), (1, "adam", 1), (1, "adam", 1)]


def test_groups_sort_by_a_mean_their_size_their_latest_run_or_their_key(project):
    for lr, acc in [(0.1, 3), (0.1, 5), (0.2, 9), (0.3, None), (0.01, 1)]:
        add(project, config={"lr": lr}, summary={"acc": acc} if acc else {})

    def order(field, descending):
        return texts(groups(project, by(LR, sort=(Sort(field, descending),))))

    assert order(ACC, True) == ["0.2", "0.1", "0.01", "0.3"]
    assert order(ACC, False) == ["0.01", "0.1", "0.2", "0.3"]
    assert order(RUNS, True)[0] == "0.1"
    assert order(CREATED, True) == ["0.01", "0.3", "0.2", "0.1"]
    assert order(LR, True) == ["0.3", "0.2", "0.1", "0.01"]


def test_a_group_of_one_group_has_the_colour_of_its_line(project):
    for lr, jobs in ((0.1, ("train",)), (0.2, ("train", "eval")), (0.3, ("eval",))):
        for job in jobs:
            add(project, config={"lr": lr}, job_type=job)
    assert [group.colour for group in groups(project, by(LR, JOB))] == [PALETTE[0], GREY, PALETTE[3]]


def test_a_leaf_keeps_its_colour_when_the_table_is_sorted_or_hidden(project):
    for lr in (0.1, 0.2, 0.3):
        for job in ("train", "eval"):
            add(project, config={"lr": lr}, summary={"acc": -lr}, job_type=job)
    runset = by(LR, JOB)
    colours = {group.id: group.colour for group in run_groups(project, runset, 10)[0]}
    assert list(colours.values()) == [PALETTE[place] for place in (1, 0, 3, 2, 5, 4)]  # eval came after train
    top = groups(project, runset)
    assert {group.colour for group in top} == {GREY}
    assert colours[groups(project, runset, top[0].path)[1].id] == PALETTE[0]
    other = toggles.toggled_hidden(by(LR, JOB, sort=(Sort(ACC),)), next(iter(colours)))
    found, total = run_groups(project, other, 10)
    assert total == 5
    assert [group.id for group in found] != list(colours)[1:]
    assert all(colours[group.id] == group.colour for group in found)


def test_run_groups_have_labels_all_runs_and_only_the_groups_are_limited(project):
    runs = [add(project, config={"lr": 0.1 * (i % 3)}, job_type="train") for i in range(9)]
    found, total = run_groups(project, by(LR, JOB), 2)
    assert total == 3
    assert [group.label for group in found] == ["lr: 0 · Job type: train", "lr: 0.1 · Job type: train"]
    assert found[0].run_ids == tuple(run.id for run in runs[::3])


def test_the_name_of_a_line_leaves_out_what_all_lines_share(project):
    runs = [add(project, config={"lr": lr}, job_type=job) for lr in (0.1, 0.2) for job in ("train", "eval")]
    trains = {run.id for run in runs[::2]}

    def names(limit: int, logged: set | None = None) -> list[tuple[str, str]]:
        return [(group.label, group.name) for group in run_groups(project, by(LR, JOB), limit, logged=logged)[0]]

    of_train = [f"lr: {lr} · Job type: train" for lr in (0.1, 0.2)]
    assert names(9, trains) == list(zip(of_train, ("lr: 0.1", "lr: 0.2"), strict=True))
    assert names(1, trains) == [(of_train[0], of_train[0])], "one line alone says all"
    assert [name for _, name in names(2)] == ["Job type: eval", "Job type: train"], "both of lr 0.1"
    assert all(label == name for label, name in names(9))


def test_groups_without_a_run_that_logged_the_metric_take_no_place_on_a_chart(project):
    runs = [add(project, config={"lr": lr}) for lr in (1, 1, 2, 3)]
    found, total = run_groups(project, by(LR), 1, logged={runs[1].id, runs[3].id})
    assert total == 2
    assert [group.run_ids for group in found] == [(runs[0].id, runs[1].id)]
    found, total = run_groups(project, Runset(), 10, logged={runs[2].id})
    assert [group.run_ids for group in found] == [(runs[2].id,)]
    assert total == 1


def test_what_is_hidden_is_left_out_of_charts(project):
    runs = [add(project, group=group, job_type=job) for group in "ab" for job in ("eval", "train") for _ in range(2)]
    runset = by(GROUP, JOB)
    [a, b] = groups(project, runset)
    found, total = run_groups(project, toggles.toggled_hidden(runset, a.id), 10)
    assert (len(found), total) == (2, 2)
    assert all(group.label.startswith("Group: b") for group in found)
    found, total = run_groups(project, toggles.toggled_hidden(runset, runs[0].id.hex), 10)
    assert total == 4
    assert found[0].run_ids == (runs[1].id,)
    both = toggles.toggled_hidden(toggles.toggled_hidden(runset, runs[0].id.hex), runs[1].id.hex)
    assert run_groups(project, both, 10)[1] == 3


def test_visible_runs_are_those_whose_own_and_groups_eyes_are_on_each_once(project):
    runs = [add(project, group=group, tags=list("xy")) for group in "abab"]
    ids = [run.id for run in runs]
    assert visible_runs(project, Runset()) == visible_runs(project, by(TAGS)) == ids
    one = frozenset({runs[1].id.hex})
    assert visible_runs(project, Runset(hidden=one, sort=(Sort(GROUP, True),))) == [ids[0], *ids[2:]]
    [a, _] = groups(project, by(GROUP))
    assert visible_runs(project, by(GROUP, hidden=one | {a.id})) == [ids[3]]
    [x, y] = groups(project, by(TAGS))
    assert visible_runs(project, by(TAGS, hidden=frozenset({x.id}))) == ids
    assert visible_runs(project, by(TAGS, hidden=frozenset({x.id, y.id}))) == []


def test_ungrouped_runs_come_latest_first_in_the_colours_of_their_creation(project):
    runs = [add(project) for _ in range(3)]
    found, total = run_groups(project, Runset(), 2)
    assert total == 3
    assert [group.run_ids for group in found] == [(runs[2].id,), (runs[1].id,)]
    assert [group.colour for group in found] == [PALETTE[2], PALETTE[1]]
    assert [group.label for group in found] == [runs[2].display_name, runs[1].display_name]


def test_ungrouped_runs_sort_by_a_column_with_those_that_lack_it_last(project):
    for acc in (1, 3, None, 2):
        add(project, f"acc-{acc}", summary={"acc": acc} if acc else {})
    found, _ = run_groups(project, Runset(sort=(Sort(ACC, True),)), 10)
    assert [group.label for group in found] == ["acc-3", "acc-2", "acc-1", "acc-None"]


def test_filters_narrow_runs_and_values(project):
    for lr in (0.1, 0.2):
        for acc in (1, 2):
            add(project, config={"lr": lr}, summary={"acc": acc + lr})
    [group] = groups(project, by(LR, conditions=(Condition(ACC, "<", ("1.15",)),)))
    assert (group.runs, group.cells[ACC].mean) == (1, 1.1)


def test_deleted_runs_are_in_no_group_and_no_statistic(project):
    add(project, config={"lr": 1}, summary={"acc": 1})
    gone = add(project, config={"lr": 1}, summary={"acc": 100})
    Run.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    [group] = groups(project, by(LR))
    assert (group.runs, group.cells[ACC].mean) == (1, 1.0)


def test_the_project_opens_grouped_when_a_run_has_a_group(project):
    add(project)
    assert default_fields(project) == ()
    add(project, group="exp")
    assert default_fields(project) == (GROUP, JOB)


def test_default_columns_are_numeric_summary_columns_without_the_clients_own(project):
    add(project, config={"lr": 1}, summary={"b": 1, "a10": 2.5, "a9": 1, "text": "x", "_step": 3, "nested": {"c": 1}})
    assert [str(field) for field in table_columns(project, Runset())] == [
        "summary.a9", "summary.a10", "summary.b", "summary.nested.c"
    ]  # fmt: skip


def test_candidates_count_values_and_put_what_varies_first(project, django_assert_num_queries):
    for i in range(4):
        add(project, config={"same": 1, "lr": i % 2, "seed": i} | ({"rare": 1} if i else {}), group="g", tags=["t"][:i])
    with django_assert_num_queries(6):
        found = group_candidates(project, Runset())
    counted = {str(one.field): (one.distinct, one.missing) for one in found}
    assert counted["config.lr"] == (2, 0)
    assert counted["config.seed"] == (4, 0)
    assert counted["config.rare"] == (1, 1)
    assert counted["group"] == (1, 0)
    assert counted["job_type"] == (0, 4)
    assert counted["tags"] == (1, 1)
    assert counted["state"] == (1, 0)
    assert counted["name"] == (4, 0)
    assert [str(one.field) for one in found if one.field.scope == "config"] == [
        "config.lr", "config.rare", "config.same", "config.seed"
    ]  # fmt: skip
