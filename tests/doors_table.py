"""Prints who is answered what by each route of a project: `.venv/bin/python -m pytest -qs tests/doors_table.py`.

A column for each of the cast; GET, then POST; of a private project, then of a public one.
"""

from __future__ import annotations

import pytest

from projects.models import Visibility
from projects.project_settings import visibility_set
from tests.projects.cast import Cast
from tests.test_every_door import OF_A_PROJECT, addresses, ask, cast, client_of

__all__ = ["cast"]
CAST = {"admin": "owner", "member": "teammate", "viewer": "viewer", "stranger": "stranger", "anonymous": "anonymous"}


@pytest.mark.django_db
def test_print_the_table(cast: Cast) -> None:
    for visibility in Visibility:
        visibility_set(project=cast.project, visibility=visibility)
        print(f"\n| {visibility} project | {' | '.join(CAST)} |\n| --- |{' --- |' * len(CAST)}")
        clients = {who: client_of(cast, as_) for who, as_ in CAST.items()}
        for route in OF_A_PROJECT:
            path = addresses(route)[0]
            # The least first: what an admin's POST changes is seen by nobody after.
            said = {
                who: " ".join(str(ask(client, method, path)[0]) for method in ("get", "post"))
                for who, client in reversed(clients.items())
            }
            print(f"| `{route}` | {' | '.join(said[who] for who in CAST)} |")
