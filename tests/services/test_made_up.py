"""Made-up catalogs: as many checkpoints as asked for, found like real ones, and never among real ones."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from containers_app import catalog, families, lineage
from containers_app.models import Checkpoint, Container
from containers_app.services import made_up
from tests.builders import a_host, an_admin

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_vacuum(monkeypatch):
    """A test is one transaction: nothing can be vacuumed in it."""
    monkeypatch.setattr(made_up, "_settle", lambda: None)


def test_it_refuses_a_database_that_knows_a_real_host():
    a_host("production")
    with pytest.raises(CommandError, match="real host"):
        call_command("fill_catalog", checkpoints=10)
    assert not Checkpoint.objects.exists()


def test_it_makes_as_many_as_asked_for_and_goes_on_where_it_was():
    assert made_up.fill(30) == 30 and made_up.fill(60) == 30 and made_up.fill(60) == 0
    assert Checkpoint.objects.count() == 60 and Container.objects.count() == 3
    person = an_admin()
    found = catalog.page(catalog.checkpoints(person, q="redis 6379"), person, "name").rows
    assert {row.image_name for row in found} == {"docker.io/library/redis:7"}


def test_its_containers_are_families():
    made_up.fill(200)
    here = Container.objects.exclude(came_from=None).first()
    drawing = lineage.draw(families.family_of(an_admin(), here.pk, here=here))
    assert {node.kind for node in drawing.nodes} == {"container", "checkpoint"} and len(drawing.nodes) == 52


@pytest.mark.parametrize(
    "address", ["/catalog/", "/catalog/?q=redis", "/catalog/?tag=warm", "/catalog/?sort=name&before=7"]
)
def test_a_page_takes_as_many_queries_at_many_as_at_few(client, address):
    client.force_login(an_admin())
    counts = []
    for number in (50, 400):
        made_up.fill(number)
        client.get(address)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).context["table"].rows
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 13
