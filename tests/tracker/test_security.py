from __future__ import annotations

import pytest
from django.test import Client

from tracker.security import POLICY


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/sign-in", "/", "/nobody/nothing", "/healthz", "/graphql"])
def test_every_answer_has_the_content_security_policy(client: Client, address: str) -> None:
    assert client.get(address)["Content-Security-Policy"] == POLICY


def test_no_script_may_stand_in_a_page_or_be_made_from_text() -> None:
    assert "unsafe-eval" not in POLICY
    assert "script-src" not in POLICY  # what default-src says: from this site
    assert "default-src 'self'" in POLICY
