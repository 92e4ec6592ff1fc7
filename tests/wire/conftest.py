from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from projects import access
from projects.models import User
from tests.factories import make_user
from tests.wire.replay import Replay


@pytest.fixture(autouse=True)
def _files_in_a_fresh_place(settings, tmp_path: Path) -> None:
    """Uploads of a test stay in the test."""
    default = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "files"}}
    settings.STORAGES = settings.STORAGES | {"default": default}


def replay_as(user: User) -> Replay:
    return Replay(Client(), access.api_key_create(user=user))


@pytest.fixture
def owner(db) -> Replay:
    """The person of the recordings: entity `tester`."""
    return replay_as(make_user("tester"))


@pytest.fixture
def teammate(db, owner: Replay) -> Replay:
    user = make_user("teammate")
    access.Membership.objects.create(
        user=user, entity=access.Entity.objects.get(name="tester"), role=access.Role.MEMBER
    )
    return replay_as(user)


@pytest.fixture
def stranger(db) -> Replay:
    return replay_as(make_user("stranger"))
