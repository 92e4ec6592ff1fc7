from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from projects.query.fields import field_from
from projects.query.runset import BadQuery, Condition, Runset
from projects.query.selection import selected, version
from runs.models import Run, State
from tests.factories import make_project, make_run, set_values

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_project()


def names(project, *conditions, search=""):
    made = tuple(Condition(field_from(field), operator, values) for field, operator, *values in conditions)
    made = tuple(Condition(one.field, one.operator, tuple(one.values)) for one in made)
    return {run.name for run in selected(project, Runset(search=search, conditions=made))}


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
        ("config.x", "regex", "a{99999999999}"),
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


@pytest.mark.parametrize("pattern", ["(", "*", "a{2,1}", "(?P<n", "\\"])
def test_a_bad_pattern_is_refused_and_the_transaction_lives_on(project, pattern):
    with pytest.raises(BadQuery, match="regular expression"):
        names(project, search=f"/{pattern}/")
    assert Run.objects.count() == 0


@pytest.mark.parametrize("pattern", ["(?<=a)b", "(?P<n>a)", "(?i:a)", r"\Aab\Z", "(a)(?(1)b|c)"])
def test_a_pattern_only_python_knows_works_or_is_refused_but_never_fails(project, pattern):
    make_run(project, "ab")
    try:
        assert names(project, search=f"/{pattern}/") == {"ab"}
    except BadQuery:
        assert Run.objects.count() == 1


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
