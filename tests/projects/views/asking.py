"""Asks for one page of a project again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from projects.models import Project


def asking(client: Client, project: Project, page: str, **always: object) -> Callable[..., Any]:
    """As the project's owner; `always` is asked unless something else is said."""
    client.force_login(project.entity.owner)

    def get(status: int = 200, **query: object) -> Any:
        response = client.get(f"/{project}/{page}?{urlencode({**always, **query}, doseq=True)}")
        assert response.status_code == status, response.content
        return response

    return get
