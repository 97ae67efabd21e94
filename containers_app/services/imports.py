"""Bringing in an archive from elsewhere: copied and hashed, read by a process without rights, reviewed, put away clean.

An archive is a container configuration that root will run. So the agent works on a copy of its own, lets nothing of the
stranger's two configurations through (runtime/rebuild.py), and what exceeds the policy awaits a person. An archive
whose SHA-256 this installation recorded is its own, and comes back as it was.
"""

import hashlib
import os
import secrets

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from containers_app import access
from containers_app.errors import ArchiveError, BadInput, Conflict, StoreError
from containers_app.models import Checkpoint, Image, ImportReview, Inspection, Operation, SeenEnvironment, Tag, Upload
from containers_app.models.catalog import Provenance
from containers_app.runtime import archive, foreign, review, sandbox, spool
from containers_app.runtime.rebuild import Here

from . import audit, catalog, doorbell, drills, inspections, inventory, operations, outside, reviews, uploads
from .operations import Found

SPARE = 1024**3  # bytes of the store's disk that an import leaves free
Verdict = ImportReview.Verdict
PROVENANCE = {
    Verdict.WITHIN: Provenance.WITHIN, Verdict.AWAITING: Provenance.AWAITING, Verdict.LOOK: Provenance.LOOK,
}  # fmt: skip


@operations.once
def request_import(*, by, host, upload=None, path="", name="", note="", tags=(), request_key=None):
    """Ask the host's agent to bring in a finished Upload, or the file at `path` there, as a checkpoint.

    Raises BadInput for a name that is too long or no source, Conflict for an upload that is not whole.
    """
    name = name.strip()
    if len(name) > 120:
        raise BadInput("A name has 120 characters at the most.", field="name")
    if bool(upload) == bool(path):
        raise BadInput("Choose a file, or name one on the host.", field="path")
    if path and len(path) > 4096:
        raise BadInput("A path has 4,096 characters at the most.", field="path")
    file_name = upload.file_name if upload else uploads.shortened(path)
    source = {"upload": str(upload.key)} if upload else {"path": path}
    with transaction.atomic():
        if upload:
            _take(upload)
        return operations.request(
            by=by, kind=Operation.Kind.IMPORT, host=host, request_key=request_key,
            sentence=f"asked to bring in {path or file_name}", team=access.team_for(by.user, "import_archive"),
            options={**source, "file_name": file_name, "name": name, "note": note, "tags": sorted(set(tags))},
        )  # fmt: skip


def _take(upload):
    if not Upload.objects.filter(pk=upload.pk, state=Upload.State.RECEIVED).update(state=Upload.State.TAKEN):
        raise Conflict(f"{upload} is not here as a whole, or has been brought in already.")


def perform_import(claim):
    """Stage, hash, read, judge, put away. Raises ArchiveError for what nobody may let in; its review stays."""
    operation, store = claim.operation, outside.store()
    store.free_bytes()
    with store.incoming(operation.pk) as folder:
        claim.phase("copying and hashing")
        staged = folder / "staged"
        digest, size = _stage(claim, staged)
        claim.note(digest=digest, size=size)
        own = _recorded(digest, operation.actor)
        if own:
            _bring_back(claim, own, staged, store)
            release(operation)
            return
        claim.phase("reading it")
        try:
            report, draft = _examine(claim, staged, folder, size)
        except ArchiveError as error:
            report, draft = foreign.Report(refused=error.message, refused_key="form"), None
        verdict = _verdict(report)
        if verdict == Verdict.BLOCKED:
            raise _refusal(claim, report, digest, size)
        staged.unlink()
        claim.phase("storing")
        claim.note(sha256=report.sha256)
        store.put(draft, report.sha256)
    claim.phase("recording")
    _record(claim, report, verdict, digest, size, store)
    release(operation)


def _stage(claim, target):
    """(SHA-256, bytes) of the source, copied into the agent's own folder: nobody can change that copy."""
    digest = hashlib.sha256()
    with _source(claim.operation) as source, open(target, "xb", opener=_private) as copy:
        size = os.fstat(source.fileno()).st_size
        _require_room(size)
        claim.expect(size)
        while block := source.read(archive.BLOCK):
            copy.write(block)
            digest.update(block)
            if copy.tell() > size:
                raise ArchiveError("The file grows while it is read.", remedy="Try again when it is whole.")
            claim.progress(copy.tell())
        return digest.hexdigest(), copy.tell()


def _source(operation):
    asked = operation.options
    if "path" in asked:
        return spool.open_beneath(settings.IMPORT_FROM, asked["path"])
    return outside.spool().open(asked["upload"])


