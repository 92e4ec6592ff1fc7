from __future__ import annotations

import io
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from projects import access
from projects.models import SignInLink
from runs import ingest
from runs.models import ArtifactContent, Run
from tests.factories import log_artifact, log_run, make_project, make_user
from tests.live import ROOT, LiveServer
from tracker.management.commands.maintain import TASKS


def maintained() -> list[str]:
    out = io.StringIO()
    call_command("maintain", stdout=out)
    return out.getvalue().splitlines()


def store_file(path: str, *, days_old: int) -> str:
    assert default_storage.save(path, ContentFile(b"x")) == path
    at = (timezone.now() - timedelta(days=days_old)).timestamp()
    os.utime(default_storage.path(path), (at, at))
    return path


@pytest.mark.django_db
def test_a_pass_over_nothing_says_so_in_one_line_each() -> None:
    assert maintained() == [
        "0 runs sealed, silent for 10 minutes",
        "0 expired sign-in links removed",
        "0 expired sessions removed",
        "0 former tries to sign in removed",
        "0 deleted runs removed for good",
        "0 deleted projects removed for good",
        "0 expired undo records removed",
        "0 files of artifacts removed that no version holds",
        "0 stored files removed that nothing refers to",
    ]


@pytest.mark.django_db
def test_expired_links_and_sessions_go_and_valid_ones_stay() -> None:
    user = make_user("ada")
    valid = access.sign_in_link_create(user=user)
    access.sign_in_link_create(user=user, lifetime=timedelta(seconds=-1))
    signed_in, other = Client(), Client()
    for client in (signed_in, other):
        client.force_login(user)
    Session.objects.filter(pk=other.session.session_key).update(expire_date=timezone.now() - timedelta(seconds=1))
    said = maintained()
    assert said[1:3] == ["1 expired sign-in links removed", "1 expired sessions removed"]
    assert SignInLink.objects.count() == 1
    assert access.sign_in_link_use(valid) == user
    assert signed_in.get("/account").status_code == 200
    assert other.get("/account").status_code == 302


@pytest.mark.django_db
def test_silent_runs_are_sealed() -> None:
    run = log_run(make_project(), "gone", [{"loss": 1}], complete=False)
    Run.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    assert maintained()[0] == "1 runs sealed, silent for 10 minutes"
    assert run.streams.get().sealed_lines == 1


@pytest.mark.django_db
def test_stored_files_that_nothing_refers_to_go_unless_they_are_young_or_not_ours() -> None:
    run = log_run(make_project(), "r", [{"loss": 1}])
    log_artifact(run, {"a.txt": b"alpha"})
    gone = "ab" * 16
    folder = f"runs/{run.id.hex[:2]}/{run.id.hex}"
    kept = [
        store_file(f"{folder}/{'0' * 32}", days_old=9),
        store_file(f"{folder}/{'1' * 32}", days_old=0),
        store_file(f"runs/ab/notes/{'2' * 32}", days_old=9),
        store_file("elsewhere/file", days_old=9),
    ]
    held = ArtifactContent.objects.get().stored_as
    os.utime(default_storage.path(held), (0, 0))
    kept += [held, store_file(f"{held.rpartition('/')[0]}/{'5' * 32}", days_old=0)]
    dropped = [
        store_file(f"{folder}/{'3' * 32}", days_old=9),
        store_file(f"runs/ab/{gone}/{'4' * 32}", days_old=9),
        store_file(f"{held.rpartition('/')[0]}/{'6' * 32}", days_old=9),
        store_file(f"artifacts/ab/{gone}/{'7' * 32}", days_old=9),
    ]
    ingest.file_stored(
        run_id=run.id, name="a.txt", stored_as=kept[0], size=1, md5="", content_type="text/plain"
    )  # fmt: skip
    assert maintained()[8] == "4 stored files removed that nothing refers to"
    assert [default_storage.exists(path) for path in kept + dropped] == [True] * 6 + [False] * 4


@pytest.mark.client
def test_every_so_many_seconds_it_passes_again_beside_the_server(live: LiveServer) -> None:
    command = [sys.executable, "manage.py", "maintain", "--every", "1"]
    with subprocess.Popen(command, cwd=ROOT, env=live.environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            said = [process.stdout.readline() for _ in range(2 * len(TASKS))]
        finally:
            process.terminate()
    first, again = ([line.split(" ", 1)[1] for line in half] for half in (said[: len(TASKS)], said[len(TASKS) :]))
    assert first == again == [f"{what}\n" for what in TASKS]
