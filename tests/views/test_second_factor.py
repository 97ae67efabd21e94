"""The second factor: set up, asked for at sign-in, never twice with one code, and given up."""

import re
import time

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from containers_app.models import AuditEvent, RecoveryCode
from containers_app.services import audit, people, second_factor
from tests.builders import a_checkpoint, a_person, a_token, a_user, an_admin, an_operator

from .conftest import words
from .test_account import GOOD, form, signed_in

pytestmark = pytest.mark.django_db

URL = "/account/second-factor/"
KEY = "5a" * 20
WRONG = "000000"


@pytest.fixture(autouse=True)
def clock(monkeypatch, settings):
    """A function that lets time go on, for codes alone: each is good once."""
    settings.OTP_TOTP_THROTTLE_FACTOR = 0
    now, passed = time.time, [0]
    monkeypatch.setattr("django_otp.plugins.otp_totp.models.time.time", lambda: now() + passed[0])

    def later(seconds=30):
        passed[0] += seconds

    return later


def code(key=KEY):
    """What the app shows now."""
    from django_otp.plugins.otp_totp import models

    totp = TOTP(bytes.fromhex(key))
    totp.time = models.time.time()
    return f"{totp.token():06d}"


def with_factor(user, clock):
    """Their recovery codes, once `user` has a second factor with KEY."""
    codes = second_factor.enrol(by=audit.Caller(user=user), key=KEY, code=code())
    clock()
    return codes


def password(user, client=None, **values):
    client = client or Client()
    response = client.post("/sign-in/", {"username": user.username, "password": "secret", **values})
    return client, response


def through(user, client=None):
    """A client that has signed in with password and code."""
    client, _ = password(user, client)
    assert client.post("/sign-in/code/", form(code=code())).status_code == 302
    return client


def long_since(client):
    """As if the password had been typed long ago."""
    session = client.session
    session["proved_at"] = 0
    session.save()
    return client


def actions():
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


def test_it_is_set_up_with_the_first_code_and_its_recovery_codes_are_shown_once(clock):
    vera = a_user("vera")
    here, there = signed_in(vera), signed_in(vera)
    page = here.get(URL).content.decode()
    assert "<svg" in page and "style=" not in page and "otpauth://totp/Freezeframe%3Avera?secret=" in page
    secret = here.session["offered_key"]
    assert here.get(URL).content.decode().count(page[page.index("<svg") : page.index("</svg>")]) == 1, "the same one"
    assert not TOTPDevice.objects.exists()

    assert "not the code of now" in words(here.post(URL, form(code=WRONG)))
    response = here.post(URL, form(code=code(secret)))
    codes = re.findall(r"<li><code>([a-z2-9-]+)</code>", response.content.decode())
    assert len(set(codes)) == 10 and "no-store" in response["Cache-Control"]
    assert not RecoveryCode.objects.filter(digest__in=codes).exists(), "their digests alone are kept"
    assert here.get("/").status_code == 200 and there.get("/").status_code == 302
    assert here.get(URL).url == "/account/" and "10 recovery codes are left" in words(here.get("/account/"))
    assert "person.second_factor_enrolled" in actions()


def test_sign_in_asks_for_the_code_and_goes_where_it_was_going(clock):
    vera = a_user("vera")
    with_factor(vera, clock)
    client, response = password(vera, next="/catalog/")
    assert response.url == "/sign-in/code/" and client.get("/").status_code == 302
    assert "one-time-code" in client.get("/sign-in/code/").content.decode()
    before = client.session.session_key
    assert client.post("/sign-in/code/", form(code=code())).url == "/catalog/"
    assert client.get("/catalog/").status_code == 200 and client.session.session_key != before
    assert AuditEvent.objects.filter(action="person.signed_in").get().authenticated == "password and code"


