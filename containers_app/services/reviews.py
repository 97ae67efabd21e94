"""Archives from elsewhere: what bars them, who lets them pass, and the policy that they are compared with.

An archive is a container configuration that root will run. What exceeds the policy waits for a person with the right
`approve_imports` and a reason; what nobody may approve never becomes a checkpoint at all (services/imports.py).
"""

from django.db import transaction
from django.utils import timezone

from containers_app.errors import BadInput, Conflict, NotAllowed
from containers_app.models import Checkpoint, ImportPolicy, ImportReview
from containers_app.models.catalog import Provenance

from . import audit, doorbell

RULES = (
    "always_ask", "four_eyes", "capabilities", "bind_sources", "host_namespaces", "registries", "unconfined",
)  # fmt: skip
REASON_LIMIT = 2000  # characters


def require_passed(checkpoint):
    """Raise Conflict for a checkpoint from elsewhere that nobody has approved: whatever brings it to life asks this."""
    if checkpoint.barred:
        raise Conflict(
            checkpoint.barred, remedy="Its review says what is in it; an approval is given there, with a reason."
        )


def policy():
    """The ImportPolicy; a new one asks for an approval of everything."""
    return ImportPolicy.objects.first() or ImportPolicy()


def rules(found):
    """{rule: value} of an ImportPolicy, as it is audited and kept with each review."""
    return {name: getattr(found, name) for name in RULES}


def change_policy(*, by, **values):
    """Set these RULES; both what was and what is are in the history. Returns the policy."""
    with transaction.atomic():
        found = ImportPolicy.objects.select_for_update().first() or ImportPolicy()
        before = rules(found)
        for name in RULES:
            setattr(found, name, values[name])
        found.changed_at, found.changed_by_name = timezone.now(), by.name
        found.save()
        after = rules(found)
        if before != after:
            audit.record(
                by=by, action="import_policy.changed", sentence="changed the import policy",
                before={name: before[name] for name in RULES if before[name] != after[name]},
                after={name: after[name] for name in RULES if before[name] != after[name]},
            )  # fmt: skip
    return found


def decide(*, by, review, approve, reason):
    """Let an archive pass, or refuse it, with a reason. Raises Conflict when it does not wait, BadInput without a
    reason, NotAllowed for who brought it in where the policy wants four eyes."""
    reason = reason.strip()
    if not reason:
        raise BadInput("Say why: it stays in the history.", field="reason")
    if len(reason) > REASON_LIMIT:
        raise BadInput(f"A reason has {REASON_LIMIT:,} characters at the most.", field="reason")
    if approve and policy().four_eyes and review.operation.requested_by_id == by.user.pk:
        raise NotAllowed(
            "You brought this archive in: somebody else must approve it.",
            remedy="The import policy wants four eyes. Ask another person who may approve archives.",
        )
    verdict = ImportReview.Verdict.APPROVED if approve else ImportReview.Verdict.REFUSED
    with transaction.atomic():
        waiting = ImportReview.objects.filter(pk=review.pk, verdict=ImportReview.Verdict.AWAITING)
        decided = {
            "verdict": verdict, "reason": reason, "decided_by": by.user, "decided_by_name": by.name,
            "decided_at": timezone.now(),
        }  # fmt: skip
        if not waiting.update(**decided):
            raise Conflict(f"{review.checkpoint or review} does not wait for an approval any more.")
        review.refresh_from_db()
        provenance = Provenance.APPROVED if approve else Provenance.REFUSED
        Checkpoint.objects.filter(pk=review.checkpoint_id).update(provenance=provenance)
        doorbell.announce("checkpoints", team=review.checkpoint.team_id)
        audit.record(
            by=by, action="archive.approved" if approve else "archive.rejected",
            sentence=f"{'approved' if approve else 'refused'} the archive {review.checkpoint}: {reason}",
            checkpoint=review.checkpoint, host=review.operation.host,
            details={"digest": review.digest, "exceeds": [row["words"] for row in review.findings]},
        )  # fmt: skip
    return review
