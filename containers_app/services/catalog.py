"""The catalog: what it says of a checkpoint, and what leaves it.

Knows rows and the archive store. Taking and restoring are `checkpoints` and `restores`; pages find with
`containers_app/catalog.py`.
"""

import re

from containers_app.models import SearchText

MOST_SEEN = 100_000  # characters of words seen inside: PostgreSQL indexes 1 MiB of a row at the most


def write_words(checkpoint, facts=None):
    """Keep the words that the checkpoint is found by; call it in the transaction that changed them.

    `facts` is what was seen inside it (runtime/inspection.py); None leaves what was kept of that. Tags come first.
    """
    tags = [tag.name for tag in checkpoint.tags.all()]
    said = [checkpoint.name, checkpoint.note, *tags, checkpoint.container_name, checkpoint.image_name]
    values = {"said": " ".join([*said, checkpoint.host.name, checkpoint.taken_by_name]).replace("\0", "")}
    if facts is not None:
        values["seen"] = _seen_words(facts)
    SearchText.objects.update_or_create(checkpoint=checkpoint, defaults=values)


def _seen_words(facts):
    """Each word of the processes' names and command lines once: nobody searches for how often."""
    texts = (str(process.get(name) or "") for process in facts.get("processes", []) for name in ("comm", "command"))
    words = dict.fromkeys(word for text in texts for word in re.findall(r"[^\W_]+", text))
    return " ".join(words)[:MOST_SEEN]
