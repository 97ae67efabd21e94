"""Names of images and where they lead: short names to whole ones, which registries are allowed, how far a pull is.

A short name is resolved here, before anything is asked of Podman, so that people see what they will get, and a policy
cannot be passed by leaving the registry out.
"""

import os
import re
import tomllib
from pathlib import Path

from containers_app.errors import BadInput

REGISTRIES_CONF = "/etc/containers/registries.conf"  # containers-registries.conf(5); drop-ins lie in <file>.d
ALIASES_MOST = 5000
UNITS = {"b": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}  # of the progress bars (vbauerster/mpb)
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# `Copying blob 31d41356adfa [====>----] 40.7MiB / 58.3MiB` (4.3.1), with a speed behind it (5.8), `done`, `skipped: …`.
COPYING = re.compile(
    r"Copying (?:blob|config) (?:sha256:)?([0-9a-f]{10,12})[0-9a-f]* +"
    r"(?:(done|skipped)|\[.*?\] +([\d.]+)([a-zA-Z]+) / ([\d.]+)([a-zA-Z]+))"
)


def short_names():
    """`{"search": [registry], "aliases": {short name: whole name}}` of this host: registries.conf and its drop-ins.

    What cannot be read counts as not there: Podman itself will say so when it pulls.
    """
    main = Path(os.environ.get("CONTAINERS_REGISTRIES_CONF", REGISTRIES_CONF))
    search, aliases = [], {}
    for path in [main, *sorted(Path(f"{REGISTRIES_CONF}.d").glob("*.conf"))]:
        try:
            read = tomllib.loads(path.read_text())
        except (OSError, ValueError):
            continue
        search = read.get("unqualified-search-registries", search)
        aliases |= read.get("aliases", {})
    return {"search": search, "aliases": dict(sorted(aliases.items())[:ALIASES_MOST])}


def is_whole(image):
    """True when the name says its registry: the part before the first slash has a dot or a port, or is localhost."""
    first, slash, _ = image.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def split(image):
    """(name, rest) of a reference: `rest` is `:tag`, `@digest` or both, with their signs; "" when it has none."""
    name, at, digest = image.partition("@")
    head, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    return f"{head}{slash}{last}", f"{colon}{tag}{at}{digest}"


def resolve(image, names):
    """The whole name of `image`, with a tag or digest, as this host resolves it: `names` as from short_names().

    Raises BadInput where that is not one name: no alias has it, and the host searches no registry or several.
    """
    name, rest = split(image)
    rest = rest or ":latest"
    if is_whole(name):
        return f"{name}{rest}"
    if name in names.get("aliases", {}):
        return f"{names['aliases'][name]}{rest}"
    search = names.get("search", [])
    if len(search) != 1:
        where = f"several registries ({', '.join(search)})" if search else "no registry"
        raise BadInput(f"{image!r} is a short name, and this host looks in {where}: name one.", field="image")
    path = name if "/" in name or search[0] != "docker.io" else f"library/{name}"
    return f"{search[0]}/{path}{rest}"


def require_allowed(image, allowed):
    """Raise BadInput unless the whole name `image` lies below one of `allowed`: registries, or paths in them; all if
    there is none."""
    name = split(image)[0]
    if allowed and not any(name == place or name.startswith(f"{place.rstrip('/')}/") for place in allowed):
        raise BadInput(f"Images from {name} are not allowed here, only from {', '.join(allowed)}.", field="image")


class Pull:
    """How far a pull is, read from what `podman pull` draws on a terminal."""

    def __init__(self):
        self._layers, self._lines, self._rest = {}, [], ""

    def read(self, text):
        """More text of the terminal; True when a layer has moved on."""
        before = {digest: dict(layer) for digest, layer in self._layers.items()}
        *whole, self._rest = re.split(r"[\r\n]+", ESCAPE.sub("", self._rest + text))
        for line in whole:
            match = COPYING.search(line)
            if match:
                self._layer(*match.groups())
            elif line.strip() and not line.startswith("Copying "):
                self._lines.append(line.strip())
        return before != self._layers

    def _layer(self, digest, word, done, done_unit, total, total_unit):
        layer = self._layers.setdefault(digest, {"digest": digest, "done": 0, "total": 0, "state": "copying"})
        if word:
            layer |= {"state": "here" if word == "skipped" else "done", "done": layer["total"]}
        elif layer["state"] == "copying":
            layer |= {"done": _bytes(done, done_unit), "total": _bytes(total, total_unit)}

    @property
    def layers(self):
        """`[{digest, done, total, state}]` in bytes, in the order they were seen; `state` is copying, done or here."""
        return list(self._layers.values())

    @property
    def lines(self):
        """What else was said."""
        return [*self._lines, *([self._rest.strip()] if self._rest.strip() else [])]


def _bytes(number, unit):
    return round(float(number) * UNITS.get(unit, 1))