def test_a_code_is_good_once(clock):
    vera = a_user("vera")
    with_factor(vera, clock)
    used = code()
    client, _ = password(vera)
    assert client.post("/sign-in/code/", form(code=used)).status_code == 302
    other, _ = password(vera)
    assert other.post("/sign-in/code/", form(code=used)).status_code == 422
    clock(-30)
    assert other.post("/sign-in/code/", form(code=code())).status_code == 422, "nor one from before it"
    assert other.get("/").status_code == 302


def test_a_recovery_code_is_good_once_however_it_is_written(clock):
    vera = a_user("vera")
    codes = with_factor(vera, clock)
    client, _ = password(vera)
    assert client.post("/sign-in/code/", form(code=codes[0].replace("-", "").upper())).status_code == 302
    assert AuditEvent.objects.filter(action="person.recovery_code_used").get().details == {"left": 9}
    signed = AuditEvent.objects.filter(action="person.signed_in").get()
    assert signed.authenticated == "password and recovery code"
    other, _ = password(vera)
    assert other.post("/sign-in/code/", form(code=codes[0])).status_code == 422


def test_whoever_guesses_codes_is_held_off_as_with_passwords(clock, settings):
    vera = a_user("vera")
    with_factor(vera, clock)
    client, _ = password(vera)
    for _ in range(settings.AXES_FAILURE_LIMIT):
        response = client.post("/sign-in/code/", form(code=WRONG))
    assert response.status_code == 429
    assert client.post("/sign-in/code/", form(code=code())).status_code == 429
    assert client.get("/").status_code == 302
    assert actions().count("person.code_refused") == settings.AXES_FAILURE_LIMIT and "person.locked_out" in actions()


def test_after_a_wrong_code_the_next_one_waits_wherever_it_comes_from(clock, settings):
    settings.OTP_TOTP_THROTTLE_FACTOR = 10
    vera = a_user("vera")
    with_factor(vera, clock)
    here, _ = password(vera)
    assert "looked at in 10 s" in words(here.post("/sign-in/code/", form(code=WRONG)))
    there, _ = password(vera, Client(REMOTE_ADDR="192.0.2.8"))
    assert there.post("/sign-in/code/", form(code=code())).status_code == 422


def test_there_is_no_way_around_the_code(clock):
    vera = a_user("vera")
    with_factor(vera, clock)
    assert Client().get("/sign-in/code/").url == "/sign-in/"
    client, _ = password(vera)
    session = client.session
    session["half"] = {**session["half"], "at": time.time() - 301}
    session.save()
    assert client.post("/sign-in/code/", form(code=code())).url == "/sign-in/", "too late"

    client, _ = password(vera)
    vera.set_password("another phrase of words")
    vera.save()
    assert client.post("/sign-in/code/", form(code=code())).url == "/sign-in/", "another password since"

    uid, token = people.recovery_path(by=audit.Caller(user=an_admin()), user=vera)
    link, client = f"/recover/{uid}/{token}/", Client()
    assert client.post(link, form(password=GOOD)).url == "/sign-in/code/"
    assert client.get("/").status_code == 302


def test_the_codes_page_leads_to_no_other_site(clock):
    vera = a_user("vera")
    with_factor(vera, clock)
    client, _ = password(vera, next="https://elsewhere.example/")
    assert client.post("/sign-in/code/", form(code=code())).url == "/"


def test_it_is_given_up_after_the_password_once_more_and_other_sessions_end(clock):
    vera = a_user("vera")
    with_factor(vera, clock)
    here = long_since(through(vera))
    assert here.post("/account/second-factor/remove/").status_code == 403 and TOTPDevice.objects.exists()
    clock()
    assert here.post("/account/second-factor/remove/", {"proof": code()}).url == "/account/"
    assert not TOTPDevice.objects.exists() and not RecoveryCode.objects.exists()
    assert "person.second_factor_removed" in actions() and here.get("/").status_code == 200
    signed_in(vera)


def test_new_recovery_codes_take_the_place_of_the_old(clock):
    vera = a_user("vera")
    old = with_factor(vera, clock)
    response = through(vera).post("/account/recovery-codes/")
    assert "no-store" in response["Cache-Control"] and old[0] not in response.content.decode()
    assert second_factor.check(by=audit.Caller(user=vera), code=old[0]) == ""
    assert "person.recovery_codes_renewed" in actions()


