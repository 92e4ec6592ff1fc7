from typing import Any

from django.core.management.base import BaseCommand

from tracker.static import collect_if_stale


class Command(BaseCommand):
    help = "Brings the served static files up to date; does nothing when they are."

    def handle(self, *args: Any, **options: Any) -> None:
        collect_if_stale()
