"""Archives in and out over HTTP, through the web process and the agent, with connections that break in the middle."""

import re
import urllib.parse

import pytest

from bench import transfer
from containers_app.models import Checkpoint
from containers_app.services import doorbell
from tests.live.site import wait_for

pytestmark = pytest.mark.live


def test_broken_connections_lose_nothing_and_leave_nothing(site, operator, tmp_path):
    password = re.search(r"the password (\w+)\)", site.ready_line)[1]
    visitor = transfer.Visitor(site.port, password=password)
    path = transfer.an_archive(tmp_path / "large.tar", 24 * transfer.MIB)
    key = transfer.upload(visitor, path)  # one of its pieces is broken off
    form = urllib.parse.urlencode({**transfer.fields_of(visitor), "host": operator.host.pk, "upload": key}).encode()
    answer = visitor.ask("POST", "/catalog/import/", form, {"Content-Type": "application/x-www-form-urlencoded"})
    number = int(re.search(r"/operations/(\d+)/", answer[1]["Location"])[1])
    checkpoint = Checkpoint.objects.get(operation=transfer.ended(visitor, number))
    wait_for(lambda: not (site.data / "spool" / str(key)).exists(), "the upload is gone")  # others may wait for bytes
    assert visitor.ask("POST", f"/catalog/{checkpoint.pk}/download/", b"")[0] == 409  # nobody has approved it
    Checkpoint.objects.filter(pk=checkpoint.pk).update(provenance="approved")
    got = transfer.download(visitor, checkpoint, part=5 * transfer.MIB)  # goes on by a range
    assert got == (checkpoint.archive_sha256, checkpoint.archive_bytes)
    wait_for(lambda: not doorbell.client().keys("freezeframe:archive-copy:*"), "no block waits for anybody")
