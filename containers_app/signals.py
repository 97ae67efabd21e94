"""Server-sent events: what changed, never HTML. Elements re-fetch themselves through their ordinary views.

One Redis subscription per web process, fanned out in memory to every open page. A page that is slow gets each signal
once, however often it came; log lines beyond the last thousand are dropped. A person is told of what they may see,
judged when it is sent: who they are is read anew every STILL_HERE seconds, and at once after the signal `people`.
"""

import asyncio
import logging
import time
from collections import deque
from contextlib import asynccontextmanager
from functools import partial

import redis.asyncio
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.views.decorators.http import require_GET

from . import access
from .services import doorbell

log = logging.getLogger(__name__)

STILL_HERE = 15  # seconds between signs of life, which also keep a log followed
RETRY = 2  # seconds before the subscription is made anew
PEOPLE = doorbell.signal_message("people", None)  # somebody's rights have changed
CONNECTED = "connected"  # sent when nothing is missed from here on: the page fetches what it may have missed before


@require_GET
async def event_stream(request):
    """GET /events/ and /events/?log=<container>: an endless stream of signals, and of one container's log lines."""
    log = request.GET.get("log", "")
    look = sync_to_async(partial(_look, request.session.session_key, int(log) if log.isdigit() else None))
    user, container = await look()
    response = StreamingHttpResponse(_events(look, user, container), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


def _look(session_key, container_pk):
    """(who listens now, the container whose log they follow). Http404 when they may not, or were signed out."""
    request = HttpRequest()
    request.session = SessionStore(session_key)
    user = get_user(request)
    if not user.is_authenticated:
        raise Http404
    access.rights_on(user)  # read now: what is sent is judged in the loop, where no query may be made
    return user, access.get_container_for(user, container_pk) if container_pk else None


def want_log(container):
    """Somebody looks at this container: its log is to be followed."""
    doorbell.want_log(container)


def read_log(container):
    """The lines of this container's log that are at hand, oldest first: [{id, at, text}]."""
    return doorbell.read_lines(container.pk)


def read_usage(containers):
    """{container's primary key: what it uses} of those of `containers` whose host has just sampled them."""
    return doorbell.read_usage({container.host_id for container in containers})


async def _events(look, user, container):
    async with hub.listener(container.pk if container else None) as listener:
        yield "retry: 2000\n\n"
        looked = time.monotonic()
        if container:
            await sync_to_async(doorbell.want_log)(container)
        while True:
            events = await listener.next(timeout=STILL_HERE)
            if listener.people_changed or time.monotonic() - looked >= STILL_HERE:
                listener.people_changed, looked = False, time.monotonic()
                try:
                    user, container = await look()
                except Http404:
                    return
                if container:
                    await sync_to_async(doorbell.want_log)(container)
            yield _written(user, events) or ": still here\n\n"


def _written(user, events):
    """The text of those `events` that `user` may be told of."""
    told = {}
    for event, data, team in events:
        if event == "log" or access.hears(user, event, team):
            told[event, data] = f"event: {event}\ndata: {data}\n\n"
    return "".join(told.values())


class Listener:
    """One open page: the signals that it has not been sent yet, each once, and its log lines in order."""

    def __init__(self, channel):
        self.channel = channel
        self.people_changed = False
        self._signals, self._lines = {}, deque(maxlen=doorbell.LOG_LINES)
        self._something = asyncio.Event()

    def put(self, channel, data):
        if channel == doorbell.SIGNALS:
            self._signals[data] = None
            self.people_changed = self.people_changed or data == PEOPLE
        elif channel == self.channel:
            self._lines.append(("log", data, None))
        else:
            return
        self._something.set()

    async def next(self, *, timeout):
        """Everything that has come, as [(event, data, team)]; [] after `timeout` seconds of silence."""
        try:
            await asyncio.wait_for(self._something.wait(), timeout)
        except TimeoutError:
            return []
        self._something.clear()
        signals = [(name, "1", team) for name, team in map(doorbell.read_signal, self._signals)]
        events = [*signals, *self._lines]
        self._signals, self._lines = {}, deque(maxlen=doorbell.LOG_LINES)
        return events


class Hub:
    """The process's one subscription, kept while anybody listens."""

    def __init__(self):
        self._listeners, self._task, self._subscribed = set(), None, False

    @asynccontextmanager
    async def listener(self, container_pk):
        listener = Listener(f"{doorbell.LOG_CHANNEL}{container_pk}" if container_pk else None)
        self._listeners.add(listener)
        if self._subscribed:
            listener.put(doorbell.SIGNALS, doorbell.signal_message(CONNECTED, None))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._pump())
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def _pump(self):
        while self._listeners:
            try:
                await self._listen()
            except (redis.RedisError, OSError) as error:
                log.warning("signals are silent: Redis cannot be reached (%s)", error)
                await asyncio.sleep(RETRY)

    async def _listen(self):
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL, decode_responses=True)
        try:
            async with client.pubsub() as subscription:
                await subscription.subscribe(doorbell.SIGNALS)
                await subscription.psubscribe(f"{doorbell.LOG_CHANNEL}*")
                self._subscribed = True
                for listener in self._listeners:
                    listener.put(doorbell.SIGNALS, doorbell.signal_message(CONNECTED, None))
                while self._listeners:
                    message = await subscription.get_message(ignore_subscribe_messages=True, timeout=5)
                    if message:
                        for listener in self._listeners:
                            listener.put(message["channel"], message["data"])
        finally:
            self._subscribed = False
            await client.aclose()


hub = Hub()