def test_a_code_proves_who_asks_once_more_and_a_wrong_one_does_not(clock):
    olga = an_operator("olga")
    with_factor(olga, clock)
    client = long_since(through(olga))
    clock()
    url = f"/catalog/{a_checkpoint(store='elsewhere').pk}/download/"
    assert "That is not your password" in words(client.post(url, {"proof": WRONG}))
    assert client.post(url, {"proof": code()}).status_code != 403
    assert AuditEvent.objects.filter(action="person.proved").get().sentence == "typed a code once more"


def test_an_administrator_takes_away_one_that_is_lost(clock, client):
    vera, ada = a_user("vera"), an_admin("ada")
    with_factor(vera, clock)
    there = Client()
    there.force_login(vera)
    there.get("/")
    admin = signed_in(ada)
    assert "second factor" in words(admin.get("/team/"))
    assert admin.post(f"/team/people/{vera.pk}/second-factor/").url == "/team/"
    event = AuditEvent.objects.filter(action="person.second_factor_reset").get()
    assert event.actor == ada and event.details == {"person": "vera"}
    assert there.get("/").status_code == 302 and not TOTPDevice.objects.exists()
    assert admin.post(f"/team/people/{vera.pk}/second-factor/").status_code == 409


def test_only_who_may_do_everything_takes_it_from_somebody_who_may(clock):
    ada, mina = an_admin("ada"), a_person("admin", "mina")
    with_factor(ada, clock)
    client = signed_in(mina)
    assert client.post(f"/team/people/{ada.pk}/second-factor/").status_code == 403
    assert TOTPDevice.objects.exists()


def test_root_lets_the_last_administrator_back_in_by_a_command(clock, capsys):
    ada = an_admin("ada")
    with_factor(ada, clock)
    call_command("remove_second_factor", "ada")
    assert "ada signs in with the password alone" in capsys.readouterr().out
    event = AuditEvent.objects.filter(action="person.second_factor_reset").get()
    assert event.actor is None and event.source == "command" and event.details == {"person": "ada"}
    signed_in(ada)
    for wrong in ("ada", "nobody"):
        with pytest.raises(CommandError):
            call_command("remove_second_factor", wrong)


class TestWhereItIsRequired:
    def test_nobody_gets_further_than_to_where_it_is_set_up(self, settings, clock):
        settings.SECOND_FACTOR = "everyone"
        client = signed_in(a_user("vera"))
        for url in ("/", "/catalog/", "/account/", "/events/", "/tokens/new/"):
            assert client.get(url).url == URL, url
        assert client.get("/", headers={"HX-Request": "true"})["HX-Redirect"] == URL
        assert client.get(URL).status_code == 200
        assert client.post(URL, form(code=code(client.session["offered_key"]))).status_code == 200
        assert client.get("/").status_code == 200
        assert client.post("/sign-out/").status_code == 302

    def test_only_of_administrators(self, settings):
        settings.SECOND_FACTOR = "administrators"
        assert signed_in(a_user("vera")).get("/").status_code == 200
        assert signed_in(an_admin("ada")).get("/").url == URL

    def test_a_session_from_before_signs_in_again(self, settings, clock):
        vera = a_user("vera")
        client = Client()
        client.force_login(vera)
        device = TOTPDevice.objects.create(user=vera, key=KEY, name="app")
        settings.SECOND_FACTOR = "everyone"
        assert client.get("/").url == "/sign-in/" and device.pk
        assert client.get("/").url.startswith("/sign-in/?next=")

    def test_programs_go_on_with_their_tokens(self, settings):
        settings.SECOND_FACTOR = "everyone"
        _, text = a_token(an_admin("ada"))
        assert Client(headers={"Authorization": f"Bearer {text}"}).get("/api/v1/hosts").status_code == 200
