import math

import numpy as np
import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from projects.query.fields import field_from
from projects.query.from_url import query_string, runset_from_query
from projects.query.grouping import groups, run_groups
from projects.query.runset import CONFIG, BadQuery, Condition, Field, Runset, Sort, Split
from projects.query.splits import group_field_from, group_field_text, split_label
from tests.factories import make_project, make_run, set_values

pytestmark = pytest.mark.django_db

LR = field_from("config.lr")
ACC = field_from("summary.acc")


@pytest.fixture
def project():
    return make_project()


def add(project, value, **summary):
    run = make_run(project)
    return set_values(run, config={} if value is ... else {"lr": value}, summary=summary or None)


def by(*texts, **more):
    return Runset(fields=tuple(map(group_field_from, texts)), grouped=True, **more)


def counts(project, *texts, **more):
    return [(group.path[0].text, group.runs) for group in groups(project, by(*texts, **more))]


_keys = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
_numbers = st.floats(allow_nan=False, allow_infinity=False)
_edges = st.lists(_numbers.map(lambda number: number + 0.0), min_size=1, max_size=9, unique=True).map(sorted)
_splits = (
    st.builds(Field, st.just(CONFIG), _keys)
    | st.builds(lambda key, how, count: Split(CONFIG, key, how, (float(count),)), _keys,
                st.sampled_from(["equal", "log", "quantile"]), st.integers(2, 100))
    | st.builds(lambda key, edges: Split(CONFIG, key, "edges", tuple(edges)), _keys, _edges)
    | st.builds(lambda key: Split(CONFIG, key, "explode"), _keys)
)  # fmt: skip


@given(_splits)
def test_a_field_to_group_by_reads_back_whatever_its_key_holds(field):
    assert group_field_from(group_field_text(field)) == field


@given(st.lists(_splits, max_size=4, unique=True).map(tuple))
def test_the_address_says_how_fields_are_split(fields):
    runset = Runset(fields=fields, grouped=bool(fields))
    assert runset_from_query(QueryDict(query_string(runset, Runset())), defaults=Runset()) == runset


def test_the_written_form_is_short_and_a_colon_of_the_key_stays_possible():
    assert query_string(by("config.lr:log:4"), Runset()) == "group=config.lr:log:4"
    key = group_field_from(r"config.a\:log\:4")
    assert key == Field(CONFIG, "a:log:4")
    assert group_field_text(key) == r"config.a\:log\:4"
    assert group_field_from("config.lr:edges:0.1:1e-3:0.1") == Split(CONFIG, "lr", "edges", (0.001, 0.1))
    assert split_label(group_field_from("config.lr:edges:0.1:1e-3")) == "bins at 0.001, 0.1"
    assert split_label(group_field_from("config.lr:quantile:4")) == "4 quantile bins"


@pytest.mark.parametrize(
    "text",
    [
        "config.lr:log", "config.lr:log:1", "config.lr:log:101", "config.lr:log:٣", "config.lr:log:4:5", "config.lr:4",
        "config.lr:edges", "config.lr:edges:a", "config.lr:edges:NaN", "config.lr:edges:1:", "config.lr:explode:2",
        "state:explode", "state:log:4", "tags:log:4", "config.lr:", "config.lr\\",
        "config.lr:edges:" + ":".join(map(str, range(101))),
    ],
)  # fmt: skip
def test_what_is_no_way_to_split_is_refused(text):
    with pytest.raises(BadQuery):
        group_field_from(text)


def test_bins_hold_their_lower_edge_and_the_last_one_both(project):
    for value in (0, 1, 2, 2.5, 3, 4):
        add(project, value)
    assert counts(project, "config.lr:equal:4") == [("[0, 1)", 1), ("[1, 2)", 1), ("[2, 3)", 2), ("[3, 4]", 2)]


def test_log_bins_are_equally_wide_in_the_exponent_and_leave_out_what_has_no_logarithm(project):
    for value in (1e-4, 5e-4, 1e-3, 0.05, 1, 0, -3):
        add(project, value)
    assert counts(project, "config.lr:log:4") == [
        ("≤ 0", 2), ("[0.0001, 0.001)", 2), ("[0.001, 0.01)", 1), ("[0.01, 0.1)", 1), ("[0.1, 1]", 1)
    ]  # fmt: skip


def test_quantile_bins_hold_about_as_many_runs_each_and_ties_stay_together(project):
    for value in range(8):
        add(project, value)
    assert counts(project, "config.lr:quantile:4") == [
        ("[0, 1.75)", 2), ("[1.75, 3.5)", 2), ("[3.5, 5.25)", 2), ("[5.25, 7]", 2)
    ]  # fmt: skip
    for _ in range(20):
        add(project, 7)
    assert [runs for _, runs in counts(project, "config.lr:quantile:4")] == [7, 21]


