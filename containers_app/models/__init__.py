"""The rows: Host, Image, Container · Checkpoint, Tag · Upload, ImportReview · Operation · AuditEvent.

A file per noun group.

Models hold facts and constraints. They know nothing of `runtime`; only `services` changes them.
"""

from .audit import AuditEvent, AuditHead, AuditSeal, AuditSink, AuditVerification
from .catalog import Checkpoint, Inspection, SavedSearch, SearchText, Tag
from .imports import ImportPolicy, ImportReview, Upload
from .inventory import Container, Host, Image, SelfTest
from .operations import Operation

__all__ = [
    "AuditEvent", "AuditHead", "AuditSeal", "AuditSink", "AuditVerification", "Checkpoint", "Container", "Host",
    "Image", "ImportPolicy", "ImportReview", "Inspection", "Operation", "SavedSearch", "SearchText", "SelfTest",
    "Tag", "Upload",
]  # fmt: skip
