"""Who looks at a team's private project: its owner, a teammate, a stranger, and nobody in particular."""

from __future__ import annotations

from dataclasses import dataclass

from django.test import Client

from projects import access
from projects.models import Entity, Membership, Project, Role, User
from tests.factories import make_user


@dataclass(frozen=True)
class Cast:
    owner: User
    teammate: User
    viewer: User
    stranger: User
    team: Entity
    project: Project

    def as_(self, who: str) -> Client:
        """A browser in which `who` is signed in; "anonymous" is signed in nowhere."""
        client = Client()
        if who != "anonymous":
            client.force_login(getattr(self, who))
        return client


def make_cast() -> Cast:
    owner, teammate, viewer, stranger = (make_user(name) for name in ("olga", "tom", "vera", "sam"))
    team = Entity.objects.create(name="lab")
    for user, role in ((owner, Role.ADMIN), (teammate, Role.MEMBER), (viewer, Role.VIEWER)):
        Membership.objects.create(entity=team, user=user, role=role)
    return Cast(
        owner, teammate, viewer, stranger, team, access.project_get_or_create(owner, entity="lab", name="digits")
    )
