"""One good request of every route: what it is called with, and what must be there for it. A route without one fails."""

import hashlib
import io
import re
from dataclasses import dataclass, field

from containers_app.models import AuditVerification, MemorySearch
from containers_app.services import audit, outside, uploads
from tests.builders import a_checkpoint, a_container, a_host, ago, an_id, an_image, an_operation


@dataclass(frozen=True)
class Example:
    """`path` has the name of what it is about where its number stands; `there` is how that is, if not as usual."""

    path: str
    body: dict | bytes | None = None
    there: dict = field(default_factory=dict)

    @property
    def noun(self):
        return self.path.partition("{")[2].partition("_")[0]

    def place(self, row):
        """Where that row is."""
        return re.sub(r"\{[a-z_]*\}", str(row.key if self.noun == "upload" else row.pk), self.path)


STOPPED = {"state": "exited"}
EXAMPLES = {
    "host_list": Example("/hosts"),
    "host_detail": Example("/hosts/{host_id}"),
    "host_selftest": Example("/hosts/{host_id}/selftest"),
    "image_list": Example("/images"),
    "image_pull": Example("/images", {"host": 0, "image": "docker.io/library/redis:7"}),
    "image_detail": Example("/images/{image_id}"),
    "image_remove": Example("/images/{image_id}/remove"),
    "container_list": Example("/containers"),
    "container_create": Example("/containers", {"host": 0, "name": "new", "image": "docker.io/library/redis:7"}),
    "container_detail": Example("/containers/{container_id}"),
    "container_environment": Example("/containers/{container_id}/environment"),
    "container_checkpoint": Example("/containers/{container_id}/checkpoint", {"tags": ["nightly"]}),
    "container_checkpoint_image": Example(
        "/containers/{container_id}/checkpoint-image", {"image": "localhost/looper-warm:1"}
    ),
    "container_restore": Example(
        "/containers/{container_id}/restore", there={**STOPPED, "checkpointed_at": ago(minutes=1)}
    ),
    "container_commit": Example("/containers/{container_id}/commit", {"image": "localhost/looper-files:1"}),
    "container_exec": Example("/containers/{container_id}/exec", {"command": ["ls", "/"]}),
    "container_rename": Example("/containers/{container_id}/rename", {"name": "other"}),
    "container_kill": Example("/containers/{container_id}/kill"),
    "container_remove": Example("/containers/{container_id}/remove", {"volumes": True}, there=STOPPED),
    "container_start": Example("/containers/{container_id}/start", there=STOPPED),
    "container_stop": Example("/containers/{container_id}/stop"),
    "container_restart": Example("/containers/{container_id}/restart"),
    "container_pause": Example("/containers/{container_id}/pause"),
    "container_unpause": Example("/containers/{container_id}/unpause", there={"state": "paused"}),
    "container_init": Example("/containers/{container_id}/init", there=STOPPED),
    "container_mount": Example("/containers/{container_id}/mount"),
    "container_unmount": Example("/containers/{container_id}/unmount", there={**STOPPED, "mount_point": "/mnt"}),
    "checkpoint_list": Example("/checkpoints"),
    "checkpoint_detail": Example("/checkpoints/{checkpoint_id}"),
    "checkpoint_inspection": Example("/checkpoints/{checkpoint_id}/inspection"),
    "checkpoint_differences": Example("/checkpoints/{checkpoint_id}/differences?other={checkpoint_id}"),
    "checkpoint_compare_memory": Example("/checkpoints/{checkpoint_id}/compare-memory", {"other": 0}),
    "checkpoint_search_memory": Example("/checkpoints/{checkpoint_id}/memory-searches", {"pattern": "needle"}),
    "checkpoint_memory_searches": Example("/checkpoints/{checkpoint_id}/memory-searches"),
    "operation_hits": Example("/operations/{operation_id}/hits"),
    "container_lineage": Example("/containers/{container_id}/lineage"),
    "checkpoint_lineage": Example("/checkpoints/{checkpoint_id}/lineage"),
    "checkpoint_archive": Example("/checkpoints/{checkpoint_id}/archive"),
    "checkpoint_restore": Example("/checkpoints/{checkpoint_id}/restore", there={"removed_at": ago(minutes=1)}),
    "checkpoint_copies": Example("/checkpoints/{checkpoint_id}/copies", {"name": "copy-{n}", "copies": 2}),
    "checkpoint_import": Example("/checkpoints", {"host": 0, "upload": ""}),
    "checkpoint_edit": Example("/checkpoints/{checkpoint_id}", {"name": "warm", "tags": ["warm"], "pinned": True}),
    "checkpoint_verify": Example("/checkpoints/{checkpoint_id}/verify"),
    "checkpoint_drills": Example("/checkpoints/{checkpoint_id}/drills"),
    "checkpoint_discard": Example("/checkpoints/{checkpoint_id}/discard"),
    "upload_begin": Example("/uploads", {"file_name": "looper.tar.zst", "size": 8}),
    "upload_detail": Example("/uploads/{upload_key}"),
    "upload_piece": Example("/uploads/{upload_key}?offset=0", b"archived"),
    "upload_abandon": Example("/uploads/{upload_key}"),
    "operation_list": Example("/operations"),
    "operation_detail": Example("/operations/{operation_id}"),
    "operation_wait": Example("/operations/{operation_id}/wait?timeout=0"),
    "operation_cancel": Example("/operations/{operation_id}/cancel"),
    "audit_list": Example("/audit/events"),
    "audit_export": Example("/audit/export"),
    "audit_verify": Example("/audit/verify"),
    "verification_list": Example("/audit/verifications"),
    "verification_detail": Example("/audit/verifications/{verification_id}"),
}


