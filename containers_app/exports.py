"""The audit history as a file: JSON Lines as the chain has them, or CSV for a spreadsheet. Streams in bounded memory.

No text that anybody has typed can end a line, begin a formula or steer a terminal.
"""

import csv
import io
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from asgiref.sync import sync_to_async

from . import history
from .harmless import harmless_line
from .runtime import chain
from .services.audit import FIELDS, as_written, rfc3339

COLUMNS = (
    "sequence", "at", "actor_name", "actor_role", "authenticated", "action", "result", "sentence", "host_name",
    "container_name", "checkpoint_name", "image_name", "commands", "source", "address", "request_id", "digest",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@")  # what makes a spreadsheet compute a cell (OWASP, CSV injection)


@dataclass(frozen=True)
class Kind:
    """One format: `head` is its first line, `line(event)` each other one."""

    ending: str
    words: str
    content_type: str
    head: str
    line: Callable


def json_line(event):
    """The event as a bundle's events.jsonl has it (docs/audit.md)."""
    return chain.line(as_written({name: getattr(event, name) for name in FIELDS}))


def csv_line(event):
    return _csv([_cell(event, column) for column in COLUMNS])


def _cell(event, column):
    value = getattr(event, column)
    if column == "at":
        return rfc3339(value)
    if column == "commands":
        value = "; ".join(shlex.join(map(str, argv)) for argv in value)
    text = harmless_line("" if value is None else str(value)).replace("\t", " ")
    return f"'{text}" if text.startswith(FORMULA) else text


def _csv(cells):
    row = io.StringIO()
    csv.writer(row).writerow(cells)
    return row.getvalue()


JSON_LINES = Kind("jsonl", "JSON Lines", "application/jsonl", "", json_line)
CSV = Kind("csv", "CSV", "text/csv; charset=utf-8", _csv(COLUMNS), csv_line)
KINDS = {kind.ending: kind for kind in (JSON_LINES, CSV)}


async def stream(rows, kind):
    """The lines of `rows` in that Kind, oldest first, a chunk at a time."""
    yield kind.head
    chunks = history.chunks(rows)
    while chunk := await sync_to_async(next)(chunks, None):
        yield "".join(map(kind.line, chunk))
