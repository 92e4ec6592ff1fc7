from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from projects import access
from projects.names import BadName


class Command(BaseCommand):
    help = "Prints a new API key of a user, and only that; makes the user if needed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = access.user_get_or_create(name=options["user"])
        except BadName as error:
            raise CommandError(str(error)) from error
        self.stdout.write(access.api_key_create(user=user))
