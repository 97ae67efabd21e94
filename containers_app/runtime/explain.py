"""A failure's text to cause and remedy. The table is `explain.yaml`; the first entry that matches is taken.

Podman's own message is asked first, then CRIU's log line by line, because Podman often only says that CRIU failed.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Explanation:
    """One known failure: what it is called, why it happens, what to do, and the Podman flag that helps, if one does."""

    id: str
    title: str
    cause: str
    remedy: str
    option: str | None


# Entries that only say that it failed, not why: everything else, CRIU's log too, is asked before these are believed.
GENERIC = "generic-"


def explain(stderr, criu_log=""):
    """The Explanation of a failure, or None when nothing in the table matches."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    lines = [line for line in lines if not _noise(line)] + error_lines(criu_log) + lines
    entries = _table()[1]
    for generic in (False, True):
        wanted = [row for row in entries if row[1].id.startswith(GENERIC) == generic]
        for line in lines:
            found = next((entry for pattern, entry in wanted if pattern.search(line)), None)
            if found:
                return found
    return None


def by_id(failure):
    """The Explanation with that id, or None."""
    return next((entry for _, entry in _table()[1] if entry.id == failure), None)


def error_lines(criu_log):
    """The log's Error lines that are not known noise, in order."""
    return [line for line in criu_log.splitlines() if "Error (" in line and not _noise(line)]


def _noise(line):
    return any(pattern.search(line) for pattern in _table()[0])


@cache
def _table():
    """(noise patterns, [(pattern, Explanation)]) from explain.yaml, compiled once."""
    table = yaml.safe_load(Path(__file__).with_name("explain.yaml").read_text())
    noise = [re.compile(entry["match"]) for entry in table["noise"]]
    fields = ("id", "title", "cause", "remedy", "option")
    return noise, [(re.compile(entry["match"]), Explanation(*(entry[f] for f in fields))) for entry in table["errors"]]
