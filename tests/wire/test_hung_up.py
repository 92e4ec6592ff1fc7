"""A start that is served only after its client has hung up opens no run again: the client has asked anew."""

from __future__ import annotations

import base64
import socket

import pytest
from django.test import Client

from projects import access
from runs import ingest
from runs.models import Run, State
from tests.factories import make_user
from tests.wire.replay import requests_of

pytestmark = pytest.mark.django_db

START = requests_of("a_basic")[1]["body"]


@pytest.fixture
def client() -> Client:
    key = base64.b64encode(f"api:{access.api_key_create(user=make_user('tester'))}".encode()).decode()
    return Client(headers={"Authorization": f"Basic {key}"})


def started(client: Client, connection: socket.socket) -> int:
    asked = START | {"variables": START["variables"] | {"entity": "tester"}}
    return client.post("/graphql", asked, "application/json", **{"gunicorn.socket": connection}).status_code


def test_nobody_waits_for_a_late_start(client: Client) -> None:
    server, asker = socket.socketpair()
    with server:
        with asker:
            assert started(client, server) == 200
            run = Run.objects.get()
            ingest.stream_accept(run_id=run.id, writer="", request=ingest.StreamRequest(complete=True))
        assert started(client, server) == 503
    run.refresh_from_db()
    assert run.state == State.FINISHED


def test_what_more_the_asker_has_to_say_is_left_to_be_read(client: Client) -> None:
    server, asker = socket.socketpair()
    with server, asker:
        asker.send(b"GET / HTTP/1.1\r\n")
        assert started(client, server) == 200
        assert server.recv(3) == b"GET"
