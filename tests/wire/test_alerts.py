from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from runs import ingest
from runs.models import Alert, Run
from tests.wire.replay import Replay, requests_of

ALERT = next(r for r in requests_of("h_alert") if r.get("operation") == "NotifyScriptableRunAlert")["body"]["query"]


@pytest.fixture
def run(owner: Replay) -> Run:
    owner.query('mutation { upsertBucket(input: {name: "r", modelName: "p", host: "h"}) { inserted } }')
    return Run.objects.get()


def send(client: Replay, title: str = "Low accuracy", text: str = "below 0.5", **more: Any) -> Any:
    said = {"entityName": "tester", "projectName": "p", "runName": "r", "title": title, "text": text}
    return client.query(ALERT, **said | more)


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    at = timezone.now() + timedelta(seconds=seconds)
    monkeypatch.setattr(ingest.timezone, "now", lambda: at)


def test_an_alert_is_kept_and_the_page_of_its_run_changes(owner: Replay, run: Run) -> None:
    assert send(owner, severity="WARN", waitDuration=300_000)["data"]["notifyScriptableRunAlert"] == {"success": True}
    alert = Alert.objects.get()
    assert (alert.run_id, alert.project_id) == (run.id, run.project_id)
    assert (alert.level, alert.title, alert.text) == ("warn", "Low accuracy", "below 0.5")
    now = Run.objects.get()
    assert now.changed_at > run.changed_at
    assert now.heartbeat_at == run.heartbeat_at


def test_of_one_title_at_most_one_comes_in_the_time_to_wait(
    owner: Replay, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(owner, text="1", waitDuration=300_000)
    send(owner, text="2", waitDuration=300_000)
    send(owner, title="Another", waitDuration=300_000)
    later(monkeypatch, 299)
    send(owner, text="3", waitDuration=300_000)
    later(monkeypatch, 10)
    send(owner, text="4", waitDuration=300_000)
    found = Alert.objects.order_by("sent_at").values_list("title", "text")
    assert list(found) == [("Low accuracy", "1"), ("Another", "below 0.5"), ("Low accuracy", "4")]


def test_without_a_wait_each_alert_counts_but_a_repetition(
    owner: Replay, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, 0)  # all at one moment
    for text in ("1", "1", "2", "2", "1"):
        send(owner, text=text, waitDuration=0)
    send(owner, text="1", severity="ERROR", waitDuration=0)
    assert list(Alert.objects.order_by("sent_at").values_list("text", "level")) == [
        ("1", "info"),
        ("2", "info"),
        ("1", "error"),
    ]
    later(monkeypatch, 61)
    send(owner, text="1", waitDuration=0)
    assert Alert.objects.count() == 4


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 1001}, "title"),
        ({"text": "x" * 20_001}, "text"),
        ({"severity": "FATAL"}, "AlertSeverity"),
        ({"waitDuration": "long"}, "integer"),
        ({"runName": "missing"}, "not found"),
        ({"projectName": "missing"}, "not found"),
    ],
)
def test_wrong_values_are_named(owner: Replay, run: Run, variables: dict[str, Any], text: str) -> None:
    assert text in send(owner, **variables)["errors"][0]["message"]
    assert not Alert.objects.exists()


def test_any_text_and_any_wait_are_taken(owner: Replay, run: Run) -> None:
    assert "errors" not in send(owner, title="a\0\ud800", text="", waitDuration=2**62)
    assert "errors" not in send(owner, title="b", waitDuration=-5)
    assert set(Alert.objects.values_list("title", flat=True)) == {"a\ufffd\ufffd", "b"}


def test_only_who_may_write_sends_alerts(run: Run, teammate: Replay, stranger: Replay) -> None:
    assert "not found" in send(stranger)["errors"][0]["message"]
    assert not Alert.objects.exists()
    assert "errors" not in send(teammate)
    assert Alert.objects.count() == 1
