from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from projects.query.fields import field_from
from projects.query.runset import BadQuery, Branch, Condition, Filter, Runset
from projects.query.selection import selected, version
from runs.models import Run, State, run_id
from tests.factories import make_project, make_run, set_values

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_project()


def made(part) -> Filter:
    """("config.x", "=", "1") or ("any", [parts])."""
    if isinstance(part[1], list):
        return Branch(part[0], tuple(map(made, part[1])))
    field, operator, *values = part
    return Condition(field_from(field), operator, tuple(values))


def names(project, *conditions, search=""):
    return {run.name for run in selected(project, Runset(search=search, conditions=tuple(map(made, conditions))))}


@pytest.fixture
def typed(project):
    """One run a kind of value of config.x, and one without it."""
    values = {
        "one": 1,
        "float": 1.0,
        "text": "1",
        "true": True,
        "yes": "true",
        "null": None,
        "adam": "adam",
        "list": [8, 16],
        "half": 0.5,
        "nan": float("nan"),
    }
    for name, value in values.items():
        set_values(make_run(project, name), config={"x": value})
    make_run(project, "unset")
    return project


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (("=", "1"), {"one", "float"}),
        (("=", "1.0"), {"one", "float"}),
        (("=", '"1"'), {"text"}),
        (("=", "true"), {"true"}),
        (("=", '"true"'), {"yes"}),
        (("=", "null"), {"null"}),
        (("=", "adam"), {"adam"}),
        (("=", "[8, 16]"), {"list"}),
        (("=", "NaN"), {"nan"}),
        (("<", "1"), {"half"}),
        (("<=", "1"), {"half", "one", "float"}),
        ((">", "0.5"), {"one", "float"}),
        ((">=", "5e-1"), {"half", "one", "float"}),
        (("in", "0.5", "adam"), {"half", "adam"}),
        (("=", "[8,16.0]"), {"list"}),
        (("=", '"NaN"'), set()),
        (("in", "0.5", "NaN", "null", '"1"'), {"half", "nan", "null", "text"}),
        (("contains", "DA"), {"adam"}),
        (("regex", "^a.*m$"), {"adam"}),
        (("not set",), {"unset"}),
        (("!=", "1"), {"text", "true", "yes", "null", "adam", "list", "half", "nan", "unset"}),
        (("not in", "1", "adam"), {"text", "true", "yes", "null", "list", "half", "nan", "unset"}),
    ],
)
def test_a_condition_on_a_column_tells_types_apart(typed, condition, expected):
    assert names(typed, ("config.x", *condition)) == expected


def test_is_set_includes_an_explicit_null(typed):
    assert names(typed, ("config.x", "set")) == names(typed) - {"unset"}
    assert names(typed, ("config.unheard", "set")) == set()
    assert names(typed, ("config.unheard", "not set")) == names(typed)


def test_run_fields_are_filtered_and_their_complements_hold_where_nothing_is_set(project):
    make_run(project, "a", group="exp", user_name="ada", host="big")
    make_run(project, "b", group="", user_name="bob")
    assert names(project, ("group", "=", "exp")) == {"a"}
    assert names(project, ("group", "!=", "exp")) == {"b"}
    assert names(project, ("group", "not set")) == {"b"}
    assert names(project, ("user", "in", "ada", "bob"), ("host", "contains", "BIG")) == {"a"}
    assert names(project, ("host", "regex", "^b")) == {"a"}


def test_a_silent_run_is_found_as_crashed(project):
    make_run(project, "alive")
    make_run(project, "silent", heartbeat_at=timezone.now() - timedelta(days=1))
    assert names(project, ("state", "=", "crashed")) == {"silent"}
    assert names(project, ("state", "!=", "crashed")) == {"alive"}


def test_tags_match_when_one_of_them_does(project):
    set_values(make_run(project, "a"), tags=["baseline", "v2"])
    set_values(make_run(project, "b"), tags=["v2"])
    make_run(project, "c")
    assert names(project, ("tags", "=", "v2")) == {"a", "b"}
    assert names(project, ("tags", "!=", "v2")) == {"c"}
    assert names(project, ("tags", "contains", "BASE")) == {"a"}
    assert names(project, ("tags", "not set")) == {"c"}
    with pytest.raises(BadQuery):
        names(project, ("tags", "<", "v2"))