def _require_room(size):
    if size > settings.IMPORT_BYTES:
        raise ArchiveError(f"It was refused: it is larger than {settings.IMPORT_BYTES // 1024**3} GiB.")
    if outside.store().free_bytes() < 2 * size + SPARE:
        raise StoreError("The archive store has no room for it: it takes twice its size for a while.")


def _private(path, flags):
    return os.open(path, flags, 0o600)


def _recorded(digest, person):
    """The checkpoint whose archive has that SHA-256, in the catalog or not, where this person may bring it in for the
    team that owns it; None otherwise: then it is a stranger's."""
    ours = Checkpoint.objects.filter(archive_sha256=digest).exclude(
        provenance__in=(Provenance.AWAITING, Provenance.REFUSED, Provenance.LOOK)
    )
    here = outside.store().name
    ours = [row for row in ours.select_related("team") if access.may(person, "import_archive", on=row)]
    return min(ours, key=lambda row: (row.store != here, row.discarded_at is not None, -row.pk), default=None)


def _bring_back(claim, own, staged, store):
    """An archive that this installation made: trusted by its digest, put where its row says, or a new row beside it."""
    whole_here = own.store == store.name and own.discarded_at is None and not own.flaw
    if whole_here and store.path(own.archive_sha256).exists():
        raise Conflict(f"It is in the catalog already, as {own.name}.", remedy="Nothing has to be brought in.")
    claim.phase("storing")
    store.put(staged, own.archive_sha256)
    with transaction.atomic():
        mine = own if own.store == store.name else _twin(claim, own, store)
        now = timezone.now()
        Checkpoint.objects.filter(pk=mine.pk).update(
            discarded_at=None, flaw="", flaw_at=None, flaw_detail="", read_at=now
        )
        mine.refresh_from_db()
        doorbell.announce("checkpoints", team=mine.team_id)
        claim.succeed(
            action="archive.brought_back",
            sentence=f"brought back {mine.name}: its SHA-256 is one that this installation recorded",
            summary=f"{mine.name} is in the catalog. This installation made the archive, so it needs no approval.",
            checkpoint=mine, output=_listed(["Trusted by its SHA-256."]),
        )  # fmt: skip


def _twin(claim, own, store):
    """The same checkpoint in this store: another host of this installation had taken it."""
    inside = Inspection.objects.filter(checkpoint=own).values_list("facts", flat=True).first()
    values = SeenEnvironment.objects.filter(checkpoint=own).values_list("values", flat=True).first()
    twin = Checkpoint.objects.get(pk=own.pk)
    twin.pk = twin.id = None
    twin._state.adding = True
    twin.operation, twin.host, twin.store = claim.operation, claim.operation.host, store.name
    twin.provenance, twin.verified_at, twin.pinned = Provenance.TRUSTED, None, False
    twin.save()
    if inside is not None:
        inspections.keep(twin, inside, values or {})
    catalog.write_words(twin, inside)
    return twin


def here(host):
    """What of this host goes into a configuration that is made anew."""
    podman = outside.podman()
    networks = sorted(name for name in podman.networks() if name != drills.NETWORK)
    return Here(
        volumes=podman.volumes_dir(),
        network="podman" if "podman" in networks else next(iter(networks), "podman"),
        cgroup_manager=host.facts.get("cgroup_manager") or "cgroupfs",
        podman_version=podman.version(),
    )


