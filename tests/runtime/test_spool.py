"""Archives by their path on the host: only plain files below the folders that are allowed, through no link."""

import pytest

from containers_app.errors import ArchiveError
from containers_app.runtime.spool import open_beneath


@pytest.fixture
def allowed(tmp_path):
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.tar").write_bytes(b"tar")
    (tmp_path / "secret").write_bytes(b"no")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "door").symlink_to(tmp_path)
    return folder


def test_a_file_below_an_allowed_folder_is_opened(allowed):
    with open_beneath([allowed], f"{allowed}/deep/a.tar") as file:
        assert file.read() == b"tar"


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "{in}/../secret", "{in}/link", "{in}/door/secret", "{in}", "{in}/", "{in}/deep", "{in}-other/a",
     "in/deep/a.tar", "{in}/nothing"],
)  # fmt: skip
def test_anything_else_is_not(allowed, path):
    with pytest.raises(ArchiveError):
        open_beneath([allowed], path.replace("{in}", str(allowed)))


def test_no_folder_is_allowed_unless_it_is_named(allowed):
    with pytest.raises(ArchiveError, match="folder from which"):
        open_beneath([], f"{allowed}/deep/a.tar")
