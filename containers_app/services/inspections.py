"""What was seen inside checkpoints: kept with them, the secret part apart from the rest."""

from containers_app.models import Inspection, SeenEnvironment
from containers_app.runtime import inspection


def record(checkpoint, facts):
    """Keep what is inside the checkpoint, from runtime.types.ArchiveFacts, in the transaction that makes the row.

    Returns what was seen, without secrets.
    """
    return keep(checkpoint, *inspection.of_archive(facts))


def keep(checkpoint, seen, values):
    """Keep these two of `inspection.of_archive`; returns the first."""
    Inspection.objects.create(checkpoint=checkpoint, facts=seen)
    SeenEnvironment.objects.create(checkpoint=checkpoint, values=values)
    return seen


def forget(checkpoint):
    """Remove what is secret of a checkpoint whose archive is gone; call it in the transaction that says so."""
    SeenEnvironment.objects.filter(checkpoint=checkpoint).delete()
    checkpoint.memory_searches.update(hits=None)
