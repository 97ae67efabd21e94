"""The web process gives root up for good, and then reaches nothing that is root's. tests/live/test_server.py sees the
whole site do so.
"""

import json
import os
import pwd
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TRY = """
import json, os, socket, sys
from pathlib import Path
from webui import layout, web
data, podman = Path(sys.argv[1]), sys.argv[2]
layout.apply(data)
for name in ("archives", "agent"):
    (data / name).mkdir(mode=0o700, exist_ok=True)
for name in ("archives/a.tar.zst", "audit_key", "secret_key"):
    os.close(os.open(data / name, os.O_CREAT | os.O_WRONLY, 0o600))
web.give_root_up()
acts = {
    "archive": lambda: open(data / "archives" / "a.tar.zst"),
    "audit key": lambda: open(data / "audit_key"),
    "secret key": lambda: open(data / "secret_key"),
    "replace": lambda: os.rename(data / "archives", data / "run" / "archives"),
    "list": lambda: os.listdir(data),
    "podman": lambda: socket.socket(socket.AF_UNIX).connect(podman),
    "root": lambda: os.setuid(0),
    "database": lambda: open(data / "db" / "x", "w").close(),
    "upload": lambda: open(data / "spool" / "x", "w").close(),
}
said = {}
for name, act in acts.items():
    try:
        act()
        said[name] = "done"
    except OSError as error:
        said[name] = type(error).__name__
print(json.dumps({"uid": os.getresuid(), "groups": os.getgroups(), "said": said}))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to give up")
def test_after_giving_root_up_there_is_no_way_to_podman_the_archives_and_the_keys(tmp_path):
    for folder in (tmp_path, *list(tmp_path.parents)[:-2]):
        folder.chmod(0o755)
    user = pwd.getpwnam("freezeframe")  # script/setup makes it
    podman = tmp_path / "podman.sock"
    env = {**os.environ, "FREEZEFRAME_DATA_DIR": str(tmp_path / "data"), "DJANGO_SETTINGS_MODULE": "webui.settings"}
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(podman))
        podman.chmod(0o660)
        listening.listen()
        ended = subprocess.run(
            [sys.executable, "-c", TRY, str(tmp_path / "data"), str(podman)], env=env, cwd=ROOT, capture_output=True,
            text=True, check=True,
        )  # fmt: skip
    found = json.loads(ended.stdout)
    assert found["uid"] == [user.pw_uid] * 3 and found["groups"] == []
    allowed = {name for name, result in found["said"].items() if result == "done"}
    assert allowed == {"database", "upload"} and set(found["said"].values()) == {"done", "PermissionError"}
