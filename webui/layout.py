"""Who owns what in the data directory, and who the web process and its Redis become when root starts them.

    db/ run/ spool/      the web user's: the database, the socket, uploads
    log/ agent/ archives/ audit_key secret_key    root's alone

Wiring only: knows nothing of the application, and is asked before Django is there (`python -m webui.layout`).
"""

import os
import pwd
import stat
import sysconfig
from pathlib import Path

from webui import env

WEBS = ("db", "run", "spool")
ROOTS = ("log", "agent")


def web_user():
    """The passwd entry of whom the web process becomes; None where it stays who it is (`why_not` says why)."""
    return None if why_not() else pwd.getpwnam(env.text("FREEZEFRAME_WEB_USER"))


def why_not():
    """Why the web process keeps the user that started it; "" when it gives root up."""
    name = env.text("FREEZEFRAME_WEB_USER")
    if os.geteuid():
        return "it was not started as root"
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        return f"there is no user {name}"
    if user.pw_uid == 0:
        return f"{name} is root"
    blocked = [str(path) for path in (env.BASE_DIR, env.directory("FREEZEFRAME_DATA_DIR").parent) if not _open(path)]
    return f"{name} cannot enter {blocked[0]}" if blocked else ""


def library_is_hidden():
    """True when the web user cannot read Python's own library: then all of it is loaded before root is given up."""
    return not _open(Path(sysconfig.get_path("stdlib")))


def apply(data_dir):
    """Make the folders of the data directory, and give those that are the web user's to it."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    user = web_user()
    for name in (*WEBS, *ROOTS):
        (data_dir / name).mkdir(mode=0o700, exist_ok=True)
    if user is None:
        return
    data_dir.chmod(0o711)  # entered, not listed
    for name in WEBS:
        for path in (data_dir / name, *(data_dir / name).iterdir()):
            if not path.is_symlink():
                os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def _open(folder):
    """True when everybody may enter this folder, by all those above it."""
    folder = folder.resolve()
    return all(path.exists() and stat.S_IMODE(path.stat().st_mode) & stat.S_IXOTH for path in (folder, *folder.parents))


if __name__ == "__main__":
    found = web_user()
    print(found.pw_name if found else "")
