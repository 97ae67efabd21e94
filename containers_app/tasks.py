"""Thin Celery entry points: ids in, nothing out. The database row is the truth; a second delivery does nothing."""

import threading

from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings

from .services import agent, drills, evidence, kept_images, memory, rounds, scrubs, selftests, uploads

UPLOADS_CLEARED = 3600  # seconds between looks for uploads that rest


@shared_task
def run_operation(operation_id):
    agent.run(operation_id)


@shared_task
def measure_host():
    agent.measure_host()


@worker_ready.connect
def _begin_rounds(**kwargs):
    """A worker looks after its host by itself, even while all its threads are busy and while Redis is away.

    The first sweep comes at once: what an earlier worker left is settled before anything new begins.
    """
    stop = threading.Event()
    rounds.repeat(agent.show_life, every=agent.ROUND, stop=stop)
    rounds.repeat(agent.sweep, every=agent.ROUND, stop=stop)
    rounds.repeat(evidence.keep, every=agent.ROUND, stop=stop)
    rounds.repeat(uploads.clear_rested, every=UPLOADS_CLEARED, stop=stop)
    rounds.repeat(selftests.ask_when_due, settings.HOST_NAME, every=selftests.EVERY, stop=stop)
    rounds.repeat(kept_images.ask_for_missing, settings.HOST_NAME, every=kept_images.EVERY, stop=stop)
    rounds.repeat(scrubs.ask_when_due, settings.HOST_NAME, every=scrubs.EVERY, stop=stop)
    rounds.repeat(drills.ask_when_due, settings.HOST_NAME, every=drills.EVERY, stop=stop)
    rounds.repeat(memory.wipe_old, every=memory.WIPE_EVERY, stop=stop)
