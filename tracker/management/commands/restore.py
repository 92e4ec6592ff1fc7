from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tracker.backup import BackupError, restore


class Command(BaseCommand):
    help = "Fills an empty database, and the file storage, from an archive that `backup` wrote; then migrates."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="the archive")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            held = restore(options["path"])
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        call_command("migrate", interactive=False, verbosity=0)
        self.stdout.write(f"{sum(held.rows.values())} rows and {held.files} files restored, as of {held.made_at}")
