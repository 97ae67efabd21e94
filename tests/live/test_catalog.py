"""The catalog over real checkpoints: found by what runs inside, a family of clones, a discard that frees the disk."""

import re

import pytest
from django.test import Client

from containers_app import catalog, families, lineage
from containers_app.models import AuditEvent
from containers_app.services import catalog as services
from containers_app.services.operations import Conflict

pytestmark = pytest.mark.live


def test_it_is_found_by_its_processes_has_a_family_and_is_discarded(site, operator):
    looper = operator.create("looper", "sleep 7321 & wait")
    first = operator.checkpoint(looper, leave_running=True, mode="keep_running")
    clone = operator.restore(first, name="clone")
    second = operator.checkpoint(clone)
    grandchild = operator.restore(second, name="grandchild")
    person = operator.by.user

    found = catalog.page(catalog.checkpoints(person, q="sleep 7321"), person, "oldest").rows
    assert [row.pk for row in found][-2:] == [first.pk, second.pk], "by a command line that only its memory had"

    drawing = lineage.draw(families.family_of(person, grandchild.pk, here=second))
    assert [node.title for node in drawing.nodes] == ["looper", first.name, "clone", second.name, "grandchild"]

    archive = site.store / f"{second.archive_sha256}.tar.zst"
    assert archive.is_file()
    operation = operator.done(services.request_discard(by=operator.by, checkpoint=second))
    second.refresh_from_db()
    assert second.discarded_at and not archive.exists() and "free again" in operation.summary
    assert AuditEvent.objects.filter(action="checkpoint.discarded", checkpoint=second).count() == 1
    with pytest.raises(Conflict, match="was discarded"):
        operator.request_restore(second, name="another")
    assert site.state("grandchild") == "running", "what was restored from it runs on"
    assert_still_in_the_lineage(person, grandchild)


def assert_still_in_the_lineage(person, container):
    client = Client()
    client.force_login(person)
    text = client.get(f"/containers/{container.pk}/lineage/").content.decode()
    assert re.search(r"<title>checkpoint clone 1, discarded</title>", text)
