"""Requests through all of Django but the network, answered as a thread of the server answers them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from django.db import close_old_connections
from django.test import Client

from tracker.bench import data

# A connection of its own, as old as the settings let it become: SQLite's is closed after each request.
_THREAD = ThreadPoolExecutor(1)


def signed_in() -> Client:
    client = Client(SERVER_NAME="localhost")
    client.force_login(data.user())
    return client


def get(client: Client, address: str) -> bytes:
    """The whole answer, compressed. Raises RuntimeError unless it is 200."""
    return _THREAD.submit(answer, client, address).result()


def post(client: Client, address: str, body: bytes) -> bytes:
    """POST of JSON; like `get`."""
    return _THREAD.submit(answer, client, address, body).result()


def answer(client: Client, address: str, body: bytes | None = None) -> bytes:
    """`get` or `post` in this thread."""
    if body is None:
        response = client.get(address, headers={"Accept-Encoding": "gzip"})
    else:
        response = client.post(address, body, content_type="application/json")
    content = b"".join(response) if response.streaming else response.content
    close_old_connections()
    if response.status_code != 200:
        raise RuntimeError(f"{address} was answered with {response.status_code}: {content[:200]!r}")
    return bytes(content)
