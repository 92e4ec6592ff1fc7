import math

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from projects.query import memory, toggles
from projects.query.fields import field_from
from projects.query.grouping import groups
from projects.query.runset import Runset, Sort
from projects.query.table import run_rows, table
from tests.factories import log_run, make_project, make_run, set_values

pytestmark = pytest.mark.django_db

LR, ACC, GROUP, JOB, TAGS = map(field_from, ("config.lr", "summary.acc", "group", "job_type", "tags"))


@pytest.fixture
def project():
    return make_project()


def add(project, name=None, *, config=None, summary=None, tags=None, **fields):
    run = make_run(project, name, **fields)
    set_values(run, config=config, summary=summary, tags=tags)
    return run


def outline(found):
    return [
        {
            "group": lambda row: (row.depth, row.group.path[-1].text, row.eye),
            "run": lambda row: (row.depth, row.name, row.eye),
            "more": lambda row: (row.depth, row.what, row.remaining, row.page),
        }[row.kind](row)
        for row in found.rows
    ]


def test_open_groups_show_their_groups_and_then_their_runs(project):
    for group in ("a", "b"):
        for i in range(2):
            add(project, f"{group}{i}", group=group, job_type="train", summary={"acc": i})
    runset = Runset(fields=(GROUP, JOB), grouped=True)
    assert outline(table(project, runset)) == [(0, "a", "all"), (0, "b", "all")]
    [a, b] = groups(project, runset)
    [train] = groups(project, runset, a.path)
    runset = toggles.toggled_open(toggles.toggled_open(runset, a.id), train.id)
    found = table(project, runset)
    assert outline(found) == [
        (0, "a", "all"), (1, "train", "all"), (2, "a0", "all"), (2, "a1", "all"), (0, "b", "all")
    ]  # fmt: skip
    assert [row.open for row in found.rows if row.kind == "group"] == [True, True, False]
    run = found.rows[3]
    assert run.values[ACC].number == 1.0
    assert run.colour == found.rows[1].group.colour


def test_eyes_say_all_some_or_none(project):
    runs = [add(project, f"{g}-{j}", group=g, job_type=j) for g in "ab" for j in ("eval", "train")]
    runset = Runset(fields=(GROUP, JOB), grouped=True)
    [a, b] = groups(project, runset)
    runset = toggles.toggled_open(toggles.toggled_hidden(runset, runs[0].id.hex), a.id)
    runset = toggles.toggled_hidden(runset, b.id)
    found = table(project, runset)
    assert outline(found) == [(0, "a", "some"), (1, "eval", "none"), (1, "train", "all"), (0, "b", "none")]
    totals = found.totals
    assert (totals.groups, totals.visible_groups, totals.runs, totals.visible_runs) == (4, 1, 4, 1)


def test_long_lists_come_in_pages_with_a_row_for_the_rest(project):
    for i in range(103):
        add(project, f"run-{i:03}", group="g")
    runset = Runset(fields=(GROUP,), grouped=True)
    [group] = groups(project, runset)
    found = table(project, toggles.toggled_open(runset, group.id))
    assert outline(found)[-2:] == [(1, "run-099", "all"), (1, "runs", 3, 2)]
    assert found.rows[-1].parent == group.id
    rest = table(project, runset, below=group.id, page=2)
    assert outline(rest) == [(1, "run-100", "all"), (1, "run-101", "all"), (1, "run-102", "all")]

    ungrouped = table(project, Runset(page=2))
    assert outline(ungrouped) == [(0, "run-002", "all"), (0, "run-001", "all"), (0, "run-000", "all")]
    assert (ungrouped.page, ungrouped.pages) == (2, 2)
    assert table(project, Runset(page=99)).rows == ()
    assert table(project, runset, below="gone").rows == ()


def test_run_rows_hold_the_runs_below_a_path(project):
    for i in range(5):
        add(project, f"run-{i}", group="g", config={"lr": i}, summary={"acc": float("nan")})
    runset = Runset(fields=(GROUP,), grouped=True, columns=(LR, ACC, JOB), sort=(Sort(LR, True),))
    [group] = groups(project, runset)
    page = run_rows(project, runset, below=group.id, page=2, size=2)
    assert page.total == 5
    assert [row.name for row in page.rows] == ["run-2", "run-1"]
    values = page.rows[0].values
    assert (values[LR].text, values[LR].number) == ("2", 2.0)
    assert (values[ACC].text, values[ACC].number) == ("NaN", None)
    assert JOB not in values


