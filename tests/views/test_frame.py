"""What every answer has: one name in five places, a request id, and errors that are pages of ours."""

import re
import uuid
from pathlib import Path

import pytest
from django.test import Client, RequestFactory
from django.urls import URLPattern, get_resolver
from django_otp.plugins.otp_totp.models import TOTPDevice

from containers_app import errors, htmx
from tests.builders import (
    a_checkpoint,
    a_container,
    a_host,
    a_review,
    a_role,
    a_team,
    a_token,
    a_user,
    an_admin,
    an_image,
    an_operation,
)

from .conftest import words

ROOT = Path(__file__).resolve().parents[2]
PRESSES = {
    "audit_export",
    "audit_verify",
    "checkpoint_choose",
    "checkpoint_download",
    "checkpoint_favourite",
    "checkpoint_pin",
    "checkpoint_drill",
    "checkpoint_manifest",
    "checkpoint_scrub",
    "checkpoint_sha256",
    "container_init",
    "container_log_download",
    "container_mount",
    "container_start",
    "container_pause",
    "container_unmount",
    "container_unpause",
    "host_selftest",
    "sample_run",
    "search_delete",
    "search_save",
    "operation_cancel",
    "person_recover",
    "person_second_factor",
    "person_sign_out",
    "recovery_codes",
    "role_remove",
    "second_factor_remove",
    "session_end",
    "sessions_end",
    "sign_out",
    "team_remove",
    "upload_begin",
    "upload_detail",
}
OF_ADMINS = {
    "checkpoint_search",
    "host_criu",
    "memory_search",
    "policy_imports",
    "policy_schedule",
    "team_list",
    "token_account",
    "token_revoke",
}
# Pages that are tested together, in the file of another one.
STORIES = {
    "sign_out": "sign_in", "recover": "account", "session_end": "account", "sessions_end": "account",
    "checkpoint_share": "team_list", "person_add": "team_list", "person_edit": "team_list",
    "person_recover": "team_list", "person_sign_out": "account", "person_second_factor": "second_factor",
    "second_factor_remove": "second_factor", "recovery_codes": "second_factor", "sign_in_code": "second_factor",
    "role_copy": "team_list", "role_edit": "team_list", "role_remove": "team_list", "team_add": "team_list",
    "team_edit": "team_list", "team_remove": "team_list",
}  # fmt: skip
PATTERNS = [pattern for pattern in get_resolver().url_patterns if isinstance(pattern, URLPattern)]  # not the API
OURS = [pattern for pattern in PATTERNS if pattern.name != "event_stream"]


@pytest.mark.parametrize("pattern", OURS, ids=lambda pattern: pattern.name)
def test_a_page_has_one_name_in_five_places(operator, pattern):
    name = pattern.name
    tested = STORIES.get(name, name)
    assert (ROOT / "tests" / "views" / f"test_{tested}.py").exists()
    if not name.startswith("sign_"):
        assert pattern.callback.__name__ == name
    if name in PRESSES:
        return
    assert (ROOT / "templates" / f"{name}.html").exists()
    checkpoint = a_checkpoint(
        container=a_container(host=a_host(), state="exited" if name == "container_remove" else "running")
    )
    number = {
        "container": checkpoint.container,
        "checkpoint": checkpoint,
        "operation": an_operation(),
        "host": a_host(),
        "memory": an_operation(kind="memory_search", checkpoint=checkpoint, container=None, options={"pattern": "x"}),
        "person": operator.user,
        "team": a_team(),
        "role": a_role("see"),
        "image": an_image(checkpoint={"io.podman.annotations.checkpoint.name": "looper"}),
        "token": a_token()[0],
    }
    url = "/" + str(pattern.pattern).replace("<int:pk>", str(number.get(name.partition("_")[0], checkpoint).pk))
    if name == "checkpoint_review":
        url = f"/catalog/reviews/{a_review().pk}/"
    url = url.replace("<slug:part>", "files").replace("<int:other>", str(checkpoint.pk))
    url = url.replace("<slug:work>", "scrub").replace("<uuid:batch>", str(an_operation(batch=uuid.uuid4()).batch))
    url = url.replace("<str:uid>/<str:token>", "none/none")
    client = Client() if name in {"sign_in", "sign_in_code", "recover"} else operator
    if name == "sign_in_code":
        TOTPDevice.objects.create(user=operator.user, key="5a" * 20)
        client.post("/sign-in/", {"username": operator.user.username, "password": "secret"})
    if STORIES.get(name, name) in OF_ADMINS:
        client.force_login(an_admin())
    assert re.findall(r'<main [^>]*id="(\w+)"', client.get(url).content.decode()) == [name]


def test_an_address_that_leads_nowhere_is_a_page_of_ours(viewer, stranger):
    assert "Nothing is here" in words(viewer.get("/nowhere/")) and "Nothing is here" in words(stranger.get("/nowhere/"))


def test_the_callers_request_id_is_kept_when_it_is_one(viewer):
    assert viewer.get("/", headers={"X-Request-ID": "abc-DEF-123"})["X-Request-ID"] == "abc-DEF-123"
    for wrong in ("short", "x" * 37, "new\tline-12345", "<script>alert"):
        assert re.fullmatch(r"[0-9a-f]{32}", viewer.get("/", headers={"X-Request-ID": wrong})["X-Request-ID"])


@pytest.mark.parametrize(
    ("method", "target", "swap"), [("get", "dialog", "innerHTML"), ("get", "x", "none"), ("post", "x", "innerHTML")]
)
def test_an_error_comes_into_the_dialog_where_a_person_waits_for_it(db, method, target, swap):
    request = getattr(RequestFactory(), method)("/", headers={"HX-Request": "true", "HX-Target": target})
    request.htmx = htmx_details(request)
    request.user = a_user()
    response = htmx.error_response(request, errors.Unavailable("Redis is away.", remedy="Wait <a bit>."))
    assert response.status_code == 503
    assert (response["HX-Retarget"], response["HX-Reswap"]) == ("#dialog", swap)
    assert b"Wait &lt;a bit&gt;." in response.content and b"<html" not in response.content


def test_an_error_of_somebody_else_is_left_alone(db):
    assert htmx.error_response(RequestFactory().get("/"), ValueError("not ours")) is None


def htmx_details(request):
    from django_htmx.middleware import HtmxDetails

    return HtmxDetails(request)


def test_htmx_is_told_to_need_nothing_inline(viewer):
    text = viewer.get("/").content.decode()
    assert '"allowEval": false' in text and '"includeIndicatorStyles": false' in text
    assert not re.search(r"<script(?![^>]*src=)", text)
