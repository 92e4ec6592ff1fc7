"""Tidying, once or again and again."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, connection
from django.utils import timezone

from projects.access import sign_in_links_forget
from projects.bulk import UNDO_TIME, undos_forget
from projects.project_settings import projects_purge
from projects.sign_in_limit import tries_forget
from runs.artifacts import artifacts_purge
from runs.maintenance import deleted_purge, tails_seal
from tracker.wire.uploads import leftovers_delete

log = logging.getLogger(__name__)

QUIET = timedelta(minutes=10)


def sessions_forget() -> int:
    """Remove those that are expired; how many."""
    return Session.objects.filter(expire_date__lt=timezone.now()).delete()[0]


TASKS: dict[str, Callable[[], int]] = {
    f"runs sealed, silent for {QUIET.seconds // 60} minutes": lambda: tails_seal(quiet=QUIET),
    "expired sign-in links removed": sign_in_links_forget,
    "expired sessions removed": sessions_forget,
    "former tries to sign in removed": tries_forget,
    # Twice the time: an undo that has just been asked for is through by then.
    "deleted runs removed for good": lambda: deleted_purge(after=2 * UNDO_TIME),
    "deleted projects removed for good": projects_purge,
    "expired undo records removed": undos_forget,
    "files of artifacts removed that no version holds": artifacts_purge,
    "stored files removed that nothing refers to": leftovers_delete,
}


class Command(BaseCommand):
    help = (
        "Seals histories of silent runs; removes deleted runs, expired links and sessions, and files nobody refers to. "
        "Safe any time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=int, metavar="SECONDS", help="go on, with a pause of so long")

    def handle(self, *args: Any, **options: Any) -> None:
        every: int | None = options["every"]
        while True:
            for what, task in TASKS.items():
                try:
                    self.stdout.write(f"{task()} {what}")
                except (Error, OSError):
                    # A database or storage that is away for a while: the next pass does it.
                    if every is None:
                        raise
                    log.exception("Not done this time: %s", what)
            self.stdout.flush()
            if every is None:
                return
            connection.close()
            time.sleep(every)
