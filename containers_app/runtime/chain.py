"""The chain of the audit history: the canonical form of an event, and its digest.

Standard library only: it must know nothing of Django, of the database or of Freezeframe's other modules. docs/audit.md
describes the format.
"""

import hashlib
import json

ZERO = "0" * 64  # what stands before the first event

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def canonical(values: dict) -> bytes:
    """The one way to write `values` that digests and signatures are made of: sorted keys, no spaces, UTF-8."""
    return _canonical(values).encode()


def digest(event: dict) -> str:
    """What the event's `digest` must be: SHA-256 of `previous`, then of every other field but `digest` itself.

    "" where it cannot be written canonically, which no recorded event is.
    """
    body = {name: value for name, value in event.items() if name not in {"previous", "digest"}}
    try:
        return hashlib.sha256(str(event.get("previous")).encode() + canonical(body)).hexdigest()
    except (ValueError, RecursionError):
        return ""
