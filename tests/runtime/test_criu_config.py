"""The file of CRIU's switches: only what the table knows is written, nothing of others is lost."""

import pytest

from containers_app.errors import BadInput, Conflict
from containers_app.runtime import criu_config


def test_what_is_written_is_read_again_and_the_former_file_is_kept(tmp_path):
    path = tmp_path / "criu" / "runc.conf"
    assert criu_config.read(path) == {"switches": {}, "digest": "", "ours": True, "text": ""}
    criu_config.write(path, {"ghost-limit": "5M", "link-remap": ""}, digest="", keep_as="1")
    first = criu_config.read(path)
    assert first["switches"] == {"ghost-limit": "5M", "link-remap": ""} and first["ours"]
    former = criu_config.write(path, {"timeout": "30"}, digest=first["digest"], keep_as="2")
    assert criu_config.read(path)["switches"] == {"timeout": "30"}
    assert former == first["text"] == (path.parent / "runc.conf.2").read_text()
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["runc.conf", "runc.conf.2"]


def test_lines_of_others_stay_and_their_switches_are_seen(tmp_path):
    path = tmp_path / "runc.conf"
    path.write_text("# by hand\n--ghost-limit 3M\nlsm-profile apparmor:x\n")
    before = criu_config.read(path)
    assert before["switches"] == {"ghost-limit": "3M", "lsm-profile": "apparmor:x"} and not before["ours"]
    criu_config.write(path, {}, digest=before["digest"], keep_as="3")
    assert path.read_text() == criu_config.HEADER + "# by hand\nlsm-profile apparmor:x\n"


def test_a_file_that_was_changed_meanwhile_is_left_alone(tmp_path):
    path = tmp_path / "runc.conf"
    path.write_text("tcp-close\n")
    with pytest.raises(Conflict):
        criu_config.write(path, {"timeout": "30"}, digest="", keep_as="4")
    assert path.read_text() == "tcp-close\n"


@pytest.mark.parametrize(
    "values",
    [
        {"action-script": "/bin/sh"}, {"ghost-limit": "lots"}, {"tcp-close": "yes"}, {"timeout": "0"},
        {"irmap-scan-path": "relative"}, {"irmap-scan-path": "/a\nexec-cmd"}, {"network-lock": "iptables\nexec-cmd x"},
    ],
)  # fmt: skip
def test_nothing_else_gets_into_the_file(values):
    with pytest.raises(BadInput):
        criu_config.check(values)
