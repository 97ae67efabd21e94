"""The form for a new container."""

import uuid

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from containers_app.errors import NotAllowed
from containers_app.models import Operation
from containers_app.services import audit, lifecycle
from tests.builders import a_container, a_host, a_member, an_admin, an_image

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
    assert operation.options["settings"]["publish"] == ["18080:80", "18443:443/tcp"]
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


def test_it_starts_at_once_only_where_that_is_ticked(operator, host):
    for start in ("on", ""):
        operator.post(URL, filled(host, name=f"web{start}", start=start))
    assert [operation.options["start"] for operation in Operation.objects.order_by("pk")] == [True, False]


def test_more_settings_reach_the_operation_under_podmans_names(operator, host):
    more = {"volume": "data:/data\n\nlogs:/logs", "label": "team=ops", "memory": "64m", "cpus": "0.5", "tty": "on"}
    operator.post(URL, filled(host, restart="always", user="1000", ulimit="nofile=512:512", **more))
    assert Operation.objects.get().options["settings"] == {
        "volume": ["data:/data", "logs:/logs"], "label": ["team=ops"], "memory": "64m", "cpus": "0.5", "tty": True,
        "restart": "always", "user": "1000", "ulimit": ["nofile=512:512"],
    }  # fmt: skip


def test_what_podman_does_not_take_stands_beside_its_field_and_nothing_is_lost(operator, host):
    response = send(operator, URL, **filled(host, memory="lots", label="team=ops"))
    form = response.context["form"]
    assert response.status_code == 422 and form.errors.keys() == {"memory"} and form["label"].value() == "team=ops"
    assert not Operation.objects.exists()


@pytest.mark.parametrize("more", [{"privileged": "on"}, {"cap_add": "SYS_ADMIN"}, {"volume": "/etc:/host"}])
def test_power_over_the_host_is_an_administrators_alone(operator, host, more):
    assert b'name="privileged"' not in operator.get(URL).content
    response = operator.post(URL, filled(host, **more))
    created = Operation.objects.filter(kind="create")
    assert (response.status_code == 422) == ("volume" in more)
    assert not any(more.keys() & operation.options["settings"].keys() for operation in created)


def test_an_administrator_may_and_is_warned(host):
    client = Client()
    client.force_login(an_admin())
    assert "whoever is in it can be root there" in words(client.get(URL))
    client.post(URL, filled(host, privileged="on", volume="/srv:/data:ro"))
    assert Operation.objects.get().options["settings"] == {"privileged": True, "volume": ["/srv:/data:ro"]}


def test_who_has_lost_the_right_meanwhile_is_refused_by_the_agent(host):
    admin = an_admin()
    operation = lifecycle.request_create(
        by=audit.Caller(user=admin),
        host=host,
        name="web",
        image="localhost/a",
        command=[],
        env=[],
        privileged=True,
    )
    get_user_model().objects.filter(pk=admin.pk).update(is_superuser=False)
    admin = get_user_model().objects.get(pk=admin.pk)
    a_member(admin, "operator")
    with pytest.raises(NotAllowed):
        lifecycle.require_right_to(admin, operation.options["settings"])


def test_a_flag_that_the_hosts_podman_lacks_is_refused(operator, host):
    host.facts["flags"] = {"create": ["--publish"]}
    host.save()
    response = send(operator, URL, **filled(host, memory="64m"))
    assert response.context["form"].errors.keys() == {"memory"}
