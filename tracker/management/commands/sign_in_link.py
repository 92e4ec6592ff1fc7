from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from projects import access
from projects.names import BadName


class Command(BaseCommand):
    help = "Prints a link that signs a user in once, within 24 hours; makes the user if needed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user")
        parser.add_argument("--base-url", default="http://127.0.0.1:8000")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = access.user_get_or_create(name=options["user"])
        except BadName as error:
            raise CommandError(str(error)) from error
        path = reverse("sign-in-link", args=[access.sign_in_link_create(user=user)])
        self.stdout.write(options["base_url"].rstrip("/") + path)
