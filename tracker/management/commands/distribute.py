from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tracker import distribution


class Command(BaseCommand):
    help = "Spreads the tables of a PostgreSQL with the Citus extension over its nodes; says what is missing if it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--print", action="store_true", help="only print the statements, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["print"]:
            for placement in distribution.placements():
                self.stdout.write(f"{placement.sql()};")
            return
        try:
            moved = distribution.distribute()
        except distribution.CannotDistribute as error:
            raise CommandError(str(error)) from error
        for placement in moved:
            where = f"by {placement.column}" if placement.column else "on every node"
            self.stdout.write(f"{placement.table}: {where}")
        self.stdout.write(f"distribute: {len(moved)} tables placed")
