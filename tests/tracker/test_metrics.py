from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests
from django.test import Client

from tests.factories import make_user
from tests.live import serve
from tracker import metrics

SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="[^"]*",?)*)\})? ([0-9.e+-]+)')


def read(text: str) -> dict[str, float]:
    """Sample → value; each line has to be one of the text format's."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("# "):
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            found[f"{sample[1]}{{{sample[2] or ''}}}"] = float(sample[3])
    return found


@pytest.mark.django_db
def test_the_page_is_there_for_the_token_and_for_staff_only(settings, client: Client) -> None:
    user = make_user("ada")
    settings.METRICS_TOKEN = "a token"
    said = [{}, {"Authorization": "Bearer"}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic a token"}]
    assert [client.get("/metrics", headers=headers).status_code for headers in said] == [404] * 4
    assert client.get("/metrics", headers={"Authorization": "Bearer a token"}).status_code == 200
    client.force_login(user)
    assert client.get("/metrics").status_code == 404
    user.is_staff = True
    user.save()
    assert client.get("/metrics").status_code == 200
    settings.METRICS_TOKEN = ""
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.django_db
def test_requests_are_counted_by_route_and_never_by_what_is_asked_for(settings, client: Client) -> None:
    settings.METRICS_TOKEN = "t"

    def counts() -> dict[str, float]:
        return read(client.get("/metrics", headers={"Authorization": "Bearer t"}).content.decode())

    before = counts()
    for name in ("a", "b", "c"):
        client.get(f"/nobody/{name}")
    client.get("/a/b/c/d/e/f/g/h")
    after = counts()
    route = '{route="<str:entity>/<str:project>"'

    def more(sample: str) -> float:
        return after[sample] - before.get(sample, 0)

    assert more(f'cohort_requests_total{route},status="404"}}') == 3
    assert more('cohort_requests_total{route="",status="404"}') == 1
    assert more(f'cohort_request_seconds_bucket{route},le="+Inf"}}') == 3
    assert more(f"cohort_request_seconds_count{route}}}") == 3
    buckets = [after[f'cohort_request_seconds_bucket{route},le="{le}"}}'] for le in metrics.SECONDS[:-1]]
    assert buckets == sorted(buckets)
    assert more(f"cohort_request_seconds_sum{route}}}") > 0
    assert "nobody" not in str(after)


def test_every_route_has_a_place() -> None:
    assert 10 < len(metrics._routes()) <= metrics._ROUTES


@pytest.mark.client
def test_all_workers_are_summed_up(tmp_path: Path) -> None:
    with serve(tmp_path, METRICS_TOKEN="t") as server:

        def counts() -> dict[str, float]:
            answer = requests.get(f"{server.url}/metrics", headers={"Authorization": "Bearer t"}, timeout=60)
            return read(answer.text)

        asked = 'cohort_requests_total{route="<str:entity>/<str:project>",status="404"}'
        for _ in range(40):  # a connection each: to whichever worker takes it
            assert requests.get(f"{server.url}/nobody/nothing", timeout=60).status_code == 404
        before = counts()
        assert before[asked] == 40
        assert before["cohort_workers{}"] >= 2
