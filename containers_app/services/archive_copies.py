"""Archives for downloading: the web asks, the agent of the store's host verifies and sends, through Redis, by blocks.

The web process cannot read the store. The agent reads the whole archive before its first byte is sent, tells how far it
has come meanwhile, and sends a block only when few are waiting; what nobody fetches is forgotten. Nothing here is kept.
"""

import json
import logging
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import redis
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import close_old_connections

from containers_app import access
from containers_app.errors import ArchiveError, Conflict, FreezeframeError, NotAllowed, StoreError, Unavailable
from containers_app.models import Checkpoint
from containers_app.runtime import archive

from . import inventory, outside, scrubs

log = logging.getLogger(__name__)

ASKED = "freezeframe:archive-copies:"  # + host name: list of what is asked for, as JSON
BLOCKS = "freezeframe:archive-copy:"  # + token: list of messages
# The first byte of a message: still verifying; verified; bytes of the archive; the end; what went wrong, as JSON.
VERIFYING, VERIFIED, BYTES, END, WRONG = b"v", b"r", b"+", b".", b"!"
BLOCK = 512 * 1024  # bytes of a block
WAITING = 8  # blocks that wait to be fetched before the agent waits too
PATIENCE = 20  # seconds that either side waits for the other's next word
TOLD = 256 * 1024**2  # bytes between two words while it is verified: well within PATIENCE on a slow disk
AT_ONCE = 4  # copies that one host sends at the same time
ERRORS = {error.code: error for error in (ArchiveError, Conflict, NotAllowed, StoreError, Unavailable)}


@cache
def client():
    """This process's Redis client for bytes as they are."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE + 5, socket_connect_timeout=2)


class Copy:
    """The archive's bytes from `start` to before `stop`, verified; `read` gives the next ones, b"" at the end."""

    def __init__(self, token):
        self._key, self._ended = f"{BLOCKS}{token}", False

    def read(self):
        """Raises Unavailable when the agent does not go on."""
        if self._ended:
            return b""
        message = self.next()
        if message[:1] == BYTES:
            return message[1:]
        self._ended = True
        return b""

    def next(self):
        """The next message that is no sign of life; an error is raised as what it is."""
        while True:
            found = client().blpop([self._key], timeout=PATIENCE)
            if found is None:
                raise Unavailable("The archive's next block does not come.", remedy="Try again.")
            message = found[1]
            if message[:1] == WRONG:
                said = json.loads(message[1:])
                raise ERRORS.get(said["code"], Unavailable)(said["message"], remedy=said["remedy"])
            if message[:1] != VERIFYING:
                return message

    def close(self):
        """Nobody fetches the rest: what waits is thrown away, and the agent notices within PATIENCE."""
        try:
            client().delete(self._key)
        except redis.RedisError as error:
            log.warning("blocks of an archive wait until they expire (%s)", error)


def request_copy(*, user, checkpoint, start=0, stop=None):
    """A Copy once the agent has verified the archive. Raises what is wrong with it, or Unavailable."""
    host_name = checkpoint.store.partition(":")[2]
    token = uuid.uuid4().hex
    asked = {"token": token, "checkpoint": checkpoint.pk, "user": user.pk, "start": start, "stop": stop}
    copy, queue = Copy(token), f"{ASKED}{host_name}"
    try:
        client().rpush(queue, json.dumps(asked))
        client().expire(queue, PATIENCE)
        copy.next()
    except (redis.RedisError, OSError) as error:
        raise Unavailable(f"The agent of {host_name} does not send it.", remedy="Try again when it is back.") from error
    return copy


class Sender:
    """The agent's side: takes what is asked of this host until `stop` is set."""

    def __init__(self, host, stop):
        self._host, self._stop = host, stop

    def run(self):
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="archive-copy") as pool:
            while not self._stop.is_set():
                asked = self._asked()
                if asked:
                    pool.submit(send, asked, self._stop)

    def _asked(self):
        try:
            found = client().blpop([f"{ASKED}{self._host.name}"], timeout=1)
        except redis.RedisError:
            self._stop.wait(2)
            return None
        return json.loads(found[1]) if found else None


def send(asked, stop):
    """Verify one archive and send it to its end, as far as somebody fetches it."""
    key = f"{BLOCKS}{asked['token']}"
    try:
        with _opened(asked, lambda count: _put(key, VERIFYING + str(count).encode(), stop)) as file:
            _put(key, VERIFIED, stop)
            _send_range(file, asked["start"], asked["stop"], key, stop)
            _put(key, END, stop)
    except (redis.RedisError, _Abandoned) as error:
        log.warning("an archive is not sent to its end: %s", error)
    except (FreezeframeError, OSError) as error:
        _say_wrong(key, error, stop)
    finally:
        close_old_connections()


class _Abandoned(Exception):
    """Nobody fetches it any more."""


def _opened(asked, on_progress):
    """The archive, open at its begin, once all of it has been compared with its SHA-256; the person's right again."""
    checkpoint = Checkpoint.objects.select_related("team", "host").get(pk=asked["checkpoint"])
    access.require(get_user_model().objects.get(pk=asked["user"]), "download_archive", on=checkpoint)
    store = outside.store()
    if checkpoint.store != store.name:
        raise Unavailable(f"The archive lies in another store, {checkpoint.store}.")
    with scrubs.flagging(by=inventory.AGENT, checkpoint=checkpoint):
        file = store.open(checkpoint.archive_sha256)
        try:
            archive.verify(file, checkpoint.archive_sha256, on_block=_EverySoOften(on_progress))
        except BaseException:
            file.close()
            raise
    return file


class _EverySoOften:
    """Calls `tell(bytes)` each TOLD bytes, given the size of each block that goes by."""

    def __init__(self, tell):
        self._tell, self._count, self._told = tell, 0, 0

    def __call__(self, size):
        self._count += size
        if self._count - self._told >= TOLD:
            self._told = self._count
            self._tell(self._count)


def _send_range(file, start, end, key, stop):
    file.seek(start)
    left = None if end is None else end - start
    while block := file.read(BLOCK if left is None else min(BLOCK, left)):
        _put(key, BYTES + block, stop)
        left = None if left is None else left - len(block)


def _put(key, message, stop):
    deadline = time.monotonic() + PATIENCE
    while client().llen(key) >= WAITING:
        if time.monotonic() > deadline or stop.wait(0.005):
            client().delete(key)
            raise _Abandoned("nobody fetches it any more")
    client().rpush(key, message)
    client().expire(key, 2 * PATIENCE)


def _say_wrong(key, error, stop):
    known = isinstance(error, FreezeframeError)
    log.warning("an archive is not sent: %s", error)
    said = {
        "code": error.code if known else StoreError.code,
        "message": error.message if known else "The archive store failed.",
        "remedy": error.remedy if known else "",
    }
    try:
        _put(key, WRONG + json.dumps(said).encode(), stop)
    except (redis.RedisError, _Abandoned) as lost:
        log.warning("nobody was told: %s", lost)
