from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tracker.backup import BackupError, backup


class Command(BaseCommand):
    help = "Writes all rows and stored files into one archive, while the site goes on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="the archive to write; by custom, NAME.tar.zst")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = backup(options["path"])
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{sum(made.rows.values())} rows and {made.files} files written to {options['path']}")