def test_run_fields_can_be_columns(project):
    duration, state = field_from("duration"), field_from("state")
    run = add(project, group="g", tags=["x", "y"])
    set_values(run, tags=["x", "y"])
    runset = Runset(fields=(GROUP,), grouped=True, columns=(duration, state, TAGS))
    [row] = table(project, runset).rows
    assert row.group.cells[duration].n == 1
    assert row.group.cells[state].text == "running"
    assert row.group.cells[TAGS].text == "x, y"
    [row] = table(project, Runset(columns=(duration, state, TAGS))).rows
    assert row.values[state].text == "running"
    assert row.values[TAGS].text == "x, y"


def test_heads_name_the_columns_and_how_they_are_sorted(project):
    add(project, config={"opt": "adam"}, summary={"acc": 1})
    runset = Runset(columns=(ACC, field_from("config.opt"), JOB), sort=(Sort(ACC, True),))
    found = [(head.label, head.numeric, head.sorted) for head in table(project, runset).headers]
    assert found == [("acc", True, "descending"), ("opt", False, None), ("Job type", False, None)]


def test_the_number_of_queries_does_not_grow(project, django_assert_max_num_queries):
    for i in range(300):
        add(
            project,
            group=f"g{i % 3}",
            job_type=f"j{i % 2}",
            config={"lr": i % 5, "opt": f"o{i % 4}"},
            summary={f"m{j}": i * j for j in range(14)},
            tags=["t"],
        )
    runset = Runset(fields=(GROUP, JOB, LR), grouped=True, sort=(Sort(field_from("summary.m3"), True),))
    for group in groups(project, runset):
        runset = toggles.toggled_open(runset, group.id)
        for below in groups(project, runset, group.path):
            runset = toggles.toggled_open(runset, below.id)
            for leaf in groups(project, runset, below.path):
                runset = toggles.toggled_open(runset, leaf.id)
    with django_assert_max_num_queries(8):
        found = table(project, runset)
    assert sum(row.kind == "run" for row in found.rows) == 300
    assert sum(row.kind == "group" for row in found.rows) == 3 + 6 + 30


def test_groups_are_sorted_by_the_statistic_that_the_column_shows(project):
    accs = {"few": [5.0], "spread": [0.0, 10.0, 2.0], "even": [4.0, 4.0, 4.0]}
    for group, values in accs.items():
        for value in values:
            add(project, group=group, summary={"acc": value})
    by = {
        "mean_std": ["few", "even", "spread"], "median": ["few", "even", "spread"], "max": ["spread", "few", "even"],
        "min": ["few", "even", "spread"], "stddev": ["spread", "even", "few"], "stderr": ["spread", "even", "few"],
        "count": ["even", "spread", "few"],
    }  # fmt: skip
    for statistic, expected in by.items():
        runset = Runset(fields=(GROUP,), grouped=True, sort=(Sort(ACC, True),))
        runset = toggles.with_statistic(runset, ACC, statistic)
        found = table(project, runset)
        assert [row.group.path[-1].text for row in found.rows] == expected, statistic
        assert found.headers[0].statistic.key == statistic
        shown = [row.group.cells[ACC].number(statistic) for row in found.rows]
        measured = [value for value in shown if value is not None]
        assert measured == sorted(measured, reverse=True)
    assert table(project, Runset()).headers[0].statistic is None


CURVES = {"dip": [5.0, math.nan, 1.0, 3.0], "rise": [2.0, math.inf, 4.0, 9.0], "odd": ["warm", math.nan]}
SHOWN = {
    "latest": {"dip": 3.0, "rise": 9.0, "odd": 7.0, "none": 8.0}, "min": {"dip": 1.0, "rise": 2.0},
    "max": {"dip": 5.0, "rise": 9.0}, "first": {"dip": 5.0, "rise": 2.0},
}  # fmt: skip


