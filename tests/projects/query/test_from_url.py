from dataclasses import replace

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projects.query import toggles
from projects.query.fields import RUN_FIELDS, groupable
from projects.query.from_url import condition_from, condition_text, query_string, runset_from_query
from projects.query.operators import JOINS, OPERATORS, filter_label
from projects.query.reductions import REDUCTIONS
from projects.query.runset import (
    CONFIG,
    LATEST,
    RUN,
    SUMMARY,
    BadQuery,
    Branch,
    ColumnStatistic,
    Condition,
    Field,
    Filter,
    Reduced,
    Runset,
    Sort,
)  # fmt: skip
from projects.query.statistics import MEAN_STD, STATISTICS

_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
_column = st.builds(Field, st.sampled_from([CONFIG, SUMMARY]), _text)
_run_field = st.sampled_from([Field(RUN, key) for key in RUN_FIELDS])
_any_field = _column | _run_field.filter(lambda field: field.key != "runs")


@st.composite
def _conditions(draw: st.DrawFn) -> Condition:
    operator = draw(st.sampled_from(list(OPERATORS.values())))
    least, most = (operator.values, operator.values) if operator.values is not None else (1, 4)
    values = draw(st.lists(_text, min_size=least, max_size=most))
    return Condition(draw(_any_field), operator.key, tuple(values))


def _few(of: st.SearchStrategy, most: int = 4) -> st.SearchStrategy:
    return st.lists(of, max_size=most, unique=True).map(tuple)


def _statistics(chosen: dict[Field, str]) -> tuple[ColumnStatistic, ...]:
    return tuple(ColumnStatistic(field, chosen[field]) for field in sorted(chosen))


def _reduced(chosen: dict[str, str]) -> tuple[Reduced, ...]:
    return tuple(Reduced(SUMMARY, key, chosen[key]) for key in sorted(chosen))


def _branches(parts: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    some = st.lists(parts, min_size=1, max_size=2, unique=True).map(tuple)
    return st.builds(Branch, st.sampled_from(list(JOINS)), some)


_flat = _conditions()
_filters = _flat | _branches(_flat | _branches(_flat))
_chosen_statistic = st.sampled_from([key for key in STATISTICS if key != MEAN_STD])
_chosen_reduction = st.sampled_from([key for key in REDUCTIONS if key != LATEST])
_ids = st.frozensets(st.text("abcXYZ019-_", min_size=1, max_size=32), max_size=4)
_runsets = st.builds(
    Runset,
    search=_text,
    conditions=_few(_filters),  # of four conditions each: fewer than an address may hold
    fields=_few(_column | _run_field.filter(groupable)),
    grouped=st.booleans(),
    sort=_few(st.builds(Sort, _column | _run_field, st.booleans())),
    columns=st.none() | st.just("differ") | _few(_any_field),
    pinned=_few(_any_field),
    statistics=st.dictionaries(_any_field, _chosen_statistic, max_size=3).map(_statistics),
    reduced=st.dictionaries(_text, _chosen_reduction, max_size=3).map(_reduced),
    hidden=_ids,
    open=_ids,
    page=st.integers(1, 1000),
)

_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

LR, JOB, ACC = Field(CONFIG, "lr"), Field(RUN, "job_type"), Field(SUMMARY, "val/acc")
GROUPED = Runset(fields=(Field(RUN, "group"), JOB), grouped=True)


PLAIN = Runset()


def read(text: str, defaults: Runset = PLAIN) -> Runset:
    return runset_from_query(QueryDict(text), defaults=defaults)


@_patient
@given(_runsets, _runsets)
def test_the_query_string_of_a_runset_reads_back_as_the_runset(runset, defaults):
    assert read(query_string(runset, defaults), defaults) == runset


@_patient
@given(_runsets)
def test_the_query_string_of_the_defaults_is_empty(runset):
    assert query_string(runset, runset) == ""


@given(_conditions())
def test_a_condition_reads_back_whatever_its_field_and_values_hold(condition):
    assert condition_from(condition_text(condition)) == condition


def test_the_written_form_is_short_and_readable():
    runset = Runset(
        fields=(LR, JOB),
        grouped=True,
        sort=(Sort(ACC, True),),
        conditions=(Condition(Field(CONFIG, "a:b"), "in", ("x", "y")),),
    )
    assert query_string(runset, Runset()) == (
        "f=config.a%5C:b:in:x:y&group=config.lr&group=job_type&sort=-summary.val/acc"
    )


def test_brackets_are_conditions_of_their_own():
    text = "f=any(&f=config.lr:=:0.1&f=all(&f=group:set&f=tags:in:a:b&f=)&f=)&f=none(&f=state:=:crashed&f=)"
    runset = read(text)
    lr = Condition(LR, "=", ("0.1",))
    both = Branch("all", (Condition(Field(RUN, "group"), "set"), Condition(Field(RUN, "tags"), "in", ("a", "b"))))
    crashed = Condition(Field(RUN, "state"), "=", ("crashed",))
    assert runset.conditions == (Branch("any", (lr, both)), Branch("none", (crashed,)))
    assert query_string(runset, PLAIN) == text.replace(":=:", ":%3D:")
    assert list(map(filter_label, runset.conditions)) == [
        "lr = 0.1 or (Group is set and Tags in a, b)",
        "not (State = crashed)",
    ]


def test_no_group_parameter_means_the_default_and_an_empty_one_means_none():
    assert read("", GROUPED).grouping == GROUPED.fields
    assert read("group=", GROUPED).grouping == ()
    assert read("group=config.lr", GROUPED).grouping == (LR,)


def test_grouped_0_keeps_the_fields_for_the_way_back():
    runset = read("grouped=0", GROUPED)
    assert runset.grouping == ()
    assert toggles.toggled_group(runset) == GROUPED


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("group=nothing", "group"),
        ("group=created_at", "group"),
        ("group=config.a&group=config.a", "group"),
        ("&".join(f"group=config.{i}" for i in range(33)), "group"),
        ("grouped=yes", "grouped"),
        ("f=config.lr", "f"),
        ("f=config.lr:~:1", "f"),
        ("f=config.lr:=", "f"),
        ("f=config.lr:set:1", "f"),
        ("f=config.lr:=:1\\", "f"),
        ("f=runs:=:1", "f"),
        ("&".join(f"f=config.a:=:{i}" for i in range(21)), "f"),
        ("f=any(", "f"),
        ("f=)", "f"),
        ("f=any(&f=)", "f"),
        ("f=any(&f=config.a:=:1", "f"),
        ("f=xor(&f=config.a:=:1&f=)", "f"),
        ("&".join(["f=any("] * 6 + ["f=config.a:=:1"] + ["f=)"] * 6), "f"),
        (
            "f=any(&"
            + "&".join(f"f=config.a:=:{i}" for i in range(15))
            + "&f=)&f=all(&f=config.a:set&f=config.b:set&f=)"
            "&f=config.c:set&f=config.d:set&f=config.e:set&f=config.f:set",
            "f",
        ),
        ("f=any(&f=config.a:set&f=config.a:set&f=)", "f"),
        ("pin=runs", "pin"),
        ("columns=differ&columns=config.a", "columns"),
        ("sort=-", "sort"),
        ("columns=runs", "columns"),
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=٣", "page"),
        ("page=" + "9" * 5000, "page"),
        ("hide=<script>", "hide"),
        ("open=" + ",".join(map(str, range(51))), "open"),
        ("q=a%00b", "q"),
        ("q=" + "a" * 1001, "q"),
    ],
)
def test_what_means_nothing_is_refused_by_the_name_of_its_parameter(text, names):
    with pytest.raises(BadQuery, match=f"^{names}: "):
        read(text)


