"""Teams: entities of several people. The only writer of teams and of who belongs to them; views ask who may first."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from projects.models import Entity, Membership, Project, Role, User
from projects.names import BadName, entity_name_check


class TeamRefused(ValueError):
    """A change of a team that can't be; the text is for the person who asked for it."""


def team_create(*, user: User, name: str) -> Entity:
    """A team with the person as its admin. Raises BadName, for names in use as well."""
    entity_name_check(name)
    if User.objects.filter(username=name).exists():
        raise BadName(f"the name {name} is taken")
    try:
        with transaction.atomic():
            team = Entity.objects.create(name=name)
            Membership.objects.create(entity=team, user=user, role=Role.ADMIN)
    except IntegrityError:
        raise BadName(f"the name {name} is taken") from None
    return team


def member_add(*, team: Entity, name: str, role: Role) -> User:
    """Raises TeamRefused."""
    user = None if "\0" in name else User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise TeamRefused(f"There is no person named “{name}” here.")
    with transaction.atomic():
        _lock(team)
        _, new = Membership.objects.get_or_create(entity=team, user=user, defaults={"role": role})
    if not new:
        raise TeamRefused(f"{name} belongs to the team already.")
    return user


def member_change(*, team: Entity, name: str, role: Role) -> None:
    """Raises TeamRefused."""
    with transaction.atomic():
        member = _member_lock(team, name)
        if role != Role.ADMIN:
            _last_admin_stays(team, member)
        Membership.objects.filter(pk=member.pk).update(role=role)


def member_remove(*, team: Entity, name: str) -> None:
    """What the person logged stays. Raises TeamRefused."""
    with transaction.atomic():
        member = _member_lock(team, name)
        _last_admin_stays(team, member)
        member.delete()


def team_delete(*, team: Entity) -> None:
    """Its name is free again. Raises TeamRefused while there is a project that is kept, or could be brought back."""
    with transaction.atomic():
        _lock(team)
        kept = Project.objects.filter(entity=team).values_list("deleted_at", flat=True)
        if None in kept:
            raise TeamRefused("The team still has projects: delete them first.")
        if kept:
            raise TeamRefused(
                "Projects of the team that were deleted of late can still be restored: wait until they go."
            )
        Entity.objects.filter(pk=team.pk).delete()


def _lock(team: Entity) -> None:
    """So that of two admins who remove each other at once one stays. Raises TeamRefused for a person's own entity."""
    if not Entity.objects.select_for_update().filter(pk=team.pk, owner=None).exists():
        raise TeamRefused("This is no team.")


def _member_lock(team: Entity, name: str) -> Membership:
    _lock(team)
    member = None if "\0" in name else Membership.objects.filter(entity=team, user__username=name).first()
    if member is None:
        raise TeamRefused(f"“{name}” does not belong to the team.")
    return member


def _last_admin_stays(team: Entity, member: Membership) -> None:
    others = Membership.objects.filter(entity=team, role=Role.ADMIN, user__is_active=True).exclude(pk=member.pk)
    if member.role == Role.ADMIN and not others.exists():
        raise TeamRefused("A team needs an admin: make somebody else one first.")