def test_times_days_and_durations_are_compared(project):
    start = datetime(2026, 1, 31, 12, tzinfo=UTC)
    make_run(project, "short", created_at=start, heartbeat_at=start, ended_at=start + timedelta(seconds=90))
    make_run(project, "long", created_at=start + timedelta(days=1), heartbeat_at=start + timedelta(days=2))
    assert names(project, ("created_at", ">", "2026-02-01")) == {"long"}
    assert names(project, ("created_at", "<=", "2026-01-31T12:00")) == {"short"}
    assert names(project, ("created_day", "=", "2026-01-31")) == {"short"}
    assert names(project, ("duration", "<", "91")) == {"short"}
    assert names(project, ("duration", ">", "91")) == {"long"}


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("config.x", "<", "adam"),
        ("group", "<", "1"),
        ("created_day", "=", "yesterday"),
        ("created_day", "=", "2026-02-31"),
        ("created_at", ">", "2026-13-01"),
        ("duration", "<", "1e300"),
        ("created_at", "contains", "2026"),
        ("config.x", "regex", "("),
        ("config.x", "regex", "a" * 201),
        ("config.x", "regex", "a{1001}"),
        ("tags", "regex", "["),
    ],
)
def test_a_value_that_means_nothing_is_refused(project, field, operator, value):
    with pytest.raises(BadQuery):
        names(project, (field, operator, value))


def test_search_finds_either_name_in_any_case_and_takes_wildcards_literally(project):
    make_run(project, "id-1", display_name="Änderung 100%")
    make_run(project, "id-2", display_name="plain")
    assert names(project, search="ID-2") == {"id-2"}
    assert names(project, search="PLAIN") == {"id-2"}
    assert names(project, search="änderung") == {"id-1"}
    assert names(project, search="%") == {"id-1"}
    assert names(project, search="_") == set()


def test_search_between_slashes_is_a_regular_expression(project):
    make_run(project, "fold-1")
    make_run(project, "fold-x")
    assert names(project, search=r"/^fold-\d$/") == {"fold-1"}
    assert names(project, search="/") == set()
    assert Run.objects.count() == 2  # the connection is still usable


@pytest.mark.parametrize("pattern", ["(", "*", "a{2,1}", "(?P<n", "\\", "(?<=a)b", "(a)(?(1)b|c)", r"(a)\1", "a{1001}"])
def test_a_bad_pattern_is_refused_and_the_transaction_lives_on(project, pattern):
    with pytest.raises(BadQuery, match="regular expression"):
        names(project, search=f"/{pattern}/")
    assert Run.objects.count() == 0


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"^lr=0\.1\b", {"lr=0.1 ä"}),
        (r"\d+$", {"x\ny 12"}),
        ("(?i)Ä$", {"lr=0.1 ä"}),
        ("x.y", set()),
        ("(?s)x.y", {"x\ny 12"}),
        (r"\pL ä?", {"x\ny 12"}),
        (r"[[:digit:]] \x{e4}", {"lr=0.1 ä"}),
        ("(x+x+)+y", set()),
    ],
)
def test_patterns_are_of_one_flavour_on_every_database(project, pattern, expected):
    for display_name in ("lr=0.1 ä", "x\ny 12", "x" * 500):
        set_values(make_run(project, display_name, display_name=display_name), config={"x": display_name})
    assert names(project, search=f"/{pattern}/") == expected
    assert names(project, ("config.x", "regex", pattern)) == expected
    assert names(project, ("display_name", "regex", pattern)) == expected


def test_every_word_of_a_search_must_be_in_a_name(project):
    make_run(project, "a", display_name="Adam lr=0.1 Straße")
    make_run(project, "b", display_name="sgd lr=0.1")
    assert names(project, search="0.1 ADAM") == {"a"}
    assert names(project, search=" lr= ") == {"a", "b"}
    assert names(project, search="STRASSE") == set()
    assert names(project, search="straßE adam") == {"a"}
    assert names(project, search="   ") == {"a", "b"}


def test_a_pattern_may_match_any_number_of_texts(project):
    Run.objects.bulk_create(
        Run(id=run_id(project.id, str(number)), project=project, name=str(number), display_name=f"run {number}")
        for number in range(3000)
    )
    assert len(names(project, search="/^run /")) == 3000
    assert len(names(project, search="/99$/")) == 30


TREES = [
    (("any", [("config.x", "=", "1"), ("config.x", "=", "adam")]), {"one", "float", "adam"}),
    (("all", [("config.x", ">", "0.2"), ("config.x", "<", "1")]), {"half"}),
    (("none", [("config.x", "set")]), {"unset"}),
    (("none", [("group", "contains", "e"), ("config.x", "not set")]), {"half"}),
    (
        (
            "any",
            [("config.x", "not set"), ("all", [("config.x", "contains", "a"), ("none", [("config.x", "=", "adam")])])],
        ),
        {"unset", "nan"},
    ),
]


