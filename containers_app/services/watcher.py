"""The watcher of one host: follows `podman events`, mirrors what Podman has, and follows the logs that people look at.

An event is only a hint to look (Podman announces restores that failed): the inventory is always read anew.
"""

import json
import logging
import os
import select
import subprocess
import threading
import time
from contextlib import suppress

from django.conf import settings
from django.db import close_old_connections, connection
from django.utils import timezone

from containers_app.errors import FreezeframeError
from containers_app.models import Container
from containers_app.runtime.podman_facts import moment

from . import agent, archive_copies, doorbell, inventory, log_copies, outside, preflights, rounds, sampling

log = logging.getLogger(__name__)

HEARTBEAT = 10  # seconds between signs of life
LISTING = 30  # seconds between full listings when nothing happens
MEASURING = 3600  # seconds between measurements of the host; beat asks the worker for one more often
MEASURING_AGAIN = 30  # seconds after a measurement that Podman was too busy for
ENDING = 0.5  # seconds after which a watcher that is told to stop looks up
SETTLE = 0.1  # seconds after an event in which more of them are expected
TAIL = 500  # lines of a log that are sent when somebody begins to look
LINE_LIMIT = 16 * 1024  # bytes of one log line


class Watcher:
    """Runs until `stop` is set. Threads read events, follow logs, measure, beat; this one writes the inventory."""

    def __init__(self):
        self.stop = threading.Event()
        self._changed = threading.Event()
        self._seen = {}  # container ID → its last row of `podman ps`: what has not changed is not inspected again
        self._podman = outside.podman()
        self._events = None  # the running `podman events`

    def run(self):
        host = inventory.register_host(settings.HOST_NAME)
        threads = [
            threading.Thread(target=self._follow_events, name="events", daemon=True),
            threading.Thread(target=LogFollower(host, self.stop).run, name="logs", daemon=True),
            threading.Thread(target=log_copies.Sender(host, self.stop).run, name="log-copies", daemon=True),
            threading.Thread(target=archive_copies.Sender(host, self.stop).run, name="archive-copies", daemon=True),
            threading.Thread(target=preflights.Answerer(host, self.stop).run, name="preflights", daemon=True),
        ]
        for thread in threads:
            thread.start()
        # Apart, because `podman ps` and `podman info` may wait for minutes while a large container is exported.
        rounds.repeat(inventory.heartbeat, host, inventory.WATCHER, every=HEARTBEAT, stop=self.stop)
        rounds.repeat(sampling.Sampler(host).sample, every=sampling.EVERY, stop=self.stop)
        rounds.repeat(agent.measure_host, every=MEASURING, again=MEASURING_AGAIN, stop=self.stop)
        listed = 0.0
        self._changed.set()
        while not self.stop.is_set():
            changed = self._changed.wait(timeout=ENDING)
            close_old_connections()
            if time.monotonic() - listed >= LISTING:
                # Whatever was missed, every container is inspected now and then.
                self._seen, changed, listed = {}, True, time.monotonic()
            if changed:
                self.stop.wait(SETTLE)
                self._changed.clear()
                rounds.attempt(self.look, host)
        if self._events:
            self._events.terminate()
        for thread in threads:
            thread.join(timeout=5)

    def look(self, host):
        """Read what Podman has and mirror it. Only containers whose line in `podman ps` has changed are inspected."""
        asked_at = timezone.now()
        rows = {row["Id"]: row for row in self._podman.list_containers()}
        changed = [key for key, row in rows.items() if self._seen.get(key) != _essence(row)]
        facts = self._podman.inspect(*changed)
        inventory.observe_all(host, facts, listed=list(rows), asked_at=asked_at)
        # A state that changed between the listing and the inspection is looked at again at the next round.
        agreed = {fact.container_id for fact in facts if fact.state == rows[fact.container_id].get("State")}
        self._seen = {key: _essence(row) for key, row in rows.items() if key in agreed or key not in changed}
        inventory.observe_images(host, self._podman.list_images(), asked_at=asked_at)

    def _follow_events(self):
        while not self.stop.is_set():
            with suppress(FreezeframeError, OSError):
                self._events = self._podman.start_events(stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                for line in self._events.stdout:
                    if _matters(line):
                        self._changed.set()
                self._events.wait()
            self.stop.wait(2)


class LogFollower:
    """Keeps one `podman logs --follow` per container that somebody looks at."""

    def __init__(self, host, stop):
        self._host, self._stop = host, stop
        self._followed = {}  # container's primary key → (thread, its own stop)

    def run(self):
        while not self._stop.wait(0.5):
            wanted = doorbell.wanted_logs(self._host.name)
            for key in set(self._followed) - set(wanted):
                self._followed[key][1].set()
            self._followed = {key: pair for key, pair in self._followed.items() if pair[0].is_alive()}
            for key, container_id in wanted.items():
                if key not in self._followed:  # one that is about to end is let end first: two would send twice
                    done = threading.Event()
                    thread = threading.Thread(target=follow_log, args=(key, container_id, done), daemon=True)
                    self._followed[key] = (thread, done)
                    thread.start()
        for _, done in self._followed.values():
            done.set()
        for thread, _ in self._followed.values():
            thread.join(timeout=2)


class Sent:
    """The last lines that were sent: however often Podman tells a line (again from the tail, again after a restore), it
    is sent once."""

    def __init__(self):
        self._lines = {}
        self.last_at = ""

    def fresh(self, lines):
        """Those of `lines`, (time, text) each, that were not sent yet; from now on they were."""
        found = [line for line in lines if line not in self._lines]
        self._lines |= dict.fromkeys(found)
        for line in list(self._lines)[: -doorbell.LOG_LINES]:
            del self._lines[line]
        self.last_at = found[-1][0] if found else self.last_at
        return found


def follow_log(key, container_id, done):
    """Publish the log of one container until `done`; begins again where it stopped when the container runs again."""
    podman, sent = outside.podman(), Sent()
    doorbell.start_log(key)
    while not done.is_set():
        with suppress(FreezeframeError):
            process = podman.start_logs(
                container_id, tail=TAIL, since=sent.last_at, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            try:
                _publish_until(process, done, key, sent)
            finally:
                process.kill()
                process.wait()
        while not done.wait(0.5) and not Container.objects.filter(pk=key, state="running").exists():
            pass
    connection.close()


def _publish_until(process, done, key, sent):
    """Send lines in batches as they come, until the log ends or `done`."""
    descriptor, rest = process.stdout.fileno(), b""
    while not done.is_set():
        ready, _, _ = select.select([descriptor], [], [], 0.5)
        if not ready:
            continue
        block = os.read(descriptor, 256 * 1024)
        if not block:
            break
        *lines, rest = (rest + block).split(b"\n")
        rest = rest[:LINE_LIMIT]
        fresh = sent.fresh([line for line in map(_split, lines) if line])
        if fresh:
            doorbell.publish_lines(key, fresh)


def _split(line):
    """(time, text) of a line of `podman logs --timestamps`; None for what Podman itself says ("Error: no …")."""
    at, _, text = line[:LINE_LIMIT].decode(errors="replace").partition(" ")
    return (at, text.rstrip("\r")) if moment(at) else None


def _matters(line):
    with suppress(ValueError):
        return json.loads(line).get("Type") in {"container", "image", "pod", "volume"}
    return False


def _essence(row):
    """What of a line of `podman ps` shows that the container must be inspected again (`Status` counts seconds)."""
    return {
        key: row.get(key) for key in ("State", "Names", "Pid", "StartedAt", "Exited", "ExitedAt", "ExitCode", "Ports")
    }
