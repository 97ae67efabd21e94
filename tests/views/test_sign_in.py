"""The door."""

from tests.builders import a_user

from .conftest import words

URL = "/sign-in/"


def test_a_person_signs_in_and_goes_where_they_wanted(stranger):
    a_user("mina")
    assert "Sign in" in words(stranger.get(URL))
    response = stranger.post(URL, {"username": "mina", "password": "secret", "next": "/catalog/"})
    assert response.status_code == 302 and response.url == "/catalog/"


def test_a_wrong_password_is_told_and_the_name_stays(stranger):
    a_user("mina")
    response = stranger.post(URL, {"username": "mina", "password": "wrong"})
    assert "do not belong together" in words(response) and 'value="mina"' in response.content.decode()


def test_nobody_is_sent_to_another_site(stranger):
    a_user("mina")
    values = {"username": "mina", "password": "secret", "next": "https://elsewhere.example/"}
    assert stranger.post(URL, values).url == "/"


def test_who_is_signed_in_goes_on(viewer):
    assert viewer.get(URL).url == "/"


def test_signing_out_is_a_press(viewer):
    assert viewer.get("/sign-out/").status_code == 405
    assert viewer.post("/sign-out/").url == URL
    assert viewer.get("/").status_code == 302


def test_a_form_from_elsewhere_is_refused_with_a_page_of_ours(db):
    from django.test import Client

    response = Client(enforce_csrf_checks=True).post(URL, {"username": "a", "password": "b"})
    assert response.status_code == 403 and "This form has aged" in words(response)