def test_a_head_sorts_descending_then_ascending_then_not():
    runset = Runset(page=3)
    steps = []
    for _ in range(3):
        runset = toggles.sorted_by(runset, ACC)
        steps.append(runset.sort)
    assert steps == [(Sort(ACC, True),), (Sort(ACC, False),), ()]
    assert runset.page == 1
    assert toggles.sorted_by(Runset(sort=(Sort(LR),)), ACC).sort == (Sort(ACC, True),)


def test_fields_are_set_in_order_and_taken_away():
    runset = toggles.with_fields(Runset(), (LR, JOB))
    assert runset.grouping == (LR, JOB)
    assert toggles.without_field(runset, LR).grouping == (JOB,)
    assert toggles.without_field(toggles.without_field(runset, LR), JOB) == Runset()
    assert toggles.cleared_group(runset) == Runset()


def test_toggling_twice_is_nothing():
    assert toggles.toggled_open(toggles.toggled_open(GROUPED, "a"), "a") == GROUPED
    assert toggles.toggled_hidden(toggles.toggled_hidden(GROUPED, "a"), "a") == GROUPED


def test_a_column_shows_one_statistic_of_groups():
    runset = read("stat=median:summary.val/acc&stat=mean_std:config.lr")
    assert (runset.statistic(ACC), runset.statistic(LR)) == ("median", "mean_std")
    assert (
        query_string(toggles.with_statistic(runset, LR, "max"), PLAIN)
        == "stat=max:config.lr&stat=median:summary.val/acc"
    )
    assert toggles.with_statistic(runset, ACC, "mean_std") == PLAIN
    for text in ("stat=sum:config.lr", "stat=median", "stat=median:config.lr&stat=max:config.lr"):
        with pytest.raises(BadQuery, match=r"^stat: "):
            read(text)


def test_a_summary_column_shows_one_value_of_each_run():
    runset = read("show=max:summary.val/acc&show=latest:summary.loss")
    assert runset.shown(ACC) == Reduced(SUMMARY, "val/acc", "max")
    assert runset.shown(LR) == LR
    loss = Field(SUMMARY, "loss")
    assert (
        query_string(toggles.with_reduction(runset, loss, "first"), PLAIN)
        == "show=first:summary.loss&show=max:summary.val/acc"
    )
    assert toggles.with_reduction(runset, ACC, "latest") == PLAIN
    assert read("show=", runset) == PLAIN
    sorted_by = replace(runset, sort=(Sort(ACC),), page=3)
    assert toggles.with_reduction(sorted_by, ACC, "min").page == 1
    assert toggles.with_reduction(sorted_by, loss, "min").page == 3
    for text in ("show=mean:summary.acc", "show=max", "show=max:config.lr", "show=max:group", "show=max:summary.a%00",
                 "show=max:summary.acc&show=min:summary.acc", "show=max:nothing"):  # fmt: skip
        with pytest.raises(BadQuery, match=r"^show: "):
            read(text)
