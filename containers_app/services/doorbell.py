"""Redis as doorbell and loudspeaker: rings a host's queue, announces what changed, carries log lines.

Nothing here is the truth: when Redis is away, the database still holds all of it, the sweep rings again, and a page
that is loaded anew shows what is. So no function here fails because Redis is away; it says so in the log.
"""

import json
import logging
import time
from functools import cache

import redis
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from containers_app.harmless import TERMINAL, harmless_line

log = logging.getLogger(__name__)

SIGNALS = "freezeframe:signals"  # pub/sub channel: one signal a message, as `signal_message` writes it
LOG_CHANNEL = "freezeframe:log:"  # + container's primary key; pub/sub channel of log lines as JSON
LOG_STREAM = "freezeframe:log-lines:"  # + primary key: Redis stream with the last lines, for pages without a stream
LOG_WANTED = "freezeframe:log-wanted:"  # + host name : container's primary key; holds the container ID, for a while
USAGE = "freezeframe:usage:"  # + host's primary key; {container's primary key: what it uses} as JSON, for a while
USAGE_SECONDS = 15  # how long a sample is shown when no newer one comes
LOG_LINES = 1000  # lines a log stream keeps
LINE_LIMIT = 8192  # characters of a log line that are carried
LOG_SECONDS = 45  # how long a log is followed after the last sign that somebody looks


@cache
def client():
    """This process's Redis client; short time-outs, because everything it carries can be done without."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, decode_responses=True)


def ring(operation):
    """Tell the operation's host, once this transaction has committed, that there is something to do."""
    queue = operation.host.queue
    transaction.on_commit(lambda: _ring(operation.pk, queue))


def queue_is_empty(host):
    """True when no message waits in the host's queue, so that whatever the database holds for it must be rung again."""
    try:
        return client().llen(host.queue) == 0
    except redis.RedisError:
        return False


def announce(*signals, team):
    """Tell the open pages, once this transaction has committed, which things have changed.

    `team` is the primary key of the team that owns them, whose people alone are told; None: everybody is.
    """
    transaction.on_commit(lambda: _publish([signal_message(signal, team) for signal in signals]))


def signal_message(signal, team):
    """`container-7@3`: the signal `container-7` for team 3; `hosts@` is for everybody."""
    return f"{signal}@{team or ''}"


def read_signal(message):
    """(signal, primary key of its team or None) of a message."""
    signal, _, team = message.partition("@")
    return signal, int(team) if team else None


def _ring(operation_id, queue):
    try:
        current_app.send_task("containers_app.tasks.run_operation", args=[operation_id], queue=queue, retry=False)
    except (OperationalError, redis.RedisError) as error:
        log.warning("operation %s waits for the sweep: the queue cannot be reached (%s)", operation_id, error)


def _publish(signals):
    try:
        pipe = client().pipeline(transaction=False)
        for signal in signals:
            pipe.publish(SIGNALS, signal)
        pipe.execute()
    except redis.RedisError as error:
        log.warning("open pages are not told of %s (%s)", ", ".join(signals), error)


def clock_skew():
    """Seconds that this machine's clock is ahead of Redis's; None when it is away."""
    try:
        seconds, micros = client().time()
    except redis.RedisError:
        return None
    return time.time() - (seconds + micros / 1e6)


def want_log(container):
    """Ask the container's host to follow its log for the next LOG_SECONDS; asked again while somebody looks."""
    try:
        client().set(f"{LOG_WANTED}{container.host.name}:{container.pk}", container.container_id, ex=LOG_SECONDS)
    except redis.RedisError as error:
        log.warning("the log of %s is not followed (%s)", container.name, error)


def wanted_logs(host_name):
    """{container's primary key: container ID} of the logs that somebody looks at on this host."""
    prefix = f"{LOG_WANTED}{host_name}:"
    try:
        keys = list(client().scan_iter(match=f"{prefix}*", count=100))
        values = client().mget(keys) if keys else []
    except redis.RedisError:
        return {}
    return {int(key.removeprefix(prefix)): value for key, value in zip(keys, values, strict=True) if value}


def publish_usage(host_pk, usage):
    """Keep what the containers of a host use: {container's primary key: facts}."""
    try:
        client().set(f"{USAGE}{host_pk}", json.dumps(usage), ex=USAGE_SECONDS)
    except redis.RedisError as error:
        log.warning("a sample of host %s is lost (%s)", host_pk, error)


def read_usage(host_pks):
    """{container's primary key: facts} of what the containers of these hosts use; {} when nobody knows."""
    try:
        values = client().mget([f"{USAGE}{pk}" for pk in host_pks]) if host_pks else []
    except redis.RedisError:
        return {}
    return {int(pk): facts for value in values if value for pk, facts in json.loads(value).items()}


def start_log(container_pk):
    """Forget the lines of an earlier following: the follower is about to send the tail of the log again."""
    try:
        client().delete(f"{LOG_STREAM}{container_pk}")
    except redis.RedisError as error:
        log.warning("log lines of %s are kept from before (%s)", container_pk, error)


def publish_lines(container_pk, lines):
    """Keep and announce log lines: `lines` is [(at, text)], `at` in RFC 3339 as Podman wrote it.

    Colours of a terminal are left out, other hidden characters are written out, and long lines are cut.
    """
    stream = f"{LOG_STREAM}{container_pk}"
    lines = [(at, _readable(text)) for at, text in lines]
    try:
        pipe = client().pipeline(transaction=False)
        for at, text in lines:
            pipe.xadd(stream, {"at": at, "text": text}, maxlen=LOG_LINES, approximate=True)
        pipe.expire(stream, 10 * LOG_SECONDS)
        ids = pipe.execute()[: len(lines)]
        pipe = client().pipeline(transaction=False)
        for line_id, (at, text) in zip(ids, lines, strict=True):
            pipe.publish(f"{LOG_CHANNEL}{container_pk}", json.dumps({"id": line_id, "at": at, "text": text}))
        pipe.execute()
    except redis.RedisError as error:
        log.warning("log lines of %s are lost (%s)", container_pk, error)


def _readable(text):
    text = harmless_line(TERMINAL.sub("", text))
    return text if len(text) <= LINE_LIMIT else f"{text[:LINE_LIMIT]} … and {len(text) - LINE_LIMIT:,} characters more"


def read_lines(container_pk):
    """The last lines of a followed log, oldest first: [{id, at, text}]; [] when nobody follows it or Redis is away."""
    try:
        rows = client().xrevrange(f"{LOG_STREAM}{container_pk}", count=LOG_LINES)
    except redis.RedisError:
        return []
    return [{"id": line_id, **fields} for line_id, fields in reversed(rows)]
