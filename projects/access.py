"""Who may see and change what: the only place that decides. Also the only writer of people, keys and links."""

from __future__ import annotations

import hashlib
import itertools
import re
import secrets
import string
import uuid
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import DEFAULT_DB_ALIAS, IntegrityError, transaction
from django.db.models import Q, QuerySet, Subquery
from django.utils import timezone

from projects.models import (
    ApiKey,
    Entity,
    Membership,
    Project,
    Role,
    SignInLink,
    User,
    Visibility,
    Workspace,
    default_workspace_id,
)
from projects.names import RESERVED, BadName, entity_name_check, project_name_check
from runs.statements import Question, names_of, opening

# Every client version takes keys of exactly 40 characters from [a-z0-9].
_KEY_LETTERS = string.ascii_lowercase + string.digits
_KEY_LENGTH = 40
_LAST_USED_EVERY = timedelta(minutes=1)
_WRITERS = [Role.ADMIN, Role.MEMBER]
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_WANTED_MAX = 50  # leaves room for a number

# Every request of every client comes by these: what is not asked for, not even an order, is time saved.
_PERSON = names_of(User, "id", "username", "is_active")
_KEY = Question(
    lambda hash: ApiKey.objects.filter(hash=hash, revoked_at=None, user__is_active=True).values_list(
        "id", "last_used_at", *(f"user__{name}" for name in _PERSON)
    ),
    [str],
)
_PROJECT = names_of(Project)
_WRITABLE = Question(lambda name, user, entity: _writable(name, user, entity__name=entity), [str, int, str])
_OWN = Question(lambda name, user: _writable(name, user, entity__owner=user), [str, int])
# One row each, so no join of which PostgreSQL would have to find the best order.
_WRITABLE_BY_KEY = Question(
    lambda name, hash, entity: Project.objects.filter(
        name=name, deleted_at=None, entity=Subquery(
            Membership.objects.filter(
                user=Subquery(ApiKey.objects.filter(hash=hash).values("user")),
                entity=Subquery(Entity.objects.filter(name=entity).values("pk")),
                role__in=_WRITERS,
            ).values("entity")
        ),
    ).values_list(*_PROJECT),
    [str, str, str],
)  # fmt: skip

Person = User | AnonymousUser


class NotFound(LookupError):
    """There is no such thing, or not for this person: the two look the same from outside."""


class ReadOnly(NotFound):
    """The person sees it and may not write to it; the text says so."""


def user_create(*, name: str, password: str | None = None, staff: bool = False) -> User:
    """A person and the personal entity of the same name. Raises BadName; a name in use gives IntegrityError.

    Staff invite people and read the site's figures; projects of others are as hidden from them as from anybody.
    """
    entity_name_check(name)
    with transaction.atomic():
        user = User.objects.create_user(username=name, password=password, is_staff=staff)
        entity = Entity.objects.create(name=name, owner=user)
        Membership.objects.create(entity=entity, user=user, role=Role.ADMIN)
    return user


def user_create_like(*, called: str) -> User:
    """A person named as near as can be to how somebody else calls them, and never like anyone there is."""
    wanted = _NOT_IN_NAMES.sub("-", called.partition("@")[0]).strip("-_")[:_WANTED_MAX]
    if not wanted or wanted.lower() in RESERVED:
        wanted = "person"
    for number in itertools.count(1):
        name = wanted if number == 1 else f"{wanted}-{number}"
        if Entity.objects.filter(name__iexact=name).exists() or User.objects.filter(username__iexact=name).exists():
            continue
        try:
            return user_create(name=name)
        except IntegrityError:  # somebody was first
            continue
    raise AssertionError("unreachable")


def user_get_or_create(*, name: str) -> User:
    """Raises BadName, for the name of a team as well."""
    known = User.objects.filter(username=name)
    try:
        return known.first() or user_create(name=name)
    except IntegrityError:
        if (user := known.first()) is None:
            raise BadName(f"{name!r} is the name of a team") from None
        return user


