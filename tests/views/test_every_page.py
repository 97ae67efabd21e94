"""Every page: signed-in people only, the same few queries with 1 row and with 50, strangers' ids are not found."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.builders import (
    a_checkpoint,
    a_container,
    a_host,
    a_person,
    a_review,
    a_team,
    a_user,
    an_event,
    an_image,
    an_operation,
)

pytestmark = pytest.mark.django_db

LISTS = [
    "/",
    "/catalog/",
    "/operations/",
    "/operations/tray/",
    "/audit/",
    "/audit/evidence/",
    "/catalog/reviews/",
    "/images/",
    "/hosts/",
    "/policies/",
    "/search/?q=loop",
    "/tokens/",
    "/api/docs/",
    "/team/",
    "/account/",
    "/account/second-factor/",
]
OTHERS = [
    "/team/people/new/",
    "/team/teams/new/",
    "/tokens/new/",
    "/tokens/account/",
    "/containers/bulk/?verb=kill&all=on",
    "/containers/prune/",
    "/policies/scrub/",
    "/policies/drill/",
    "/images/pull/?image=docker.io/library/redis:7",
    "/images/prune/",
    "/catalog/import/",
    "/policies/imports/",
    "/containers/new/",
    "/?state=removed",
    "/?q=looper",
    "/catalog/?sort=frozen",
    "/catalog/?view=cards&q=loop&tag=none",
    "/operations/?state=failed",
]
ONES = [
    "/containers/{container}/environment/",
    "/containers/{container}/", "/containers/{container}/log/", "/containers/{container}/checkpoint/",
    "/containers/{container}/commit/", "/images/{image}/remove/",
    "/containers/{container}/kill/", "/containers/{container}/rename/",
    "/containers/{container}/exec/", "/containers/{container}/stats/", "/catalog/{checkpoint}/",
    "/catalog/{checkpoint}/inside/", "/catalog/{checkpoint}/lineage/", "/containers/{container}/lineage/",
    "/catalog/{checkpoint}/edit/", "/catalog/{checkpoint}/discard/", "/catalog/reviews/{review}/",
    "/catalog/{checkpoint}/inside/memory/", "/catalog/{checkpoint}/inside/archive/",
    "/catalog/{checkpoint}/environment/", "/catalog/{checkpoint}/search/", "/catalog/{checkpoint}/compare/",
    "/catalog/{checkpoint}/compare/{checkpoint}/",
    "/catalog/{checkpoint}/restore/",
    "/catalog/{checkpoint}/ready/",
    "/catalog/{checkpoint}/push/",
    "/catalog/{checkpoint}/share/",
    "/operations/{operation}/", "/hosts/{host}/", "/hosts/{host}/criu/",
]  # fmt: skip
MOST = 12


@pytest.fixture
def operator(client):
    client.force_login(a_user(is_superuser=True))
    return client


def rows(number):
    """`number` of each thing on one host; returns the primary keys of the first of each."""
    host = a_host()
    for place in range(number):
        a_person("viewer", team=a_team())
        container = a_container(host=host, name=f"looper-{place}", state="running")
        checkpoint = a_checkpoint(container=container, host=host)
        operation = an_operation(container=container, host=host, state="succeeded")
        an_operation(container=a_container(host=host), host=host, state="queued")
        image = an_image(host=host)
        an_event(container=container, checkpoint=checkpoint, operation=operation)
        if not place:
            first = {"container": container.pk, "checkpoint": checkpoint.pk, "operation": operation.pk, "host": host.pk}
            first["image"], first["review"] = image.pk, a_review().pk
            for _ in range(number):
                a_checkpoint(container=container, host=host)
                an_operation(container=container, host=host, state="succeeded")
                an_event(container=container, operation=operation)
    return first


@pytest.fixture(scope="module")
def looks(rolled_back):
    """{address: [(status, how many queries) with one row of each thing, the same with fifty]}; rows are made once."""
    found = {address: [] for address in LISTS + OTHERS + ONES}
    with rolled_back():
        client = Client(raise_request_exception=False)
        client.force_login(a_user(is_superuser=True))
        client.get("/account/second-factor/")  # the first look puts the secret into the session
        for number in (1, 50):
            first = rows(number)
            for address, look in found.items():
                if number == 1:
                    client.get(address.format(**first))  # the first look ever at a page may write something down
                with CaptureQueriesContext(connection) as captured:
                    status = client.get(address.format(**first)).status_code
                look.append((status, len(captured)))
    return found


@pytest.mark.parametrize("address", LISTS + OTHERS + ONES)
def test_a_page_takes_few_queries_and_no_more_with_50_rows_than_with_1(looks, address):
    few, many = looks[address]
    assert few == many and many[0] == 200 and many[1] <= MOST


@pytest.mark.parametrize("address", LISTS + OTHERS + ONES + ["/events/"])
def test_who_is_not_signed_in_is_sent_to_the_door(client, address):
    address = address.format(**rows(1))
    response = client.get(address)
    assert response.status_code == 302 and response.url.startswith("/sign-in/")


@pytest.mark.parametrize("address", ONES)
def test_what_is_not_there_is_not_found(operator, address):
    address = address.format(container=9999, checkpoint=9999, operation=9999, host=9999, image=9999, review=9999)
    assert operator.get(address).status_code == 404


@pytest.mark.parametrize("verb", ["start", "kill", "remove", "checkpoint", "init", "exec"])
def test_who_may_only_look_is_refused_and_nothing_is_queued(client, verb):
    client.force_login(a_user())
    container = a_container(state="running")
    assert client.post(f"/containers/{container.pk}/{verb}/").status_code == 403
    assert not container.operations.exists()


def test_every_answer_has_a_strict_policy_and_no_inline_style_or_script(operator):
    first = rows(1)
    for address in LISTS + ONES:
        response = operator.get(address.format(**first))
        policy = response["Content-Security-Policy"]
        assert "script-src 'self'" in policy and "default-src 'none'" in policy and "unsafe" not in policy
        assert b" style=" not in response.content and b"<style" not in response.content
