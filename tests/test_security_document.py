"""docs/security.md says which test shows each item: those tests are there. And those that have no better place."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.core.exceptions import ValidationError
from django.test import Client

from containers_app.passwords import WORDS
from containers_app.services import audit, people, tokens
from containers_app.views.rights import NEEDED
from tests.builders import a_checkpoint, a_container, a_user
from tests.views.test_rights import POSTS

ROOT = Path(__file__).resolve().parents[1]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", (ROOT / "docs" / "security.md").read_text())))


@pytest.mark.parametrize("named", NAMED)
def test_a_test_that_the_document_names_is_there(named):
    path, _, name = named.partition("::")
    text = (ROOT / path).read_text()
    assert not name or re.search(rf"^(def|class) {name}\b", text, re.MULTILINE)


@pytest.fixture(scope="module")
def production(tmp_path_factory):
    """What the settings are behind HTTPS."""
    code = "from django.conf import settings as s; import json; print(json.dumps({n: getattr(s, n) for n in NAMES}))"
    names = [
        "SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE", "SESSION_COOKIE_NAME",
        "CSRF_COOKIE_SECURE", "CSRF_COOKIE_SAMESITE", "CSRF_COOKIE_NAME", "SECURE_HSTS_SECONDS",
        "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_CONTENT_TYPE_NOSNIFF", "SECURE_REFERRER_POLICY", "X_FRAME_OPTIONS",
        "CELERY",
    ]  # fmt: skip
    env = {**os.environ, "FREEZEFRAME_HTTPS": "1", "DJANGO_SETTINGS_MODULE": "webui.settings"}
    env["FREEZEFRAME_DATA_DIR"] = str(tmp_path_factory.mktemp("data"))
    code = code.replace("NAMES", repr([name for name in names if name != "CELERY"]))
    ended = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(ended.stdout)


def test_cookies_of_production(production):
    for kind in ("SESSION", "CSRF"):
        assert production[f"{kind}_COOKIE_SECURE"] and production[f"{kind}_COOKIE_SAMESITE"] == "Lax"
        assert production[f"{kind}_COOKIE_NAME"].startswith("__Host-")
    assert production["SESSION_COOKIE_HTTPONLY"]


def test_headers_of_production(production):
    assert production["SECURE_HSTS_SECONDS"] >= 365 * 24 * 3600 and production["SECURE_HSTS_INCLUDE_SUBDOMAINS"]
    assert production["SECURE_CONTENT_TYPE_NOSNIFF"] and production["X_FRAME_OPTIONS"] == "DENY"
    assert production["SECURE_REFERRER_POLICY"] == "same-origin"


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["/", "/catalog/", "/sign-in/", "/api/v1/hosts", "/no-such-page/", "/static/app.css"])
def test_every_answer_has_the_policy_and_only_static_files_are_kept(client, url, settings):
    settings.WHITENOISE_AUTOREFRESH = settings.WHITENOISE_USE_FINDERS = True
    client.force_login(a_user())
    response = client.get(url)
    policy = response["Content-Security-Policy"]
    assert {"default-src 'none'", "object-src 'none'", "base-uri 'none'"} <= set(policy.split("; "))
    assert "frame-ancestors 'none'" in policy and response["X-Content-Type-Options"] == "nosniff"
    assert ("no-store" in response.get("Cache-Control", "")) == (not url.startswith("/static/"))


@pytest.mark.django_db
def test_no_other_site_may_read_an_answer(client):
    client.force_login(a_user())
    for url in ("/", "/api/v1/hosts", "/sign-in/"):
        for answer in (client.get, client.options):
            response = answer(url, headers={"Origin": "https://elsewhere.example"})
            assert not [name for name in response.headers if name.lower().startswith("access-control-")]


@pytest.mark.django_db
def test_the_api_takes_no_session(client):
    client.force_login(a_user(is_superuser=True))
    assert client.get("/api/v1/hosts").status_code == 401
    assert client.post("/api/v1/containers", {}, content_type="text/plain").status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize(
    "to", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "javascript:x"]
)
def test_nobody_is_led_to_another_site(client, to):
    a_user("vera")
    response = client.post("/sign-in/", {"username": "vera", "password": "secret", "next": to})
    assert response.url == "/"
    url = f"/catalog/{a_checkpoint().pk}/favourite/"
    assert client.post(url, {"favourite": "yes", "next": to}).url.startswith("/catalog/")


def test_no_script_takes_messages_of_other_windows():
    for script in (ROOT / "static").glob("*.js"):
        assert not re.search(r"postMessage|onmessage|[\"']message[\"']|eval\(|innerHTML\s*=", script.read_text()), (
            script
        )


def test_messages_are_json_and_nothing_else(settings):
    assert settings.CELERY["accept_content"] == ["json"] and settings.CELERY["task_serializer"] == "json"


@pytest.mark.django_db
def test_a_form_without_its_token_is_refused():
    client = Client(enforce_csrf_checks=True)
    client.force_login(a_user())
    assert client.post("/sign-out/").status_code == 403
    assert client.post(f"/containers/{a_container().pk}/start/").status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(POSTS & NEEDED.keys()))
def test_no_get_changes_anything(admin_client, name):
    from django.urls import get_resolver

    pattern = next(entry for entry in get_resolver().url_patterns if getattr(entry, "name", "") == name)
    url = re.sub(r"<\w+:\w+>", "1", f"/{pattern.pattern}")
    assert admin_client.get(url).status_code == 405


@pytest.mark.django_db
def test_a_long_password_is_taken_as_it_is():
    vera, password = a_user("vera"), " äöü " + "phrase of words " * 6 + " "
    people.set_password(by=audit.Caller(user=vera), user=vera, password=password)
    assert get_user_model().objects.get(pk=vera.pk).check_password(password)
    assert not vera.check_password(password.strip())


@pytest.mark.django_db
def test_password_fields_are_for_password_managers(client):
    assert 'type="password" name="password" id="id_password" autocomplete="current-password"' in (
        client.get("/sign-in/").content.decode()
    )
    client.force_login(a_user())
    page = client.get("/account/").content.decode()
    assert 'autocomplete="new-password"' in page and 'autocomplete="current-password"' in page


@pytest.mark.parametrize(
    "password",
    ["password1234", "qwertyqwerty", "sunshine2026!", "monkey-dragon", "dragonmonkey12", "123456123456", "q1w2e3r4t5y6",
     "freezeframe1!", "freezeframe-podman", "checkpointrestore", "  Password1234  "],
)  # fmt: skip
def test_what_is_made_of_common_passwords_or_words_of_this_place_is_refused(password):
    with pytest.raises(ValidationError):
        validate_password(password)


@pytest.mark.parametrize(
    "password", ["a long phrase of words", "freezeframe and nine llamas", "Tr0ub4dor&3xyzq", "äöüßäöüßäöüß"]
)
def test_what_is_neither_is_taken(password):
    validate_password(password)


def test_the_words_of_this_place_are_in_the_document():
    text = (ROOT / "docs" / "security.md").read_text()
    assert all(f"`{word}`" in text for word in WORDS)


@pytest.mark.django_db
def test_a_wrong_name_and_a_wrong_password_are_told_alike(client):
    a_user("vera")
    told = [
        re.findall("do not belong together", client.post("/sign-in/", values).content.decode())
        for values in ({"username": "vera", "password": "x"}, {"username": "nobody", "password": "x"})
    ]
    assert told[0] == told[1] != []


def test_session_keys_and_tokens_cannot_be_guessed():
    assert len(VALID_KEY_CHARS) ** 32 > 2**160 and 62**tokens.LENGTH > 2**255


@pytest.mark.django_db
def test_sign_out_is_on_every_page(client):
    client.force_login(a_user())
    for url in ("/", "/catalog/", "/operations/", "/hosts/", "/account/", "/search/?q=x"):
        assert 'action="/sign-out/"' in client.get(url).content.decode()