def person_invite(*, name: str) -> str:
    """Make a person; the token of the link that signs them in once. Raises BadName, for names in use as well."""
    try:
        with transaction.atomic():
            return sign_in_link_create(user=user_create(name=name))
    except IntegrityError:
        raise BadName(f"the name {name} is taken") from None


def api_key_create(*, user: User, name: str = "") -> str:
    """A new key of the user; the only time it can be read."""
    key = "".join(secrets.choice(_KEY_LETTERS) for _ in range(_KEY_LENGTH))
    ApiKey.objects.create(user=user, hash=_sha256(key), last_four=key[-4:], name=name)
    return key


def api_key_user(key: str) -> User | None:
    """Whose key it is; None for an unknown or revoked key and for a person no longer active."""
    return _owner(_KEY(_sha256(key)))


def api_key_writer(key: str, *, entity: str, project: str) -> tuple[User | None, Project | None]:
    """As `api_key_user`, and the project if there is one that this person may write to; asked in one turn."""
    hash_ = _sha256(key)
    known, found = opening((_KEY, [hash_]), (_WRITABLE_BY_KEY, [project, hash_, entity]))
    user = _owner(known)
    return user, Project.from_db(DEFAULT_DB_ALIAS, _PROJECT, found[0]) if user and found else None


def _owner(found: list[tuple]) -> User | None:
    """Who is in the answer to _KEY."""
    for key_id, last_used_at, *person in found:
        now = timezone.now()
        if last_used_at is None or now - last_used_at > _LAST_USED_EVERY:
            ApiKey.objects.filter(pk=key_id).update(last_used_at=now)
        return User.from_db(DEFAULT_DB_ALIAS, _PERSON, person)
    return None


def api_key_revoke(*, user: User, key_id: int) -> None:
    if not ApiKey.objects.filter(pk=key_id, user=user, revoked_at=None).update(revoked_at=timezone.now()):
        raise NotFound("no such key")


def sign_in_link_create(*, user: User, lifetime: timedelta = timedelta(hours=24)) -> str:
    """The token of a link that signs `user` in once."""
    token = secrets.token_urlsafe(32)
    SignInLink.objects.create(user=user, hash=_sha256(token), expires_at=timezone.now() + lifetime)
    return token


def sign_in_link_use(token: str) -> User | None:
    """The user the link stands for, the first time; None ever after. One UPDATE decides between two clicks at once."""
    now = timezone.now()
    fresh = SignInLink.objects.filter(hash=_sha256(token), used_at=None, expires_at__gt=now)
    if not fresh.update(used_at=now):
        return None
    user = SignInLink.objects.select_related("user").get(hash=_sha256(token)).user
    return user if user.is_active else None


def sign_in_links_forget() -> int:
    """Remove the links that are expired; how many."""
    return SignInLink.objects.filter(expires_at__lt=timezone.now()).delete()[0]


def visible_projects(person: Person) -> QuerySet[Project]:
    """Projects the person may see: those of entities they belong to, and public ones."""
    public = Q(visibility=Visibility.PUBLIC)
    there = Project.objects.filter(deleted_at=None)
    if isinstance(person, AnonymousUser):
        return there.filter(public)
    return there.filter(public | Q(entity__in=Membership.objects.filter(user=person).values("entity")))


def project_visible(person: Person, *, entity: str, name: str) -> Project:
    """Raises NotFound for a stranger as for a project that isn't there."""
    project = visible_projects(person).select_related("entity").filter(entity__name=entity, name=name).first()
    if project is None:
        raise NotFound(f"project {entity}/{name} not found")
    return project


def role_of(person: Person, entity: Entity) -> Role | None:
    """None for who does not belong to it."""
    if isinstance(person, AnonymousUser):
        return None
    role = Membership.objects.filter(user=person, entity=entity).values_list("role", flat=True).first()
    return None if role is None else Role(role)


def may_write(person: Person, entity: Entity) -> bool:
    """Admins and members write; viewers and strangers do not."""
    return role_of(person, entity) in _WRITERS


