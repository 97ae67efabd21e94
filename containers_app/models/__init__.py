"""The rows: Host, Image, Container · Checkpoint, Tag · Operation · AuditEvent, AuditHead. One file per noun group.

Models hold facts and constraints. They know nothing of `runtime`; only `services` changes them.
"""

from .audit import AuditEvent, AuditHead
from .catalog import Checkpoint, Tag
from .inventory import Container, Host, Image
from .operations import Operation

__all__ = ["AuditEvent", "AuditHead", "Checkpoint", "Container", "Host", "Image", "Operation", "Tag"]
