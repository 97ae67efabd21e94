"""Bringing in an archive: by right, with or without JavaScript, in pieces from where it stopped, and nothing stays."""

import io
import uuid

import pytest
from django.test import Client

from containers_app.models import Operation, Upload
from containers_app.services import outside
from tests.builders import a_host, an_operator
from tests.views.conftest import words

URL = "/catalog/import/"


@pytest.fixture(autouse=True)
def spool(settings, tmp_path):
    settings.SPOOL_DIR, settings.SPOOL_BYTES = tmp_path / "spool", 1_000_000
    return lambda: sorted(entry.name for entry in (tmp_path / "spool").glob("*"))


@pytest.fixture
def host(db):
    return a_host()


def press(client, host, **values):
    return client.post(URL, {"request_key": uuid.uuid4(), "host": host.pk, **values})


def file(content=b"archive", name="warm.tar.zst"):
    return io.BytesIO(content) if not name else type("F", (io.BytesIO,), {"name": name})(content)


def test_strangers_and_viewers_are_turned_away_before_a_byte_is_kept(stranger, viewer, host, spool):
    assert press(stranger, host, file=file()).status_code == 302
    assert viewer.get(URL).status_code == 403 and press(viewer, host, file=file()).status_code == 403
    assert spool() == [] and not Operation.objects.exists()


def test_a_form_alone_brings_in_a_file(operator, host, spool):
    response = press(operator, host, file=file(b"x" * 300_000), name="warm", tags="lab, warm")
    operation = Operation.objects.get(kind="import")
    assert response.status_code == 302 and response.url == f"/operations/{operation.pk}/"
    upload = Upload.objects.get()
    assert (upload.state, upload.file_name, upload.size) == ("taken", "warm.tar.zst", 300_000)
    assert spool() == [str(upload.key)] and outside.spool().open(upload.key).read() == b"x" * 300_000
    assert operation.options["tags"] == ["lab", "warm"] and operation.options["upload"] == str(upload.key)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "Choose one archive"),
        ({"file": b""}, "empty"),
        ({"file": b"x" * 1_000_001}, "no room|GiB at the most"),
        ({"file": b"x", "tags": "no/tag"}, "is not a tag"),
        ({"upload": uuid.uuid4()}, "not here any more"),
    ],
)
def test_what_cannot_be_is_said_and_leaves_nothing(operator, host, spool, values, said):
    values = {**values, **({"file": file(values["file"])} if "file" in values else {})}
    response = press(operator, host, **values)
    assert response.status_code == 422
    assert any(part in words(response) for part in said.split("|"))
    assert spool() == [] and not Operation.objects.exists() and not Upload.objects.exists()


def test_a_form_without_its_token_leaves_nothing(host, spool):
    client = Client(enforce_csrf_checks=True)
    client.force_login(an_operator())
    assert press(client, host, file=file()).status_code == 403
    assert spool() == []


def test_a_path_is_offered_only_where_folders_are_named(operator, host, settings, tmp_path):
    assert b"path on the host" not in operator.get(URL).content
    settings.IMPORT_FROM = [tmp_path]
    assert f"Below {tmp_path}" in words(operator.get(URL))
    press(operator, host, path=f"{tmp_path}/a.tar")
    assert Operation.objects.get().options["path"] == f"{tmp_path}/a.tar"


def test_an_unfinished_upload_is_not_brought_in(operator, host):
    said = operator.post("/catalog/uploads/", {"name": "warm.tar", "size": 10}, "application/json").json()
    response = press(operator, host, upload=said["key"])
    assert response.status_code == 409 and "still missing" in words(response)
    assert Upload.objects.get().state == "receiving"
