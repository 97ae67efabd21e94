"""The files that Podman's export leaves out, read from a container's file system that may be hostile."""

import os
import tarfile

import pytest

from containers_app.runtime import rootfs


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "merged"
    (folder / "appdata").mkdir(parents=True)
    (folder / "appdata" / "config").write_text("changed")
    os.chmod(folder / "appdata" / "config", 0o640)
    return folder


@pytest.fixture
def diff(tmp_path):
    path = tmp_path / "rootfs-diff.tar"
    tarfile.open(path, "w").close()
    return path


def content(diff):
    with tarfile.open(diff) as tar:
        return {info.name: (info, tar.extractfile(info).read() if info.isreg() else None) for info in tar}


def test_a_changed_file_that_is_missing_is_added_with_its_mode(root, diff):
    added = rootfs.add_missing(diff, root=root, changed=["/appdata", "/appdata/config"])
    assert added == ["/appdata/config"]
    info, data = content(diff)["appdata/config"]
    assert data == b"changed" and info.mode == 0o640


def test_a_changed_file_that_is_there_already_is_not_added_again(root, diff):
    rootfs.add_missing(diff, root=root, changed=["/appdata/config"])
    assert rootfs.add_missing(diff, root=root, changed=["/appdata/config"]) == []


def test_a_changed_link_is_added_as_a_link(root, diff):
    os.symlink("/elsewhere", root / "link")
    assert rootfs.add_missing(diff, root=root, changed=["/link"]) == ["/link"]
    assert content(diff)["link"][0].linkname == "/elsewhere"


def test_a_changed_folder_keeps_its_mode_but_is_no_lost_file(root, diff):
    os.chmod(root / "appdata", 0o711)
    assert rootfs.add_missing(diff, root=root, changed=["/appdata"]) == []
    assert content(diff)["appdata"][0].mode == 0o711


def test_nothing_outside_the_container_is_read_through_a_link(root, diff, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "config").write_text("the host's")
    (root / "appdata" / "config").unlink()
    (root / "appdata").rmdir()
    os.symlink(secret, root / "appdata")
    assert rootfs.add_missing(diff, root=root, changed=["/appdata/config"]) == []
    assert content(diff) == {}


def test_a_path_that_climbs_out_is_not_followed(root, diff, tmp_path):
    (tmp_path / "outside").write_text("the host's")
    assert rootfs.add_missing(diff, root=root, changed=["/../outside"]) == []


def test_a_file_that_went_away_meanwhile_and_a_pipe_are_passed_over(root, diff):
    os.mkfifo(root / "pipe")
    assert rootfs.add_missing(diff, root=root, changed=["/gone", "/pipe"]) == []


def test_a_user_attribute_is_carried(root, diff):
    try:
        os.setxattr(root / "appdata" / "config", "user.colour", b"blue")
    except OSError:
        return  # this file system has no user attributes: nothing can get lost
    rootfs.add_missing(diff, root=root, changed=["/appdata/config"])
    assert content(diff)["appdata/config"][0].pax_headers["SCHILY.xattr.user.colour"] == "blue"