def make(name, user):
    """(path, body) of that route's example; what it needs is there. Uploads are `user`'s own."""
    example = EXAMPLES[name]
    there = {**example.there, "by": user} if example.noun == "upload" else example.there
    path = example.place(MAKERS[example.noun](name, there)) if example.noun else example.path
    body = example.body
    if isinstance(body, dict):
        found = {"host": lambda: a_host().pk, "upload": lambda: str(_an_upload(name, {"by": user}).key)}
        found["other"] = lambda: a_checkpoint().pk
        body = {field: found[field]() if field in found else value for field, value in body.items()}
    return path, body


def _a_container(name, there):
    container = a_container(**there)
    if name == "container_restore":
        a_checkpoint(container=container, dumped_at=container.checkpointed_at)
    return container


def _a_checkpoint(name, there):
    """Of the archive there are bytes only where they are asked for."""
    if name != "checkpoint_archive":
        return a_checkpoint(container=a_container(**there))
    store = outside.store()
    content = an_id().encode()
    digest = hashlib.sha256(content).hexdigest()
    store.path(digest).parent.mkdir(parents=True, exist_ok=True)
    store.path(digest).write_bytes(content)
    return a_checkpoint(archive_sha256=digest, archive_bytes=len(content), store=store.name)


def _a_verification(name, there):
    return AuditVerification.objects.create(asked_at=ago(hours=1), finished_at=ago(minutes=59), events=3)


def _an_operation(name, there):
    if name != "operation_hits":
        return an_operation()
    checkpoint = a_checkpoint()
    values = {"container": None, "checkpoint": checkpoint, "team": checkpoint.team, "state": "succeeded"}
    operation = an_operation(kind="memory_search", **values)
    MemorySearch.objects.create(operation=operation, checkpoint=checkpoint, finished_at=ago(minutes=1), hits=[])
    return operation


def _an_upload(name, there):
    """Begun; for an import it is here as a whole."""
    upload = uploads.begin(by=audit.Caller(there["by"]), file_name="looper.tar.zst", size=8)
    if name == "checkpoint_import":
        uploads.receive(upload=upload, offset=0, source=io.BytesIO(b"archived"))
        uploads.finish(upload=upload)
    return upload


MAKERS = {
    "upload": _an_upload,
    "host": lambda name, there: a_host(),
    "image": lambda name, there: an_image(),
    "container": _a_container,
    "checkpoint": _a_checkpoint,
    "operation": _an_operation,
    "verification": _a_verification,
}
