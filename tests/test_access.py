"""Rights: who holds which, and what people are told who do not."""

import pytest
from django.contrib.auth.models import AnonymousUser

from containers_app import access
from containers_app.errors import NotAllowed
from tests.builders import a_user, an_admin, an_operator

pytestmark = pytest.mark.django_db

PEOPLE = {access.VIEWER: a_user, access.OPERATOR: an_operator, access.ADMINISTRATOR: an_admin}


@pytest.mark.parametrize("role", access.ROLES)
@pytest.mark.parametrize("right", access.RIGHTS)
def test_a_role_holds_the_rights_of_its_level_and_of_those_below(role, right):
    lowest = access.RIGHTS[right][0]

    assert access.may(PEOPLE[role](), right) == (access.ROLES.index(role) >= access.ROLES.index(lowest))


@pytest.mark.parametrize("right", access.RIGHTS)
def test_nobody_and_who_has_left_hold_no_right(right):
    assert not access.may(None, right)
    assert not access.may(AnonymousUser(), right)
    assert not access.may(an_admin(is_active=False), right)


def test_who_lacks_a_right_is_told_which_role_has_it():
    with pytest.raises(NotAllowed) as refusal:
        access.require(a_user(), "operate")

    assert str(refusal.value) == "You may not change this."
    assert refusal.value.remedy == "That needs the operator's role: ask an administrator."
