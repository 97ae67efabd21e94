"""The rows: Host, Image, Container · Checkpoint, Tag · Upload, ImportReview · Operation · AuditEvent · Team, Role.

A file per noun group.

Models hold facts and constraints. They know nothing of `runtime`; only `services` changes them.
"""

from .audit import AuditEvent, AuditHead, AuditSeal, AuditSink, AuditVerification
from .catalog import Checkpoint, Inspection, SavedSearch, SearchText, Tag
from .imports import ImportPolicy, ImportReview, Upload
from .inventory import Container, Host, Image, SelfTest
from .operations import Operation
from .people import Membership, Role, Team, TeamRule

__all__ = [
    "AuditEvent", "AuditHead", "AuditSeal", "AuditSink", "AuditVerification", "Checkpoint", "Container", "Host",
    "Image", "ImportPolicy", "ImportReview", "Inspection", "Membership", "Operation", "Role", "SavedSearch",
    "SearchText", "SelfTest", "Tag", "Team", "TeamRule", "Upload",
]  # fmt: skip
