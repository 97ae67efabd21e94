"""Names of images: what a short one means, which registries are allowed, and how far a pull is."""

import pytest

from containers_app.errors import BadInput
from containers_app.runtime import registries

NAMES = {"search": ["docker.io"], "aliases": {"fedora": "registry.fedoraproject.org/fedora"}}
# As `podman pull` 4.3.1 drew it on a terminal.
DRAWN = (
    "Trying to pull 127.0.0.1:5055/team/big:2...\r\nGetting image source signatures\r\n"
    "Copying blob f1ec756daefa [======================================] 1.0MiB / 1.0MiB\r\n"
    "Copying blob 31d41356adfa [==========================>-----------] 40.5MiB / 58.3MiB\r\n"
    "\x1b[2A\x1b[JCopying blob f1ec756daefa done  \r\n"
    "Copying blob 31d41356adfa [==================================>---] 50.0MiB / 58.3MiB\r\n"
)


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("redis", "docker.io/library/redis:latest"),
        ("redis:7", "docker.io/library/redis:7"),
        ("team/cache@sha256:ab", "docker.io/team/cache@sha256:ab"),
        ("fedora:41", "registry.fedoraproject.org/fedora:41"),
        ("quay.io/team/cache", "quay.io/team/cache:latest"),
        ("127.0.0.1:5000/cache:1", "127.0.0.1:5000/cache:1"),
        ("localhost/cache", "localhost/cache:latest"),
    ],
)
def test_a_name_is_resolved_as_the_host_would(typed, whole):
    assert registries.resolve(typed, NAMES) == whole


@pytest.mark.parametrize(("search", "words"), [([], "no registry"), (["docker.io", "quay.io"], "docker.io, quay.io")])
def test_a_short_name_that_is_not_one_image_is_refused(search, words):
    with pytest.raises(BadInput, match=words) as refused:
        registries.resolve("redis", {"search": search})
    assert refused.value.field == "image"


@pytest.mark.parametrize(
    ("image", "allowed", "passes"),
    [
        ("quay.io/team/cache:1", [], True),
        ("quay.io/team/cache:1", ["quay.io"], True),
        ("quay.io/team/cache:1", ["quay.io/team/"], True),
        ("quay.io/team/cache@sha256:ab", ["quay.io/team/cache"], True),
        ("quay.io/teammate/cache:1", ["quay.io/team"], False),
        ("quay.io.evil.example/cache:1", ["quay.io"], False),
        ("docker.io/library/redis:7", ["quay.io", "docker.io/team"], False),
    ],
)
def test_only_what_lies_below_an_allowed_place_is_pulled(image, allowed, passes):
    if passes:
        registries.require_allowed(image, allowed)
    else:
        with pytest.raises(BadInput, match="not allowed"):
            registries.require_allowed(image, allowed)


def test_the_hosts_own_files_say_what_short_names_mean(tmp_path, monkeypatch):
    main = tmp_path / "registries.conf"
    main.write_text('unqualified-search-registries = ["quay.io"]\n[aliases]\n"cache" = "quay.io/team/cache"\n')
    (tmp_path / "registries.conf.d").mkdir()
    (tmp_path / "registries.conf.d" / "broken.conf").write_text("this is no TOML")
    monkeypatch.setattr(registries, "REGISTRIES_CONF", str(main))
    monkeypatch.delenv("CONTAINERS_REGISTRIES_CONF", raising=False)
    assert registries.short_names() == {"search": ["quay.io"], "aliases": {"cache": "quay.io/team/cache"}}
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(tmp_path / "none"))
    assert registries.short_names()["search"] == []


def test_layers_are_read_from_what_is_drawn_however_it_is_cut():
    for size in (7, 64, len(DRAWN)):
        pull = registries.Pull()
        moved = [pull.read(DRAWN[start : start + size]) for start in range(0, len(DRAWN), size)]
        assert any(moved)
        assert pull.layers == [
            {"digest": "f1ec756daefa", "done": 1048576, "total": 1048576, "state": "done"},
            {"digest": "31d41356adfa", "done": 52428800, "total": 61131981, "state": "copying"},
        ]
        assert pull.lines[0].startswith("Trying to pull") and len(pull.lines) == 2


def test_a_layer_that_was_here_and_the_newer_form_with_a_speed_are_understood():
    pull = registries.Pull()
    pull.read("Copying blob sha256:aaaaaaaaaaaabbbb skipped: already exists  \n")
    pull.read("Copying blob bbbbbbbbbbbb [===>----] 1.5GiB / 3.0GiB | 30.1 MiB/s\nError: it broke\n")
    assert pull.layers == [
        {"digest": "aaaaaaaaaaaa", "done": 0, "total": 0, "state": "here"},
        {"digest": "bbbbbbbbbbbb", "done": 1610612736, "total": 3221225472, "state": "copying"},
    ]
    assert pull.lines == ["Error: it broke"]
