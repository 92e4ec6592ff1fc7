import hashlib
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError

from projects import access
from projects.models import ApiKey, Entity, Membership, Project, SignInLink, User, Visibility
from projects.names import BadName
from tests.factories import make_project, make_user
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def test_a_user_owns_the_entity_of_the_same_name() -> None:
    user = access.user_create(name="ada")
    assert user.entity.name == "ada"
    assert access.may_write(user, user.entity)
    assert not user.has_usable_password()


def test_a_bad_or_taken_name_leaves_no_half_made_user() -> None:
    with pytest.raises(BadName):
        access.user_create(name="sign-in")
    Entity.objects.create(name="lab")
    with pytest.raises(IntegrityError):
        access.user_create(name="lab")
    assert not User.objects.exists()


def test_asking_twice_for_a_user_makes_one() -> None:
    assert access.user_get_or_create(name="ada") == access.user_get_or_create(name="ada")


def test_the_name_of_a_team_is_nobodys() -> None:
    Entity.objects.create(name="lab")
    with pytest.raises(BadName):
        access.user_get_or_create(name="lab")
    assert not User.objects.exists()


def test_a_key_is_40_letters_and_digits_and_only_its_hash_is_kept() -> None:
    user = make_user()
    key = access.api_key_create(user=user, name="laptop")
    assert re.fullmatch(r"[a-z0-9]{40}", key)
    row = ApiKey.objects.get()
    assert row.hash == hashlib.sha256(key.encode()).hexdigest()
    assert row.last_four == key[-4:]
    assert key not in str(row.__dict__)


def test_a_key_stands_for_its_user_until_revoked() -> None:
    user = make_user()
    key = access.api_key_create(user=user)
    assert access.api_key_user(key) == user
    access.api_key_revoke(user=user, key_id=ApiKey.objects.get().pk)
    assert access.api_key_user(key) is None


def test_a_key_of_a_person_no_longer_active_is_worth_nothing() -> None:
    user = make_user()
    key = access.api_key_create(user=user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert access.api_key_user(key) is None


@pytest.mark.parametrize("key", ["", "x" * 40, "\0", "\ud800", "ä"])
def test_an_unknown_key_is_nobody(key: str) -> None:
    assert access.api_key_user(key) is None


def test_last_use_is_noted_at_most_once_a_minute() -> None:
    key = access.api_key_create(user=make_user())
    access.api_key_user(key)
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    access.api_key_user(key)
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=2))
    access.api_key_user(key)
    assert ApiKey.objects.get().last_used_at >= first


def test_nobody_revokes_anothers_key_or_one_key_twice() -> None:
    owner, other = make_user(), make_user()
    access.api_key_create(user=owner)
    key_id = ApiKey.objects.get().pk
    with pytest.raises(access.NotFound):
        access.api_key_revoke(user=other, key_id=key_id)
    access.api_key_revoke(user=owner, key_id=key_id)
    with pytest.raises(access.NotFound):
        access.api_key_revoke(user=owner, key_id=key_id)


def test_a_sign_in_link_works_once() -> None:
    user = make_user()
    token = access.sign_in_link_create(user=user)
    assert token not in str(SignInLink.objects.get().__dict__)
    assert access.sign_in_link_use(token) == user
    assert access.sign_in_link_use(token) is None


def test_a_sign_in_link_expires() -> None:
    token = access.sign_in_link_create(user=make_user(), lifetime=timedelta(seconds=-1))
    assert access.sign_in_link_use(token) is None
    assert SignInLink.objects.get().used_at is None


def test_a_link_of_a_person_no_longer_active_signs_nobody_in() -> None:
    user = make_user()
    token = access.sign_in_link_create(user=user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert access.sign_in_link_use(token) is None


@pytest.mark.parametrize(("who", "sees"), [("owner", True), ("teammate", True), ("viewer", True), ("stranger", False)])
def test_members_see_a_private_project_and_strangers_do_not(cast: Cast, who: str, sees: bool) -> None:
    assert (cast.project in access.visible_projects(getattr(cast, who))) is sees


def test_nobody_in_particular_sees_public_projects_only(cast: Cast) -> None:
    assert not access.visible_projects(AnonymousUser()).exists()
    Project.objects.update(visibility=Visibility.PUBLIC)
    assert list(access.visible_projects(AnonymousUser())) == [cast.project]


def test_a_project_of_two_reasons_is_listed_once(cast: Cast) -> None:
    Project.objects.update(visibility=Visibility.PUBLIC)
    assert access.visible_projects(cast.owner).count() == 1


def test_a_strangers_refusal_reads_like_that_of_a_missing_project(cast: Cast) -> None:
    with pytest.raises(access.NotFound) as hidden:
        access.project_visible(cast.stranger, entity="lab", name="digits")
    Project.objects.all().delete()
    with pytest.raises(access.NotFound) as missing:
        access.project_visible(cast.stranger, entity="lab", name="digits")
    assert str(hidden.value) == str(missing.value)


@pytest.mark.parametrize(
    ("who", "writes"), [("owner", True), ("teammate", True), ("viewer", False), ("stranger", False)]
)
def test_admins_and_members_write(cast: Cast, who: str, writes: bool) -> None:
    person = getattr(cast, who)
    assert access.may_write(person, cast.team) is writes
    if writes:
        assert access.project_writable(person, entity="lab", name="digits") == cast.project
    else:
        with pytest.raises(access.NotFound):
            access.project_writable(person, entity="lab", name="digits")
        with pytest.raises(access.NotFound):
            access.project_get_or_create(person, entity="lab", name="new")


def test_a_public_project_is_not_written_by_strangers(cast: Cast) -> None:
    Project.objects.update(visibility=Visibility.PUBLIC)
    with pytest.raises(access.NotFound):
        access.project_writable(cast.stranger, entity="lab", name="digits")
    assert not access.may_write(AnonymousUser(), cast.team)


def test_no_entity_named_means_ones_own() -> None:
    user = make_user()
    assert access.entity_writable(user, name=None) == user.entity
    assert access.entity_writable(user, name="") == user.entity


def test_a_project_is_made_on_first_use_and_found_on_the_second() -> None:
    user = make_user()
    assert make_project(user, "digits") == make_project(user, "digits")
    assert Project.objects.count() == 1


def test_a_person_who_left_sees_and_writes_no_more(cast: Cast) -> None:
    Membership.objects.filter(user=cast.teammate, entity=cast.team).delete()
    assert not access.visible_projects(cast.teammate).exists()
    assert not access.may_write(cast.teammate, cast.team)
