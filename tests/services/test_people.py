"""People: the first administrator is made once, and that is in the history without the password."""

import pytest
from django.contrib.auth import authenticate
from django.http import HttpRequest

from containers_app.models import AuditEvent
from containers_app.services import people
from tests.builders import a_user

pytestmark = pytest.mark.django_db


def test_the_first_administrator_can_sign_in_and_is_an_event():
    name, password = people.add_first_administrator()
    assert authenticate(HttpRequest(), username=name, password=password).is_superuser
    event = AuditEvent.objects.get(action="person.added")
    assert event.after == {"name": "admin", "role": "administrator"} and password not in str(event.details)


def test_where_somebody_is_nobody_is_added():
    a_user()
    assert people.add_first_administrator() is None