def test_edges_typed_in_leave_no_run_out(project):
    for value in (0.0001, 0.001, 0.05, 0.1, 7):
        add(project, value)
    assert counts(project, "config.lr:edges:0.001:0.01:0.1") == [
        ("< 0.001", 1), ("[0.001, 0.01)", 1), ("[0.01, 0.1]", 2), ("> 0.1", 1)
    ]  # fmt: skip
    assert counts(project, "config.lr:edges:0.1") == [("< 0.1", 3), ("≥ 0.1", 2)]


def test_what_is_no_finite_number_keeps_a_group_of_its_own(project):
    for value in (1, 2, "1", True, None, math.nan, math.inf, [1], ...):
        add(project, value)
    assert counts(project, "config.lr:equal:2") == [
        ("[1, 1.5)", 1), ("[1.5, 2]", 1), ("Infinity", 1), ("NaN", 1), ("true", 1), ("1", 1), ("[1]", 1),
        ("null", 1), ("(not set)", 1),
    ]  # fmt: skip
    assert counts(project, "config.nothing:log:4") == [("(not set)", 9)]


def test_a_single_value_is_a_bin_by_itself(project):
    add(project, 0.1)
    add(project, 0.1)
    for how in ("equal", "log", "quantile"):
        assert counts(project, f"config.lr:{how}:4") == [("0.1", 2)]


@given(st.lists(_numbers, min_size=1, max_size=40), st.sampled_from(["equal", "log", "quantile"]), st.integers(2, 9))
def test_labels_say_exactly_which_numbers_are_in_a_bin(values, how, count):
    from projects.query.bins import binned
    from projects.query.labels import labels_from

    values = np.array(values) + 0.0
    labels = labels_from(np.full(len(values), -1), [])
    found = binned(labels, values, Split(CONFIG, "lr", how, (float(count),)))
    for value, code in zip(values.tolist(), found.codes.tolist(), strict=True):
        _, text = found.pair(code)
        if text == "≤ 0":
            assert how == "log"
            assert value <= 0
        elif text.startswith("["):
            low, high = map(float, text[1:-1].split(", "))
            assert low <= value < high or (text.endswith("]") and value == high)
        else:
            assert float(text) == value


def test_table_and_charts_have_the_same_bins_and_a_filter_moves_them(project):
    runs = [add(project, value, acc=value) for value in (0, 1, 2, 3, 100)]
    runset = by("config.lr:equal:2", conditions=(Condition(LR, "<", ("10",)),), sort=(Sort(LR, True),))
    rows = groups(project, runset)
    drawn, total = run_groups(project, runset, 10)
    assert total == 2
    assert [group.id for group in drawn] == [row.id for row in rows]
    assert [group.label for group in drawn] == ["lr: [1.5, 3]", "lr: [0, 1.5)"]
    assert drawn[0].run_ids == (runs[2].id, runs[3].id)
    assert rows[0].cells[ACC].mean == 2.5


def test_bins_and_values_of_one_field_nest(project):
    for value in (0, 1, 3):
        add(project, value)
    runset = by("config.lr:edges:2", "config.lr")
    first, second = groups(project, runset)
    assert [group.path[1].text for group in groups(project, runset, first.path)] == ["0", "1"]
    assert [group.path[1].text for group in groups(project, runset, second.path)] == ["3"]


def test_a_run_is_in_one_group_for_each_item_of_a_list(project):
    for value in ([8, 16.0], [16, 16], [], "16", 16, [[1]], None, ...):
        add(project, value)
    assert counts(project, "config.lr:explode") == [
        ("8", 1), ("16", 3), ("16", 1), ("[1]", 1), ("[]", 1), ("null", 1), ("(not set)", 1)
    ]  # fmt: skip
    assert ("[8, 16.0]", 1) in counts(project, "config.lr")


def test_a_list_too_long_to_be_told_apart_stays_one_value(project):
    add(project, list(range(1000)))
    assert len(counts(project, "config.lr:explode")) == 1


def test_tags_explode_unless_they_are_to_stay_together(project):
    for tags in (["a", "b"], ["b"], ["b", "a"]):
        set_values(make_run(project), tags=tags)
    assert counts(project, "tags") == counts(project, "tags:explode") == [("a", 2), ("b", 3)]
    assert counts(project, "tags:whole") == [("a, b", 2), ("b", 1)]
