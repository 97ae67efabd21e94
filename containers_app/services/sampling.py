"""What the running containers use, and the processes of those that somebody looks at: sampled by the watcher.

A sample is a few small files of the kernel for each container, so it is taken always; it lives in Redis for some
seconds and nowhere else. Nobody asks Podman for it.
"""

import time
from dataclasses import asdict

from containers_app.models import Container
from containers_app.runtime import cgroup

from . import doorbell

EVERY = 2  # seconds between samples
UP = ("running", "paused")


class Sampler:
    """Samples one host's containers; remembers the sample before, for the CPU's share."""

    def __init__(self, host):
        self._host = host
        self._before = {}  # container's primary key → (moment, CPU seconds)

    def sample(self):
        """Publish {primary key: what it uses} of every container that is up; tell the pages that look at one."""
        looked_at = doorbell.wanted_logs(self._host.name)
        rows = Container.objects.filter(host=self._host, removed_at=None, state__in=UP, pid__gt=0)
        found, seen = {}, {}
        teams = {}
        for pk, container_id, pid, team in rows.values_list("pk", "container_id", "pid", "team"):
            now, usage = time.monotonic(), cgroup.usage(pid, container_id)
            if usage is None:
                continue
            seen[pk], teams[pk] = (now, usage.cpu_seconds), team
            found[pk] = {**asdict(usage), "cpu_percent": _share(self._before.get(pk), seen[pk])}
            if pk in looked_at:
                found[pk]["processes"] = [asdict(facts) for facts in cgroup.processes(pid, container_id)]
        self._before = seen
        doorbell.publish_usage(self._host.pk, found)
        for pk in looked_at.keys() & teams.keys():
            doorbell.announce(f"usage-{pk}", team=teams[pk])


def _share(before, now):
    """Percent of one CPU between two samples; None at the first, or when the container began anew."""
    if before is None or now[1] < before[1] or now[0] <= before[0]:
        return None
    return round(100 * (now[1] - before[1]) / (now[0] - before[0]), 1)
