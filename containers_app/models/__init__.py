"""The rows: Host, Image, Container · Checkpoint, Tag · Operation · AuditEvent. One file per noun group.

Models hold facts and constraints. They know nothing of `runtime`; only `services` changes them.
"""

from .audit import AuditEvent
from .catalog import Checkpoint, Tag
from .inventory import Container, Host, Image
from .operations import Operation

__all__ = ["AuditEvent", "Checkpoint", "Container", "Host", "Image", "Operation", "Tag"]
