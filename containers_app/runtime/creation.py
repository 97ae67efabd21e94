"""What `podman create` takes beside name, image and command: each field's flag, its shape, and what makes it root's.

One table. Values are handed on as `--flag=value`, so none can be taken for a flag of its own.
"""

import re

from containers_app.errors import BadInput

FLAGS = {
    "publish": "--publish",
    "volume": "--volume",
    "label": "--label",
    "memory": "--memory",
    "cpus": "--cpus",
    "user": "--user",
    "tty": "--tty",
    "init": "--init",
    "restart": "--restart",
    "ulimit": "--ulimit",
    "cap_drop": "--cap-drop",
    "pod": "--pod",
    "privileged": "--privileged",
    "cap_add": "--cap-add",
    "security_opt": "--security-opt",
}
RESTART = ("no", "on-failure", "always", "unless-stopped")  # podman-run(1)

_NAME = r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}"
_PATH = r"/[^:,\0\n]{0,1023}"
# field: (the shape of a value, an example). As podman-create(1) describes them.
SHAPES = {
    "volume": (rf"(?:{_NAME}|{_PATH}):{_PATH}(?::[a-zA-Z,]{{1,40}})?", "data:/var/lib/data or /srv/data:/data:ro"),
    "label": (r"[^=\s\0]{1,200}=[^\0\n]{0,4000}", "team=ops"),
    "memory": (r"[1-9][0-9]{0,15}[bkmgBKMG]?", "512m"),
    "cpus": (r"(?=.*[1-9])[0-9]{1,4}(?:\.[0-9]{1,3})?", "1.5"),
    "user": (r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,63}(?::[a-zA-Z0-9_.-]{1,64})?", "1000:1000"),
    "restart": ("|".join(RESTART), "on-failure"),
    "ulimit": (r"[a-z]{2,12}=[0-9]{1,12}(?::[0-9]{1,12})?", "nofile=1024:1024"),
    "cap_drop": (r"[a-zA-Z_]{3,40}", "NET_RAW"),
    "cap_add": (r"[a-zA-Z_]{3,40}", "NET_ADMIN"),
    "security_opt": (r"[a-z][a-z-]{2,39}(?:[=:][^\0\n]{1,400})?", "no-new-privileges"),
    "pod": (_NAME, "web"),
}


def check(values):
    """Raise BadInput, beside its field, for the first of `values` ({field: value}) that has not its shape."""
    for field, (shape, example) in SHAPES.items():
        for value in _each(values.get(field)):
            if not re.fullmatch(shape, value):
                raise BadInput(f"{value[:80]!r} is not what {FLAGS[field]} takes, such as {example}.", field=field)


def gives_root(values):
    """Names of the fields of `values` that give power over the host: whoever sets one is root there.

    Privileges and capabilities do so outright, security options by taking the walls away, and a bind mount by what it
    shows of the host. A named volume shows nothing of it.
    """
    always = [field for field in ("privileged", "cap_add", "security_opt") if values.get(field)]
    binds = [value for value in _each(values.get("volume")) if value.startswith("/")]
    return [*always, *(["volume"] if binds else [])]


def arguments(values):
    """The flags for `values`, in the table's order."""
    found = []
    for field, flag in FLAGS.items():
        value = values.get(field)
        found += [flag] if value is True else [f"{flag}={each}" for each in _each(value)]
    return found


def with_host_limits(ulimit, host_limits):
    """What people typed, and of the host's own limits those that they did not name."""
    named = {value.partition("=")[0] for value in ulimit}
    return [*ulimit, *(value for value in host_limits if value.partition("=")[0] not in named)]


def _each(value):
    return value if isinstance(value, list | tuple) else [value] if value and value is not True else []