@pytest.mark.parametrize(("tree", "expected"), TREES)
def test_conditions_are_joined_by_brackets_at_any_depth(typed, tree, expected):
    Run.objects.exclude(name__in=["half", "unset"]).update(group="exp")
    assert names(typed, tree) == expected
    assert names(typed, ("none", [tree])) == names(typed) - names(typed, tree)
    assert names(typed, ("all", [tree, ("config.x", "=", "adam")])) == names(typed, tree) & {"adam"}


CONDITIONS = [
    ("config.x", "=", "1"),
    ("config.x", "<", "1"),
    ("config.x", "contains", "a"),
    ("config.x", "regex", "a"),
    ("config.x", "set"),
    ("group", "=", "exp"),
    ("group", "contains", "xp"),
    ("group", "contains", "é"),
    ("group", "regex", "e"),
    ("group", "set"),
    ("tags", "=", "v2"),
    ("tags", "contains", "v"),
    ("state", "=", "running"),
    ("created_at", "within", "1h"),
    ("duration", ">", "1"),
]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_none_is_the_exact_complement_whatever_is_not_set(typed, condition):
    Run.objects.filter(name__in=["one", "text"]).update(group="exp")
    set_values(Run.objects.get(name="one"), tags=["v2"])
    assert names(typed, ("none", [condition])) == names(typed) - names(typed, condition)
    assert names(typed, ("any", [condition, ("none", [condition])])) == names(typed)


def test_within_last_looks_back_from_now(project):
    now = timezone.now()
    make_run(project, "new", created_at=now - timedelta(minutes=50))
    make_run(project, "old", created_at=now - timedelta(days=8))
    assert names(project, ("created_at", "within", "1h")) == {"new"}
    assert names(project, ("created_at", "within", "2 w")) == {"new", "old"}
    assert names(project, ("created_day", "within", "7d")) == {"new"}
    assert names(project, ("created_at", "within", "999999999w")) == {"new", "old"}
    for field, span in (
        ("created_at", "7"),
        ("created_at", "d"),
        ("created_at", "1y"),
        ("duration", "1h"),
        ("group", "1h"),
    ):
        with pytest.raises(BadQuery):
            names(project, (field, "within", span))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans by the size of its tables")
@pytest.mark.parametrize(
    ("condition", "index"),
    [
        (("config.x", "=", "1"), "column_id=? AND token=?"),
        (("config.x", "in", "1", "adam"), "column_id=? AND token=?"),
        (("config.x", ">", "3"), "column_id=? AND number>?"),
    ],
)
def test_equality_and_order_of_a_column_are_looked_up_in_an_index(typed, condition, index):
    assert index in selected(typed, Runset(conditions=(made(condition),))).explain()


def test_deleted_runs_and_other_projects_are_never_selected(project):
    make_run(project, "kept")
    make_run(project, "gone", deleted_at=timezone.now())
    make_run(make_project(name="other"), "foreign")
    assert names(project) == {"kept"}


def test_the_version_changes_with_every_change_and_only_then(project):
    def touch(run):
        Run.objects.filter(pk=run.pk).update(changed_at=timezone.now())

    seen = [version(project)]
    first, second = make_run(project), make_run(project)
    seen.append(version(project))
    touch(first)
    seen.append(version(project))
    assert version(project) == seen[-1]
    # A change that was made before the last one, but came to light after it.
    Run.objects.filter(pk=second.pk).update(changed_at=Run.objects.get(pk=first.pk).changed_at - timedelta(seconds=1))
    seen.append(version(project))
    assert len(set(seen)) == len(seen)


def test_the_version_changes_when_runs_fall_silent_and_come_back(project, django_assert_num_queries):
    silent = timezone.now() - timedelta(seconds=settings.CRASHED_AFTER_SECONDS + 60)
    long_ago = make_run(project, heartbeat_at=silent - timedelta(days=1))
    run = make_run(project)
    alive = version(project)
    Run.objects.filter(pk=run.pk).update(heartbeat_at=silent)
    fallen = version(project)
    Run.objects.filter(pk=long_ago.pk).update(heartbeat_at=timezone.now())
    Run.objects.filter(pk=run.pk).update(heartbeat_at=silent)
    back = version(project)
    assert len({alive, fallen, back}) == 3
    Run.objects.filter(pk=run.pk).update(state=State.FINISHED)
    with django_assert_num_queries(2):
        assert version(project) not in {alive, fallen, back}
