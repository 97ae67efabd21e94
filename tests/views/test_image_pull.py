"""The form for an image from a registry: what a typed name means, what is allowed, and one operation."""

import uuid

import pytest

from containers_app.models import Operation
from tests.builders import a_host, an_operation

from .conftest import fragment, send, words

URL = "/images/pull/"
REGISTRIES = {"search": ["docker.io"], "aliases": {"fedora": "registry.fedoraproject.org/fedora"}}


@pytest.fixture
def host(db):
    host = a_host()
    host.facts["registries"] = REGISTRIES
    host.save()
    return host


def pull(client, host, image, key=None):
    return send(client, URL, host=host.pk, image=image, request_key=key or uuid.uuid4())


def test_an_operator_asks_once_and_sees_the_whole_name(operator, host):
    key = uuid.uuid4()
    for _ in range(2):
        response = pull(operator, host, "redis", key)
        operation = Operation.objects.get()
        assert response["HX-Redirect"] == f"/operations/{operation.pk}/"
    assert (operation.kind, operation.target_name) == ("pull", "docker.io/library/redis:latest")
    assert "Pull docker.io/library/redis:latest" in words(operator.get(f"/operations/{operation.pk}/"))
    assert "not there yet" not in words(operator.get("/"))


def test_the_form_says_what_a_short_name_means_while_it_is_typed(operator, host):
    typed = {"host": host.pk, "image": "fedora:41"}
    assert "registry.fedoraproject.org/fedora:41" in fragment(operator, URL, "meant", **typed).content.decode()
    assert "pulled as docker.io/library/redis:7" in words(operator.get(URL, {"image": "redis:7"}))


def test_a_name_that_leads_nowhere_stands_beside_its_field(operator, host):
    host.facts["registries"] = {"search": []}
    host.save()
    response = pull(operator, host, "redis")
    assert response.status_code == 422 and "is a short name" in words(response)
    assert 'value="redis"' in response.content.decode() and not Operation.objects.exists()
    assert "is a short name" in words(operator.get(URL, {"image": "redis"}))


@pytest.mark.parametrize("image", ["--all-tags", "a b", "x;id"])
def test_what_is_no_name_never_gets_further(operator, host, image):
    assert pull(operator, host, image).status_code == 422 and not Operation.objects.exists()


def test_the_policy_is_told_and_kept(operator, host, settings):
    settings.REGISTRIES = ["quay.io/team"]
    assert "Allowed here: quay.io/team" in words(operator.get(URL))
    response = pull(operator, host, "redis")
    assert response.status_code == 422 and "not allowed here, only from quay.io/team" in words(response)
    assert pull(operator, host, "quay.io/team/cache:1").status_code == 200
    assert Operation.objects.get().target_name == "quay.io/team/cache:1"


def test_a_new_container_is_no_way_around_the_policy(operator, host, settings):
    settings.REGISTRIES = ["quay.io/team"]
    values = {"request_key": uuid.uuid4(), "host": host.pk, "name": "web", "image": "docker.io/library/nginx:1"}
    response = send(operator, "/containers/new/", **values)
    assert response.status_code == 422 and "not allowed here" in words(response) and not Operation.objects.exists()


def test_the_same_image_is_not_pulled_twice_at_once(operator, host):
    pull(operator, host, "redis")
    assert pull(operator, host, "docker.io/library/redis:latest").status_code == 409


def test_a_viewer_may_not(viewer, host):
    assert viewer.get(URL).status_code == 403 and pull(viewer, host, "redis").status_code == 403


def test_the_operations_page_shows_each_layer_and_tries_again(operator, host):
    layers = [
        {"digest": "f1ec756daefa", "done": 1048576, "total": 1048576, "state": "done"},
        {"digest": "31d41356adfa", "done": 52428800, "total": 61132011, "state": "copying"},
        {"digest": "aaaaaaaaaaaa", "done": 0, "total": 0, "state": "here"},
    ]
    operation = an_operation(
        kind="pull", state="failed", host=host, container=None, target_name="quay.io/a/b:1",
        result={"layers": layers}, options={"image": "quay.io/a/b:1"},
    )  # fmt: skip
    response = operator.get(f"/operations/{operation.pk}/")
    text = words(response)
    assert "31d41356adfa" in text and "50.0 MiB of 58.3 MiB" in text and "was here already" in text
    assert f"/images/pull/?host={host.pk}&amp;image=quay.io%2Fa%2Fb%3A1" in response.content.decode()


def test_a_host_that_is_there_is_chosen_at_first(operator, host):
    away = a_host(name="a-host-that-is-away", watcher_seen_at=None)
    assert away.away and not host.away
    page = operator.get(URL).content.decode()
    assert f'<option value="{host.pk}" selected>' in page
