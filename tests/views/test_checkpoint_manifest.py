"""The manifest beside a download: what whoever gets the archive needs to know, as docs/handing-on.md says."""

import re
from pathlib import Path

import pytest

from tests.builders import a_checkpoint

pytestmark = pytest.mark.django_db


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert stranger.get(f"/catalog/{a_checkpoint().pk}/manifest/").status_code == 302


def test_it_says_what_the_document_says(viewer):
    checkpoint = a_checkpoint(name="warm/1", tags=["night"])
    response = viewer.get(f"/catalog/{checkpoint.pk}/manifest/")
    found = response.json()
    assert response["Content-Disposition"] == 'attachment; filename="warm-1.json"'
    assert found["archive"]["sha256"] == checkpoint.archive_sha256
    assert found["image"] == {"name": checkpoint.image_name, "id": checkpoint.image_id}
    assert found["tags"] == ["night"] and found["host"]["podman_version"] == "4.3.1"
    document = (Path(__file__).parents[2] / "docs" / "handing-on.md").read_text()
    assert set(re.findall(r"^\| `(\w+)`", document, re.MULTILINE)) == set(found)
