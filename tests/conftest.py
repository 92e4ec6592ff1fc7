"""What every test may use. Databases, servers, clients and browsers are real; see tests/live.py."""

from __future__ import annotations

import gc
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import settings as examples

from tests.live import LiveServer, client_environment, serve

# A busy machine fails no test.
examples.register_profile("untimed", deadline=None)
examples.load_profile("untimed")


def pytest_configure() -> None:
    """What a shell starts in the background ignores interrupts, and so would the scripts that tests interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


DATABASES = {"db", "transactional_db", "django_db_setup", "live"}


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> Iterator[None]:
    """Tests that may not touch a database are marked (pytest-django keeps it from them), before any are left out.

    Files that wait for clients and browsers come first: no long one is left to the end, where it would run alone.
    """
    for item in items:
        if not item.get_closest_marker("django_db") and DATABASES.isdisjoint(item.fixturenames):
            item.add_marker("no_database")
    yield
    slow = {item.path for item in items if item.get_closest_marker("client") or item.get_closest_marker("browser")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """The thousands of tests stay until the end: nobody need look through them for garbage."""
    gc.freeze()


@pytest.fixture(scope="session")
def _no_static_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """WhiteNoise looks at each collected file whenever a test makes a client."""
    return tmp_path_factory.mktemp("static")


@pytest.fixture(autouse=True)
def _plain_storage(tmp_path: Path, _no_static_files: Path) -> Iterator[None]:
    """Uploads go to the test's own folder; static names need no collected manifest."""
    from django.test import override_settings

    storages = {
        "default": settings.STORAGES["default"] | {"OPTIONS": {"location": tmp_path / "files"}},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(STORAGES=storages, STATIC_ROOT=_no_static_files, PASSWORD_HASHERS=hashers):
        yield


@pytest.fixture(scope="session")
def live() -> Iterator[LiveServer]:
    """`manage.py serve` on a free port, with a database of its own: SQLite, or one made on DATABASE_URL's server."""
    with tempfile.TemporaryDirectory(prefix="cohort-live-") as folder, serve(Path(folder)) as server:
        yield server


@pytest.fixture
def wandb_env(live: LiveServer, tmp_path: Path) -> dict[str, str]:
    return client_environment(live, tmp_path)
