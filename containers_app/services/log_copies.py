"""Whole logs for reading and downloading: the web asks, the host's agent sends, through Redis, block by block.

A copy is made while somebody waits for it: a block is sent only when few are waiting, and what nobody fetches is
forgotten. Nothing here is kept.
"""

import json
import logging
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import redis
import redis.asyncio
from django.conf import settings

from containers_app.errors import FreezeframeError, Unavailable

from . import doorbell, outside

log = logging.getLogger(__name__)

ASKED = "freezeframe:log-copies:"  # + host name: list of what is asked for, as JSON
BLOCKS = "freezeframe:log-copy:"  # + token: list of blocks; TEXT and a text, or END
TEXT, END = "+", "."
BLOCK = 64 * 1024  # characters of a block, about
WAITING = 16  # blocks that wait to be fetched before the agent waits too
PATIENCE = 20  # seconds that either side waits for the other
AT_ONCE = 4  # copies that one host sends at the same time
LINE_LIMIT = 64 * 1024  # characters of a line that are sent


async def fetch(container, *, since="", tail=None, timestamps=False, q=""):
    """An async iterator over the log's text. Raises Unavailable when the host's agent does not answer.

    `since` is RFC 3339, `tail` a number of lines from the end, `q` a text that every line must have.
    """
    if container.host.away:
        raise Unavailable(f"The agent of {container.host.name} is away.", remedy="Try again when it is back.")
    token = uuid.uuid4().hex
    asked = {"token": token, "container_id": container.container_id, "since": since, "tail": tail}
    client = redis.asyncio.Redis.from_url(settings.REDIS_URL, decode_responses=True)
    try:
        queue = f"{ASKED}{container.host.name}"
        await client.rpush(queue, json.dumps({**asked, "timestamps": timestamps, "q": q}))
        await client.expire(queue, PATIENCE)
        first = await _next(client, token)
    except (redis.RedisError, OSError, Unavailable) as error:
        await client.aclose()
        raise Unavailable(
            f"The agent of {container.host.name} does not send the log.", remedy="Try again when it is back."
        ) from error
    return _blocks(client, token, first)


async def _blocks(client, token, block):
    try:
        while block != END:
            yield block.removeprefix(TEXT)
            block = await _next(client, token)
    finally:
        await client.aclose()


async def _next(client, token):
    found = await client.blpop([f"{BLOCKS}{token}"], timeout=PATIENCE)
    if found is None:
        raise Unavailable("The log's next block does not come.")
    return found[1]


class Sender:
    """The agent's side: takes what is asked of this host until `stop` is set."""

    def __init__(self, host, stop):
        self._host, self._stop = host, stop

    def run(self):
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="log-copy") as pool:
            while not self._stop.is_set():
                asked = self._asked()
                if asked:
                    pool.submit(send, asked, self._stop)

    def _asked(self):
        try:
            found = doorbell.client().blpop([f"{ASKED}{self._host.name}"], timeout=1)
        except redis.RedisError:
            self._stop.wait(2)
            return None
        return json.loads(found[1]) if found else None


def send(asked, stop):
    """Send one copy to its end, as far as somebody fetches it."""
    wanted, key = asked["q"].lower(), f"{BLOCKS}{asked['token']}"
    flags = {name: asked[name] for name in ("since", "tail", "timestamps")}
    try:
        process = outside.podman().start_log_copy(
            asked["container_id"], **flags, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except FreezeframeError as error:
        log.warning("a log is not sent: %s", error)
        return
    try:
        block = ""
        while not stop.is_set() and (line := process.stdout.readline(LINE_LIMIT)):
            text = line.decode(errors="replace")
            block += text if wanted in text.lower() else ""
            if len(block) >= BLOCK:
                _put(key, TEXT + block, stop)
                block = ""
        _put(key, TEXT + block, stop)
        _put(key, END, stop)
    except (redis.RedisError, Unavailable) as error:
        log.warning("a log is not sent to its end: %s", error)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _put(key, block, stop):
    client, deadline = doorbell.client(), time.monotonic() + PATIENCE
    while client.llen(key) >= WAITING:
        if time.monotonic() > deadline or stop.wait(0.05):
            raise Unavailable("Nobody fetches it any more.")
    client.rpush(key, block)
    client.expire(key, 2 * PATIENCE)