@pytest.fixture
def curves(project):
    """Of two runs the history has numbers, of one none that is finite, of one nothing at all."""
    for name, curve in CURVES.items():
        last = 7.0 if name == "odd" else curve[-1]
        log_run(project, name, [{"acc": value} for value in curve], summary={"acc": last}, group="g")
    add(project, "none", group="g", summary={"acc": 8.0})
    return project


def counted_queries(project, runset):
    with CaptureQueriesContext(connection) as asked:
        table(project, runset)
    return len(asked)


@pytest.mark.parametrize("reduction", SHOWN)
def test_what_a_summary_column_shows_of_runs_comes_before_the_statistic_of_their_group(curves, reduction):
    expected = SHOWN[reduction]
    runset = toggles.with_reduction(Runset(fields=(GROUP,), grouped=True), ACC, reduction)
    [row] = table(curves, runset).rows
    cell, numbers = row.group.cells[ACC], sorted(expected.values())
    assert (cell.n, cell.low, cell.high) == (len(numbers), numbers[0], numbers[-1])
    assert cell.mean == pytest.approx(sum(numbers) / len(numbers))

    below = table(curves, toggles.toggled_open(runset, row.group.id)).rows[1:]
    alone = table(curves, toggles.with_reduction(Runset(), ACC, reduction)).rows
    paged = run_rows(curves, toggles.with_reduction(Runset(), ACC, reduction)).rows
    for rows in (below, alone, paged):
        assert {row.name: row.values[ACC].number for row in rows if ACC in row.values} == expected
    [head] = table(curves, runset).headers
    assert head.note == ("" if reduction == "latest" else f"{reduction} per run")
    if reduction != "latest":
        assert table(curves, toggles.with_statistic(runset, ACC, "median")).headers[0].note == f"median of {reduction}"


@pytest.mark.parametrize("reduction", SHOWN)
def test_runs_and_groups_are_sorted_by_what_is_shown_of_runs(curves, reduction):
    expected = SHOWN[reduction]
    sort = (Sort(ACC, True),)
    found = table(curves, toggles.with_reduction(Runset(sort=sort), ACC, reduction)).rows
    by_value = sorted(expected, key=expected.get, reverse=True)
    assert [row.name for row in found][: len(expected)] == by_value
    name = field_from("display_name")
    grouped = toggles.with_reduction(Runset(fields=(name,), grouped=True, sort=sort), ACC, reduction)
    assert [row.group.path[-1].text for row in table(curves, grouped).rows][: len(expected)] == by_value


def test_grouping_and_filters_go_by_the_latest_and_texts_have_nothing_else(curves):
    grouped = toggles.with_reduction(Runset(fields=(ACC,), grouped=True), ACC, "min")
    assert [row.group.path[-1].text for row in table(curves, grouped).rows] == ["3", "7", "8", "9"]
    add(curves, "text", summary={"word": "a"})
    word = field_from("summary.word")
    runset = toggles.with_reduction(Runset(columns=(word,)), word, "max")
    found = table(curves, runset)
    assert (found.rows[0].values[word].text, found.headers[0].note) == ("a", "")


def test_a_new_point_is_seen_and_what_is_known_is_not_asked_for_again(curves):
    memory.forget()
    latest = Runset(fields=(GROUP,), grouped=True)
    runset = toggles.with_reduction(latest, ACC, "max")
    cold, warm = counted_queries(curves, runset), counted_queries(curves, runset)
    counted_queries(curves, latest)
    assert cold > warm == counted_queries(curves, latest)
    log_run(curves, "new", [{"acc": 50.0}, {"acc": 0.0}], group="g", summary={"acc": 0.0})
    [row] = table(curves, runset).rows
    assert (row.group.cells[ACC].n, row.group.cells[ACC].high) == (3, 50.0)
    memory.forget()
    assert table(curves, runset).rows == (row,)


def test_the_number_of_queries_for_histories_does_not_grow_with_runs(curves):
    loss = field_from("summary.loss")
    runset = toggles.with_reduction(toggles.with_reduction(Runset(), ACC, "max"), loss, "first")
    counts = []
    for first, after in ((0, 1), (1, 20)):
        for i in range(first, after):
            log_run(curves, f"more-{i}", [{"acc": i, "loss": 1}] * 5, summary={"acc": i, "loss": i})
        memory.forget()
        counts.append(counted_queries(curves, runset))
    assert counts[0] == counts[1]
