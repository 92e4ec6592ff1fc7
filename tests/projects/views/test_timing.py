"""What pages that ask again and again are told of the work they make."""

import re
import time

import pytest
from django.http import HttpResponse

from projects.views.timing import timed
from tests.projects.cast import make_cast

pytestmark = pytest.mark.django_db


@timed
def worked(seconds: float, waited: float) -> HttpResponse:
    time.sleep(waited)
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
    return HttpResponse()


def said(response: HttpResponse) -> float:
    found = re.fullmatch(r"cpu;dur=(\d+\.\d)", response["Server-Timing"])
    assert found
    return float(found[1])


def test_an_answer_says_how_long_a_processor_was_busy_with_it_and_not_how_long_it_took():
    assert said(worked(0.02, 0)) >= 20
    assert said(worked(0.001, 0.3)) < 200


@pytest.mark.parametrize("what", ["", "/version", "/figures"])
def test_what_a_live_page_asks_for_says_so(what):
    cast = make_cast()
    client = cast.as_("owner")
    address = f"/lab/digits{what}"
    answer = client.post(address, "[]", content_type="application/json") if what == "/figures" else client.get(address)
    assert said(answer) > 0
