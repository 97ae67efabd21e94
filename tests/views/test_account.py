"""One's own account, the sign-in and its limits, and the password that is asked for once more."""

import re
import time
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
from django.utils import timezone

from containers_app.models import AuditEvent, SignIn
from containers_app.services import audit, people
from tests.builders import a_checkpoint, a_person, a_user, an_admin, an_operator

from .conftest import send, words

pytestmark = pytest.mark.django_db

URL = "/account/"
GOOD = "a long phrase of words"


def signed_in(user, password="secret", **headers):
    client = Client(**headers)
    response = client.post("/sign-in/", {"username": user.username, "password": password})
    assert response.status_code == 302
    return client


def test_sessions_are_listed_with_device_and_address_and_ended_one_by_one():
    vera = a_user("vera")
    here = signed_in(vera, HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
    there = signed_in(vera, HTTP_USER_AGENT="curl/8", REMOTE_ADDR="192.0.2.9")
    text = words(here.get(URL))
    assert "Firefox on Linux this one" in text and "curl/8" in text and "192.0.2.9" in text

    other = SignIn.objects.get(address="192.0.2.9")
    assert here.post(f"/account/sessions/{other.pk}/end/").status_code == 302
    assert there.get("/").status_code == 302 and here.get("/").status_code == 200
    event = AuditEvent.objects.filter(action="person.sessions_ended").get()
    assert event.before["sessions"] == [{"address": "192.0.2.9", "device": "curl/8"}]


def test_all_other_sessions_end_with_one_press():
    vera = a_user("vera")
    here, there, third = (signed_in(vera) for _ in range(3))
    here.post("/account/sessions/end/")
    assert [client.get("/").status_code for client in (here, there, third)] == [200, 302, 302]


def test_ending_a_session_asks_for_the_password_once_more():
    vera = a_user("vera")
    here, there = signed_in(vera), signed_in(vera)
    session = here.session
    session["proved_at"] = 0
    session.save()
    for url in ("/account/sessions/end/", f"/account/sessions/{SignIn.objects.first().pk}/end/"):
        assert here.post(url).status_code == 403 and there.get("/").status_code == 200
    assert here.post("/account/sessions/end/", {"proof": "secret"}).url == URL
    assert here.get("/").status_code == 200 and there.get("/").status_code == 302


def test_an_administrator_signs_somebody_out_everywhere():
    vera, ada = a_user("vera"), an_admin("ada")
    there, also, admin = signed_in(vera), signed_in(vera), signed_in(ada)
    assert "Sign out vera everywhere" in words(admin.get("/team/"))
    assert admin.post(f"/team/people/{vera.pk}/sign-out/").url == "/team/"
    assert [client.get("/").status_code for client in (there, also, admin)] == [302, 302, 200]
    event = AuditEvent.objects.filter(action="person.signed_out_everywhere").get()
    assert event.actor == ada and event.details == {"person": "vera", "sessions": 2}
    signed_in(vera)


def test_only_who_may_do_everything_signs_such_a_person_out():
    ada = an_admin("ada")
    there, mina = signed_in(ada), signed_in(a_person("admin", "mina"))
    assert mina.post(f"/team/people/{ada.pk}/sign-out/").status_code == 403 and there.get("/").status_code == 200


def test_nobody_ends_another_persons_session(viewer):
    signed_in(an_operator("olga"))
    other = SignIn.objects.get(user__username="olga")
    assert viewer.post(f"/account/sessions/{other.pk}/end/").status_code == 404
    assert SignIn.objects.filter(pk=other.pk).exists()


def test_a_new_password_needs_the_old_one_and_ends_the_other_sessions():
    vera = a_user("vera")
    here, there = signed_in(vera), signed_in(vera)
    assert "That is not your password." in words(here.post(URL, form(current="wrong", password=GOOD)))
    assert "too short" in words(here.post(URL, form(current="secret", password="short")))
    assert here.post(URL, form(current="secret", password=GOOD)).status_code == 302
    assert here.get("/").status_code == 200 and there.get("/").status_code == 302
    assert [row.user for row in SignIn.objects.all()] == [vera] and "this one" in words(here.get(URL))
    signed_in(vera, GOOD)


def form(**values):
    return {"request_key": "0d5c1c4e-8f3b-4a43-a3f1-0c8a1a6f7b11", **values}


def test_signing_out_forgets_the_session():
    client = signed_in(a_user("vera"))
    client.post("/sign-out/")
    assert not SignIn.objects.exists()


def test_a_session_that_nobody_used_for_too_long_is_over(settings):
    client = signed_in(a_user("vera"))
    session = client.session
    session["seen_at"] = time.time() - settings.IDLE_MINUTES * 60 - 1
    session.save()
    assert client.get("/").status_code == 302 and not SignIn.objects.exists()


def test_a_session_has_an_end_however_much_it_is_used(settings):
    client = signed_in(a_user("vera"))
    longest = timezone.now() + timedelta(hours=settings.SESSION_HOURS)
    assert client.session.get_expiry_date() <= longest
    session = client.session
    session["seen_at"] = time.time() - 120
    session.save()
    assert client.get("/").status_code == 200
    assert client.session.get_expiry_date() <= longest
    assert client.session["seen_at"] > time.time() - 60


def test_signing_in_gives_a_session_a_new_key():
    client, vera = Client(), a_user("vera")
    client.cookies["sessionid"] = before = "a" * 32
    client.post("/sign-in/", {"username": vera.username, "password": "secret"})
    assert client.cookies["sessionid"].value != before


def test_whoever_guesses_is_held_off_and_told_until_when(settings):
    vera, client = a_user("vera"), Client(REMOTE_ADDR="192.0.2.66")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        response = client.post("/sign-in/", {"username": "vera", "password": "wrong"})
    assert response.status_code == 429 and 0 < int(response["Retry-After"]) <= settings.LOCKOUT_MINUTES * 60
    assert "Too many wrong passwords. Try again at" in words(response)
    assert client.post("/sign-in/", {"username": "vera", "password": "secret"}).status_code == 429
    event = AuditEvent.objects.filter(action="person.locked_out").first()
    assert event.address == "192.0.2.66" and event.details["name"] == "vera"
    signed_in(vera, REMOTE_ADDR="192.0.2.67")  # from elsewhere its owner still gets in


def test_it_says_so_as_well_where_the_server_is_asynchronous(settings):
    """As it is in production: axes hands the name on to no view there."""
    vera, client = a_user("vera"), AsyncClient()
    for _ in range(settings.AXES_FAILURE_LIMIT):
        response = async_to_sync(client.post)("/sign-in/", {"username": vera.username, "password": "wrong"})
    assert response.status_code == 429 and 'value="vera"' in response.content.decode()


def test_an_address_in_a_header_is_nobodys_word(settings):
    a_user("vera")
    for number in range(settings.AXES_FAILURE_LIMIT):
        client = Client(HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")
        response = client.post("/sign-in/", {"username": "vera", "password": "wrong"})
    assert response.status_code == 429


def test_a_link_from_an_administrator_leads_to_a_password_once():
    mina = people.add_person(by=audit.Caller(user=an_admin()), name="mina", roles={})
    uid, token = people.recovery_path(by=audit.Caller(user=an_admin()), user=mina)
    link, client = f"/recover/{uid}/{token}/", Client()
    assert client.get(link)["Referrer-Policy"] == "no-referrer"
    assert client.post(link, form(password="short")).status_code == 422
    assert client.post(link, form(password=GOOD)).status_code == 302
    assert "mina" in words(client.get("/"))
    assert Client().get(link).status_code == 404
    assert AuditEvent.objects.filter(action="person.password_changed").get().authenticated == "link"


class TestProof:
    """What cannot be undone or takes secrets out asks for the password once more."""

    @pytest.fixture
    def long_since(self, operator):
        session = operator.session
        session["proved_at"] = time.time() - 3600
        session.save()
        return operator

    def test_a_download_asks_and_keeps_what_was_sent(self, long_since):
        url = f"/catalog/{a_checkpoint().pk}/download/"
        response = long_since.post(url, {"kept": "as it was <b>"})
        assert response.status_code == 403 and "Your password, please" in words(response)
        assert 'name="kept" value="as it was &lt;b&gt;"' in response.content.decode()
        assert not AuditEvent.objects.filter(action="archive.downloaded").exists()

    def test_the_form_comes_into_the_dialog_and_goes_back_to_where_it_was_sent(self, long_since):
        url = f"/catalog/{a_checkpoint().pk}/download/"
        response = send(long_since, url)
        assert response["HX-Retarget"] == "#dialog" and f'hx-post="{url}"' in response.content.decode()
        assert b"<html" not in response.content

    def test_a_wrong_password_is_said_and_counted_and_the_right_one_goes_on(self, long_since, settings):
        url = "/team/roles/1/remove/"
        admin = an_admin("ada")
        long_since.force_login(admin)
        session = long_since.session
        session["proved_at"] = 0
        session.save()
        assert "That is not your password." in words(long_since.post(url, {"proof": "wrong"}))
        assert AuditEvent.objects.filter(action="person.refused").exists()
        assert long_since.post(url, {"proof": "secret"}).status_code == 404  # a built-in role is not removed
        assert AuditEvent.objects.filter(action="person.proved", actor=admin).exists()
        assert long_since.post(url).status_code == 404

    def test_it_gives_the_session_a_new_key_and_the_old_one_opens_nothing(self, settings):
        client = signed_in(an_operator("olga"))
        session = client.session
        session["proved_at"] = 0
        session.save()
        before = session.session_key
        assert client.post("/account/sessions/end/", {"proof": "secret"}).url == URL
        assert client.session.session_key != before and SignIn.objects.get().session_key == client.session.session_key
        old = Client()
        old.cookies[settings.SESSION_COOKIE_NAME] = before
        assert old.get("/").status_code == 302 and client.get("/").status_code == 200

    def test_it_is_not_asked_for_again_soon_nor_where_the_setting_says_never(self, long_since, operator, settings):
        url = f"/catalog/{a_checkpoint(store='elsewhere').pk}/download/"
        settings.PROVE_MINUTES = 0
        assert "Your password" not in words(long_since.post(url))

    def test_whoever_guesses_there_is_held_off_too(self, long_since, settings):
        url = f"/catalog/{a_checkpoint().pk}/download/"
        for _ in range(settings.AXES_FAILURE_LIMIT):
            response = long_since.post(url, {"proof": "wrong"})
        assert re.search(r"Too many wrong passwords. Try again at \d\d:\d\d UTC", words(response))
