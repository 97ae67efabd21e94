"""Thin Celery entry points: ids in, nothing out. The database row is the truth; a second delivery does nothing."""

from celery import shared_task
from celery.signals import worker_ready

from .services import agent


@shared_task
def run_operation(operation_id):
    agent.run(operation_id)


@shared_task
def sweep():
    agent.sweep()


@worker_ready.connect
def _sweep_at_once(**kwargs):
    """A new worker first settles what an earlier one left: its host should not wait for the clock."""
    agent.sweep()
