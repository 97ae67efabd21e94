"""The digest beside the download, as sha256sum(1) checks it."""

import subprocess

import pytest

from tests.builders import a_checkpoint

pytestmark = pytest.mark.django_db


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert stranger.get(f"/catalog/{a_checkpoint().pk}/sha256/").status_code == 302


def test_sha256sum_takes_it(viewer, tmp_path):
    (tmp_path / "warm-1.tar.zst").write_bytes(b"archive")
    digest = subprocess.run(["sha256sum", tmp_path / "warm-1.tar.zst"], capture_output=True, text=True, check=True)
    checkpoint = a_checkpoint(name="warm 1", archive_sha256=digest.stdout.split()[0])
    response = viewer.get(f"/catalog/{checkpoint.pk}/sha256/")
    assert response["Content-Disposition"] == 'attachment; filename="warm-1.tar.zst.sha256"'
    (tmp_path / "sums").write_bytes(response.content)
    assert subprocess.run(["sha256sum", "--check", "sums"], cwd=tmp_path, check=False).returncode == 0