def _examine(claim, staged, folder, size):
    room = max(SPARE, (outside.store().free_bytes() - SPARE) // 2)
    return sandbox.examine(
        staged, folder, bounds=foreign.Bounds(packed=size, unpacked=settings.IMPORT_BYTES), largest_file=room,
        policy=reviews.rules(reviews.policy()), here=here(claim.operation.host), on_start=claim.command,
        on_progress=claim.progress,
    )  # fmt: skip


def _verdict(report):
    if report.refused_key == "space":
        raise StoreError("The archive store has no room for it.", remedy="Free some space in it, then try again.")
    levels = {row["level"] for row in report.findings}
    if report.refused or review.BLOCK in levels:
        return Verdict.BLOCKED
    if report.engine != "podman":
        return Verdict.LOOK
    return Verdict.AWAITING if review.APPROVAL in levels else Verdict.WITHIN


def _refusal(claim, report, digest, size):
    """The ArchiveError that ends the operation; what was found is kept for people, and is in the history."""
    blocks = [row["words"] for row in report.findings if row["level"] == review.BLOCK]
    reasons = [report.refused] if report.refused else blocks
    if report.refused:
        report.findings = [{"level": review.BLOCK, "key": report.refused_key, "words": report.refused}]
    operation = claim.operation
    with transaction.atomic():
        _keep_review(claim, Verdict.BLOCKED, None, digest=digest, size=size, report=report)
        audit.record(
            by=audit.caller_of(operation), action="archive.refused", result="refused",
            sentence=f"had the archive {operation.options['file_name']} refused: {reasons[0]}",
            operation=operation, details={"digest": digest, "bytes": size, "reasons": reasons[:20]},
        )  # fmt: skip
    more = f" And {len(reasons) - 1} more." if len(reasons) > 1 else ""
    return ArchiveError(
        f"{reasons[0]}{more}",
        remedy="Nothing of it was kept, and nobody may approve it. Its review lists what is in it.",
    )


def _record(claim, report, verdict, digest, size, store):
    operation = claim.operation
    with transaction.atomic():
        checkpoint = _checkpoint(operation, report, verdict, store)
        _keep_review(claim, verdict, checkpoint, digest=digest, size=size, report=report)
        asks = [row["words"] for row in report.findings if row["level"] == review.APPROVAL]
        doorbell.announce("checkpoints", team=checkpoint.team_id)
        claim.succeed(
            action="archive.imported",
            sentence=f"brought in {checkpoint.name} from {operation.options['file_name']}: {verdict.label}",
            summary=SUMMARIES[verdict].format(checkpoint.name),
            checkpoint=checkpoint, output=_listed(row["words"] for row in report.findings), after={"asks": asks[:20]},
        )  # fmt: skip


SUMMARIES = {
    Verdict.WITHIN: "{} is in the catalog: it stays within the import policy, so it may be restored.",
    Verdict.AWAITING: "{} is in the catalog and awaits an approval: nobody can restore it before.",
    Verdict.LOOK: "{} is in the catalog to be looked at: another engine made it, so it cannot be restored here.",
}


def _checkpoint(operation, report, verdict, store):
    asked, facts, now = operation.options, report.facts, timezone.now()
    container_name = facts["name"] or "unnamed"
    image_id = facts["rootfsImageID"]
    images = Image.objects.filter(host=operation.host, image_id=image_id, removed_at=None)
    local = next((name for names in images.values_list("names", flat=True) for name in names), "")
    team = operation.team or access.team_for(None, "import_archive")
    container = inventory.observe_foreign(
        operation.host, container_id=secrets.token_hex(32), name=container_name, image_id=image_id, team=team,
        image_name=local or facts["rootfsImageName"], oci_runtime=facts["runtime"], at=now,
    )  # fmt: skip
    checkpoint = Checkpoint.objects.create(
        name=asked["name"] or f"{container_name} (imported)"[:120],
        note=asked["note"],
        team=team,
        host=operation.host,
        container=container,
        container_name=container_name,
        image_id=image_id,
        image_name=container.image_name,
        operation=operation,
        taken_by=operation.requested_by,
        taken_by_name=operation.requested_by.get_username() if operation.requested_by else "",
        taken_at=now,
        store=store.name,
        archive_sha256=report.sha256,
        archive_bytes=report.archive_bytes,
        unpacked_bytes=report.unpacked_bytes,
        members=report.members,
        provenance=PROVENANCE[verdict],
        engine=report.engine,
        facts={"oci_runtime": facts["runtime"], "volumes": facts["volumes"], "binds": facts["binds"]},
    )
    inspections.keep(checkpoint, report.inspection, report.environment)
    checkpoint.tags.set([Tag.objects.get_or_create(name=tag)[0] for tag in asked["tags"]])
    catalog.write_words(checkpoint, report.inspection)
    return checkpoint


def _keep_review(claim, verdict, checkpoint, *, digest, size, report):
    values = {
        "operation": claim.operation, "verdict": verdict, "file_name": claim.operation.options["file_name"],
        "size": size, "digest": digest, "policy": reviews.rules(reviews.policy()),
        "privileges": report.privileges, "findings": report.findings,
    }  # fmt: skip
    ImportReview.objects.create(checkpoint=checkpoint, **values)


def _listed(lines):
    return "".join(f"{line}\n" for line in lines)


def settle_import(claim):
    """Found, never achieved: nothing half-brought-in stays, and the upload is not kept for a second try."""
    operation, store = claim.operation, outside.store()
    outside.await_end(operation, seconds=0)
    store.clear_incoming(operation.pk)
    sha256 = operation.result.get("sha256")
    if sha256 and not Checkpoint.objects.filter(archive_sha256=sha256, discarded_at=None).exists():
        store.delete(sha256)
    release(operation)
    return Found(False, "")


def release(operation):
    """Remove the upload that the operation was about."""
    key = operation.options.get("upload")
    upload = Upload.objects.filter(key=key).first() if key else None
    if upload:
        uploads.done_with(upload)
