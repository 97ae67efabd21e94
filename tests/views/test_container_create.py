"""The form for a new container."""

import uuid

import pytest

from containers_app.models import Operation
from tests.builders import a_container, a_host, an_image

from .conftest import queries, send, words

URL = "/containers/new/"


@pytest.fixture
def host(db):
    return a_host()


def filled(host, **values):
    return {
        "request_key": str(uuid.uuid4()),
        "host": host.pk,
        "name": "web",
        "image": "docker.io/library/nginx:1",
        "command": "",
        "publish": "",
        "env": "",
        **values,
    }


def test_a_stranger_is_asked_to_sign_in(stranger, host):
    assert stranger.get(URL).status_code == stranger.post(URL, filled(host)).status_code == 302
    assert not Operation.objects.exists()


def test_a_viewer_may_not(viewer, host):
    assert viewer.get(URL).status_code == viewer.post(URL, filled(host)).status_code == 403
    assert not Operation.objects.exists()


def test_an_operator_asks_for_one(operator, host):
    values = filled(host, command="sh -c 'echo \"a b\"'", publish="18080:80\n\n18443:443/tcp ", env="A=1\nB=x=y")
    response = operator.post(URL, values)
    operation = Operation.objects.get()
    assert response.url == f"/operations/{operation.pk}/"
    assert (operation.kind, operation.target_name, operation.host) == ("create", "web", host)
    assert operation.options["command"] == ["sh", "-c", 'echo "a b"']
    assert operation.options["publish"] == ["18080:80", "18443:443/tcp"]
    assert operation.options["env"] == ["A=1", "B=x=y"]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "two words", "not a name that Podman takes"),
        ("image", "--privileged", "not an image name"),
        ("command", "echo 'open", "cannot be read as a command line"),
        ("publish", "80;rm", "not a published port"),
        ("env", "=x", "has no name"),
        ("host", "12345", "valid choice"),
    ],
)
def test_what_cannot_be_used_is_told_beside_its_field(operator, host, field, value, message):
    response = send(operator, URL, **{**filled(host), field: value})
    text = response.content.decode()
    assert response.status_code == 422 and message in words(response)
    assert field == "host" or f'id="id_{field}_error"' in text
    assert field == "image" or "docker.io/library/nginx:1" in text
    assert not Operation.objects.exists()


def test_a_taken_name_is_told(operator, host):
    a_container(host=host, name="web")
    response = operator.post(URL, filled(host))
    assert response.status_code == 409 and "The name web is taken on local" in words(response)
    assert 'value="web"' in response.content.decode()


def test_it_knows_the_images_that_are_there_and_what_to_try_again(operator, host):
    an_image(names=["localhost/known:2"])
    text = operator.get(URL, {"name": "again", "image": "x:1", "command": "sh -c 'a b'"}).content.decode()
    assert '<option value="localhost/known:2">' in text
    assert 'value="again"' in text and 'value="x:1"' in text and 'value="sh -c &#x27;a b&#x27;"' in text


def test_it_takes_few_queries(operator, host):
    assert queries(operator, URL) <= 12
