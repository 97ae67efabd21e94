"""What happens by itself: all may see it."""

import pytest

from tests.builders import a_checkpoint, ago, an_admin

from .conftest import _signed_in, words

pytestmark = pytest.mark.django_db


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert stranger.get("/policies/").status_code == 302


def test_a_viewer_sees_the_schedules_and_may_not_change_them(viewer):
    response = viewer.get("/policies/")
    text = words(response)
    assert "every 7 days" in text and "50 MiB a second" in text
    assert "the newest checkpoint of each container" in text
    assert b"/policies/scrub/" not in response.content


def test_what_was_found_and_what_is_verified_is_counted(viewer):
    a_checkpoint(flaw="damaged", flaw_at=ago(hours=1))
    a_checkpoint(verified_at=ago(hours=1))
    text = words(viewer.get("/policies/"))
    assert "1 damaged or missing" in text and "1 of 2 checkpoints" in text


def test_an_administrator_is_offered_to_change_them():
    response = _signed_in(an_admin()).get("/policies/")
    assert b'href="/policies/scrub/"' in response.content and b'href="/policies/drill/"' in response.content
