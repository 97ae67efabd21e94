"""The archive store: whole archives under their digest, drafts that vanish."""

import pytest

from containers_app.errors import StoreError
from containers_app.runtime.store import DirectoryStore


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path / "archives")


def test_an_archive_is_put_whole_and_only_its_owner_may_read_it(store):
    with store.incoming(7) as folder:
        (folder / "draft").write_bytes(b"whole")
        store.put(folder / "draft", "ab" * 32)
    assert [path.name for path in store.root.glob("*.tar.zst")] == [f"{'ab' * 32}.tar.zst"]
    assert store.path("ab" * 32).stat().st_mode & 0o777 == 0o600
    assert store.root.stat().st_mode & 0o777 == 0o700
    with store.open("ab" * 32) as file:
        assert file.read() == b"whole"


def test_a_draft_vanishes_whatever_happened(store):
    with pytest.raises(RuntimeError), store.incoming(7) as folder:
        (folder / "draft").write_bytes(b"half")
        raise RuntimeError
    assert store.incoming_owners() == [] and list(store.root.glob("*.tar.zst")) == []


def test_what_a_dead_agent_left_is_named_and_cleared(store):
    folder = store.incoming_folder(9)
    folder.mkdir(parents=True)
    assert store.incoming_owners() == ["9"]
    store.clear_incoming(9)
    assert store.incoming_owners() == []


def test_a_missing_archive_is_a_clear_error(store):
    with pytest.raises(StoreError, match="missing"):
        store.open("cd" * 32)


def test_deleting_twice_is_no_error(store):
    store.delete("cd" * 32)


def test_a_store_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError):
        DirectoryStore(tmp_path / "file" / "archives").free_bytes()