def may_administer(person: Person, entity: Entity) -> bool:
    """Members, who sees its projects and which there are: for admins to decide. A person's own entity has one."""
    return role_of(person, entity) == Role.ADMIN


def entity_of_member(person: Person, *, name: str) -> tuple[Entity, Role]:
    """The entity and what the person is in it. Raises NotFound for a stranger as for an entity that isn't there."""
    entity = Entity.objects.filter(name=name).first()
    role = None if entity is None else role_of(person, entity)
    if entity is None or role is None:
        raise NotFound(f"entity {name} not found")
    return entity, role


def workspaces_visible(person: Person, project: Project) -> QuerySet[Workspace]:
    """The saved views of a project the person may see: everybody's, and their own."""
    mine = Q() if isinstance(person, AnonymousUser) else Q(user=person)
    shared = Q(user=None)
    return Workspace.objects.filter(shared | mine if mine else shared, project=project).exclude(name="")


def workspace_visible(person: Person, project: Project, *, id: str) -> Workspace:
    """The saved view of this id; for "" the project's default, a row not saved yet while nobody has changed it.

    Raises NotFound for another person's view as for one that isn't there.
    """
    if not id:
        found = Workspace.objects.filter(project=project, user=None, name="").first()
        found = found or Workspace(id=default_workspace_id(project.id))
    else:
        try:
            found = workspaces_visible(person, project).filter(pk=uuid.UUID(id)).first()
        except ValueError:
            found = None
        if found is None:
            raise NotFound("view not found")
    found.project = project
    return found


def may_change(person: Person, workspace: Workspace) -> bool:
    """A view of one's own, and with the right to write any that everybody sees."""
    if workspace.user_id is not None:
        return workspace.user_id == person.pk
    return may_write(person, workspace.project.entity)


def entity_writable(user: User, *, name: str | None) -> Entity:
    """The entity to write to; None means the user's own. Raises NotFound."""
    entity = Entity.objects.filter(owner=user).first() if not name else Entity.objects.filter(name=name).first()
    role = None if entity is None else role_of(user, entity)
    if entity is None or role is None:
        raise NotFound(f"entity {name} not found")
    if role not in _WRITERS:
        raise _read_only(entity.name)
    return entity


def project_writable(user: User, *, entity: str | None, name: str) -> Project:
    """An existing project to write to: one query, for clients ask this again and again. Raises NotFound."""
    for found in _WRITABLE(name, user.pk, entity) if entity else _OWN(name, user.pk):
        return Project.from_db(DEFAULT_DB_ALIAS, _PROJECT, found)
    if entity and _sees(user, entity, name):
        raise _read_only(entity)
    raise NotFound(f"project {entity}/{name} not found")


def _writable(name: str, user: int, **owner: Any) -> QuerySet[Project, tuple]:
    written = Q(entity__memberships__user=user, entity__memberships__role__in=_WRITERS)
    return Project.objects.filter(written, name=name, deleted_at=None, **owner).values_list(*_PROJECT)


def _sees(user: User, entity: str, name: str) -> bool:
    return visible_projects(user).filter(entity__name=entity, name=name).exists()


def _read_only(entity: str) -> ReadOnly:
    return ReadOnly(f"you may read what is of {entity}, not write there; its admins decide who may")


def project_get_or_create(user: User, *, entity: str | None, name: str) -> Project:
    """The project to write to, made on first use. Raises NotFound (entity) and BadName."""
    try:
        owner = entity_writable(user, name=entity)
    except NotFound:
        if entity and _sees(user, entity, name):
            raise _read_only(entity) from None
        raise
    there = Project.objects.select_related("entity").filter(entity=owner, name=name, deleted_at=None)
    found = next(iter(there), None)
    if found is not None:
        return found
    project_name_check(name)
    # Many processes make the same project in the same second: one does, and the others read.
    Project.objects.bulk_create([Project(entity=owner, name=name)], ignore_conflicts=True)
    return there.get()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
