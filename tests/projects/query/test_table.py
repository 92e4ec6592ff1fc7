import pytest

from projects.query import toggles
from projects.query.fields import field_from
from projects.query.grouping import groups
from projects.query.runset import Runset, Sort
from projects.query.table import run_rows, table
from tests.factories import make_project, make_run, set_values

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
    page = run_rows(project, runset, group.path, page=2, size=2)
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
