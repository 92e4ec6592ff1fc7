import threading

import pytest
from django.db import IntegrityError, connection

from projects import access
from projects.access import NotFound, ReadOnly
from projects.models import Entity, Membership, Project, Role, Visibility
from projects.names import BadName
from projects.project_settings import project_delete
from projects.teams import TeamRefused, member_add, member_change, member_remove, team_create, team_delete
from tests.factories import make_user
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def roles(team: Entity) -> dict[str, str]:
    return dict(Membership.objects.filter(entity=team).values_list("user__username", "role"))


def test_who_makes_a_team_is_its_admin_and_logs_there() -> None:
    ada = make_user("ada")
    team = team_create(user=ada, name="vision")
    assert team.owner is None
    assert roles(team) == {"ada": Role.ADMIN}
    assert access.project_get_or_create(ada, entity="vision", name="digits").entity == team


@pytest.mark.parametrize("name", ["ada", "lab", "", "a b", "teams", "x" * 65, "a\0"])
def test_a_team_has_a_name_of_its_own(name: str) -> None:
    ada = make_user("ada")
    Entity.objects.create(name="lab")
    with pytest.raises(BadName):
        team_create(user=ada, name=name)
    assert Entity.objects.count() == 2


def test_no_person_gets_the_name_of_a_team(cast: Cast) -> None:
    with pytest.raises(IntegrityError):
        access.user_create(name="lab")


def test_members_come_change_and_go(cast: Cast) -> None:
    member_add(team=cast.team, name="sam", role=Role.VIEWER)
    assert cast.project in access.visible_projects(cast.stranger)
    assert not access.may_write(cast.stranger, cast.team)
    member_change(team=cast.team, name="sam", role=Role.MEMBER)
    assert access.may_write(cast.stranger, cast.team)
    assert not access.may_administer(cast.stranger, cast.team)
    member_remove(team=cast.team, name="sam")
    assert not access.visible_projects(cast.stranger).exists()


@pytest.mark.parametrize("name", ["nobody", "", "tom", "a\0"])
def test_only_people_who_are_no_members_yet_are_added(cast: Cast, name: str) -> None:
    before = roles(cast.team)
    with pytest.raises(TeamRefused):
        member_add(team=cast.team, name=name, role=Role.ADMIN)
    assert roles(cast.team) == before


def test_the_last_admin_stays_and_stays_admin(cast: Cast) -> None:
    with pytest.raises(TeamRefused):
        member_remove(team=cast.team, name="olga")
    with pytest.raises(TeamRefused):
        member_change(team=cast.team, name="olga", role=Role.MEMBER)
    member_change(team=cast.team, name="olga", role=Role.ADMIN)
    member_change(team=cast.team, name="tom", role=Role.ADMIN)
    member_remove(team=cast.team, name="olga")
    assert roles(cast.team) == {"tom": Role.ADMIN, "vera": Role.VIEWER}


@pytest.mark.django_db(transaction=True)
def test_of_two_admins_who_remove_each_other_at_once_one_stays(cast: Cast) -> None:
    member_change(team=cast.team, name="tom", role=Role.ADMIN)
    together, refused = threading.Barrier(2), []

    def remove(name: str) -> None:
        together.wait()
        try:
            member_remove(team=cast.team, name=name)
        except TeamRefused:
            refused.append(name)
        finally:
            connection.close()

    threads = [threading.Thread(target=remove, args=(name,)) for name in ("olga", "tom")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert roles(cast.team) == {refused[0]: Role.ADMIN, "vera": Role.VIEWER}


def test_a_persons_own_entity_is_no_team(cast: Cast) -> None:
    with pytest.raises(TeamRefused):
        member_add(team=cast.owner.entity, name="tom", role=Role.MEMBER)
    with pytest.raises(TeamRefused):
        member_remove(team=cast.owner.entity, name="olga")


def test_who_only_reads_is_told_so_and_a_stranger_is_told_nothing(cast: Cast) -> None:
    for name in ("digits", "new"):
        with pytest.raises(ReadOnly, match="you may read what is of lab, not write there"):
            access.project_get_or_create(cast.viewer, entity="lab", name=name)
    with pytest.raises(ReadOnly):
        access.project_writable(cast.viewer, entity="lab", name="digits")
    for ask in (access.project_get_or_create, access.project_writable):
        with pytest.raises(NotFound) as refusal:
            ask(cast.stranger, entity="lab", name="digits")
        assert not isinstance(refusal.value, ReadOnly)


def test_a_stranger_is_told_that_a_public_project_is_read_only(cast: Cast) -> None:
    Project.objects.update(visibility=Visibility.PUBLIC)
    for ask in (access.project_get_or_create, access.project_writable):
        with pytest.raises(ReadOnly):
            ask(cast.stranger, entity="lab", name="digits")
    with pytest.raises(NotFound) as refusal:
        access.project_get_or_create(cast.stranger, entity="lab", name="other")
    assert not isinstance(refusal.value, ReadOnly)


def test_a_team_goes_when_it_has_no_projects(cast: Cast) -> None:
    with pytest.raises(TeamRefused, match="still has projects"):
        team_delete(team=cast.team)
    project_delete(project=cast.project)
    with pytest.raises(TeamRefused, match="can still be restored"):
        team_delete(team=cast.team)
    Project.objects.all().delete()
    team_delete(team=cast.team)
    assert not Entity.objects.filter(name="lab").exists()
    assert team_create(user=cast.stranger, name="lab")
    with pytest.raises(TeamRefused):
        team_delete(team=cast.owner.entity)
