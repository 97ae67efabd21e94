"""The rows: one file per noun group.

Host, Image, Container · Checkpoint, Tag · Upload, ImportReview · Operation · AuditEvent · Team, Role · Drill, Schedule
· Token.

Models hold facts and constraints. They know nothing of `runtime`; only `services` changes them.
"""

from .audit import AuditEvent, AuditHead, AuditSeal, AuditSink, AuditVerification
from .catalog import Checkpoint, KeptImage, SavedSearch, SearchText, Tag
from .imports import ImportPolicy, ImportReview, Upload
from .inspections import Inspection, MemoryComparison, MemorySearch, SeenEnvironment
from .inventory import Container, Host, Image, SelfTest
from .operations import Operation
from .people import Membership, RecoveryCode, Role, SignIn, Team, TeamRule
from .tokens import ServiceAccount, Token
from .trust import Drill, Schedule

__all__ = [
    "AuditEvent",
    "AuditHead",
    "AuditSeal",
    "AuditSink",
    "AuditVerification",
    "Checkpoint",
    "Container",
    "Drill",
    "Host",
    "Image",
    "ImportPolicy",
    "ImportReview",
    "Inspection",
    "KeptImage",
    "Membership",
    "MemoryComparison",
    "MemorySearch",
    "Operation",
    "RecoveryCode",
    "Role",
    "SavedSearch",
    "Schedule",
    "SearchText",
    "SeenEnvironment",
    "SelfTest",
    "ServiceAccount",
    "SignIn",
    "Tag",
    "Team",
    "TeamRule",
    "Token",
    "Upload",
]
