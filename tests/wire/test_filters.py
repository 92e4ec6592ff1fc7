"""`wandb.Api().runs`: filters in MongoDB's manner, orders, pages."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projects.models import Project
from runs.models import Run
from tests.factories import log_run, make_run, set_values
from tests.wire.replay import Replay, requests_of

RUNS = next(r for r in requests_of("j_readback") if r.get("operation") == "Runs")["body"]["query"]
START = datetime(2026, 1, 1, tzinfo=UTC)
# The fifth logged no lr.
LOGGED = (
    (0.1, "a", "finished"), (0.01, "a", "failed"), (1, "b", "running"), ("0.1", "b", "finished"), (None, "", "killed"),
)  # fmt: skip


@pytest.fixture
def project(owner: Replay) -> Project:
    owner.query('mutation { upsertModel(input: {name: "p"}) { inserted } }')
    project = Project.objects.get()
    for number, (lr, group, state) in enumerate(LOGGED):
        at = START + timedelta(hours=number)
        run = make_run(
            project, f"r{number}", display_name=f"Run {number}", group=group, state=state, user_name="tester",
            job_type="eval" if number % 2 else "train", notes=f"note {number}" if number else "", created_at=at,
            heartbeat_at=datetime.now(UTC) - timedelta(seconds=number),
        )  # fmt: skip
        config: dict[str, Any] = {"opt": {"name": "adam" if number < 3 else "sgd"}, "flag": number == 1}
        set_values(
            run,
            config=config | ({"lr": lr} if number < 4 else {}) | ({"nothing": None} if number == 4 else {}),
            summary={"loss": 1 / (number + 1), "val": {"acc": number}} if number != 2 else {"loss": float("nan")},
            tags=["even", "all"] if number % 2 == 0 else ["odd"],
        )
    return project


def page_of(owner: Replay, *, filters: Any = None, **variables: Any) -> Any:
    said = None if filters is None else json.dumps(filters)
    return owner.query(RUNS, project="p", entity="tester", filters=said, **variables)


def names(owner: Replay, filters: Any, order: str = "+created_at") -> str:
    """The numbers of the runs found, in order; what was counted is what is listed."""
    answer = page_of(owner, filters=filters, order=order)
    assert "errors" not in answer, answer["errors"]
    found = [edge["node"]["name"].removeprefix("r") for edge in answer["data"]["project"]["runs"]["edges"]]
    assert answer["data"]["project"]["runCount"] == len(found)
    return "".join(found)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (None, "01234"),
        ({}, "01234"),
        ({"$and": []}, "01234"),
        ({"$or": [{"$and": []}]}, "01234"),
        ({"group": "a"}, "01"),
        ({"group": None}, "4"),
        ({"group": ""}, "4"),
        ({"group": {"$ne": "a"}}, "234"),
        ({"group": {"$in": ["b", None]}}, "234"),
        ({"group": {"$exists": False}}, "4"),
        ({"config.lr": 0.1}, "0"),
        ({"config.lr": "0.1"}, "3"),
        ({"config.lr.value": 0.1}, "0"),
        ({"config.lr": 1.0}, "2"),
        ({"config.lr": {"$gt": 0.05}}, "02"),
        ({"config.lr": {"$gte": 0.01, "$lt": 1}}, "01"),
        ({"config.lr": {"$in": [1, 0.01]}}, "12"),
        ({"config.lr": {"$nin": [1, 0.01]}}, "034"),
        ({"config.lr": {"$in": []}}, ""),
        ({"config.lr": {"$exists": True}}, "0123"),
        ({"config.nothing": None}, "01234"),
        ({"config.nothing": {"$exists": True}}, "4"),
        ({"config.flag": True}, "1"),
        ({"config.flag": 1}, ""),
        ({"config.opt.name": "adam"}, "012"),
        ({"config.opt.value.name": "adam"}, "012"),
        ({"config.opt.name": {"$regex": "^s"}}, "34"),
        ({"config.opt.name": {"$regex": "^S", "$options": "i"}}, "34"),
        ({"config.opt.name": {"$not": {"$regex": "^s"}}}, "012"),
        ({"summary_metrics.loss": {"$lte": 0.25}}, "34"),
        ({"summaryMetrics.val.acc": {"$gte": 3}}, "34"),
        ({"tags": "even"}, "024"),
        ({"tags": {"$in": ["odd", "none"]}}, "13"),
        ({"tags": {"$nin": ["odd"]}}, "024"),
        ({"state": {"$in": ["finished", "failed"]}}, "013"),
        ({"state": {"$ne": "running"}}, "0134"),
        ({"jobType": "eval"}, "13"),
        ({"job_type": "eval"}, "13"),
        ({"displayName": {"$regex": "[01]$"}}, "01"),
        ({"display_name": "Run 2"}, "2"),
        ({"name": "r3"}, "3"),
        ({"username": "tester"}, "01234"),
        ({"notes": {"$exists": True}}, "1234"),
        ({"created_at": {"$gt": "2026-01-01T01:00:00"}}, "234"),
        ({"createdAt": {"$lte": "2026-01-01T01:00:00Z"}}, "01"),
        ({"heartbeatAt": {"$gt": "2026-01-01"}}, "01234"),
        ({"$or": [{"group": "b"}, {"config.lr": 0.1}]}, "023"),
        ({"$nor": [{"group": "b"}, {"config.lr": 0.1}]}, "14"),
        ({"$not": {"group": "b"}}, "014"),
        ({"$and": [{"group": "a"}, {"$or": [{"jobType": "eval"}, {"tags": "none"}]}]}, "1"),
        ({"group": "a", "config.lr": {"$gt": 0.05}}, "0"),
    ],
)  # fmt: skip
def test_a_filter_finds_the_runs_it_describes(owner: Replay, project: Project, filters: Any, found: str) -> None:
    assert names(owner, filters) == found


@pytest.mark.parametrize(
    ("filters", "text"),
    [
        ([1], "JSON object"),
        ({"$and": {"group": "a"}}, "$and"),
        ({"$or": []}, "$or"),
        ({"$where": "1"}, "$where"),
        ({"config.lr": {"$elemMatch": {}}}, "$elemMatch"),
        ({"config.lr": {"$in": 1}}, "$in"),
        ({"config.lr": {"$gt": "a"}}, "compared with numbers"),
        ({"config.lr": {"$gt": None}}, "compared with numbers"),
        ({"group": {"$gt": 1}}, "no order"),
        ({"group": ["a"]}, "$in"),
        ({"created_at": {"$gt": "yesterday"}}, "a time"),
        ({"created_at": {"$gt": 5}}, "a time"),
        ({"config.opt.name": {"$regex": "("}}, "regular expression"),
        ({"config.opt.name": {"$regex": 1}}, "$regex"),
        ({"config.opt.name": {"$regex": "a", "$options": "x"}}, "$options"),
        ({"runs": 1}, "'runs'"),
        ({"inputArtifacts": "x"}, "'inputArtifacts'"),
        ({"group": "a\0"}, "U+0000"),
        ({"$or": [{"group": str(number)} for number in range(101)]}, "at most"),
        ({"name": {"$in": [str(number) for number in range(10_001)]}}, "at most"),
    ],
)
def test_what_is_not_supported_is_named(owner: Replay, project: Project, filters: Any, text: str) -> None:
    answer = page_of(owner, filters=filters)
    assert text in answer["errors"][0]["message"]


NAMES = [
    "$and", "$or", "$not", "$nor", "$in", "$nin", "$gt", "$eq", "$ne", "$regex", "$exists", "$options", "$x", "group",
    "tags", "state", "created_at", "duration", "config.lr", "config.lr.value", "summary_metrics.x", "config.",
    "config.value", "name", "notes",
]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["a", "0.1", "2026-01-01"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters=VALUES)
def test_any_filter_is_answered_or_refused_with_a_text(owner: Replay, project: Project, filters: Any) -> None:
    answer = page_of(owner, filters=filters)
    assert answer.get("errors", [{"message": "-"}])[0]["message"]


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("+created_at", "01234"),
        ("created_at", "01234"),
        ("-created_at", "43210"),
        ("-heartbeat_at", "01234"),
        ("+heartbeatAt", "43210"),
        ("+config.lr.value", "10243"),
        ("-config.lr", "20143"),
        ("-summary_metrics.loss", "01342"),
        ("+summary_metrics.loss", "43102"),
        ("-summary_metrics.val.acc", "43102"),
        ("+display_name", "01234"),
        ("-name", "43210"),
        ("+state", "13042"),
        ("+group", "10324"),
    ],
)
def test_runs_come_in_the_order_asked_for_and_those_without_a_value_last(
    owner: Replay, project: Project, order: str, found: str
) -> None:
    assert names(owner, None, order) == found


def test_an_order_there_is_not_is_named(owner: Replay, project: Project) -> None:
    assert "'speed'" in page_of(owner, order="speed")["errors"][0]["message"]


def test_pages_go_on_after_the_last_run_whatever_comes_and_goes_meanwhile(owner: Replay, project: Project) -> None:
    def page(cursor: str | None) -> tuple[str, str, bool]:
        runs = page_of(owner, order="-created_at", perPage=2, cursor=cursor)["data"]["project"]["runs"]
        assert runs["pageInfo"]["endCursor"] == runs["edges"][-1]["cursor"]
        found = "".join(edge["node"]["name"].removeprefix("r") for edge in runs["edges"])
        return found, runs["edges"][-1]["cursor"], runs["pageInfo"]["hasNextPage"]

    found, cursor, more = page(None)
    assert (found, more) == ("43", True)
    make_run(project, "new", created_at=START + timedelta(days=1))
    found, after, more = page(cursor)
    assert (found, more) == ("21", True)
    Run.objects.get(name="r4").delete()
    assert page(cursor)[0] == "21"
    assert page(after)[::2] == ("0", False)


def test_a_list_of_many_runs_takes_as_many_queries_as_one_of_few(owner: Replay, project: Project) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            page_of(owner, filters={"config.lr": {"$exists": True}}, order="-config.lr")
        return len(captured)

    queries()  # the first fills the memory of columns
    few = queries()
    for number in range(20):
        log_run(project, f"more-{number}", [], config={"lr": number})
    queries()
    assert queries() == few


def test_what_is_long_is_read_only_where_it_is_asked_for(owner: Replay, project: Project) -> None:
    with CaptureQueriesContext(connection) as captured:
        page_of(owner)
    assert not any('"runs_run"."config"' in query["sql"] for query in captured)
    whole = RUNS.replace("historyLineCount", "historyLineCount config summaryMetrics")
    with CaptureQueriesContext(connection) as captured:
        answer = owner.query(whole, project="p", entity="tester")
    node = answer["data"]["project"]["runs"]["edges"][0]["node"]
    assert json.loads(node["config"])["lr"] == {"value": 0.1}
    assert json.loads(node["summaryMetrics"])["loss"] == 1
    assert sum('"runs_run"."config"' in query["sql"] for query in captured) == 1


def test_a_stranger_is_told_of_no_project(project: Project, stranger: Replay) -> None:
    assert page_of(stranger, filters={"group": "a"})["data"]["project"] is None
