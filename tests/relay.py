"""Downloads in this process: the real sender and reader, over lists in memory where Redis would be."""

import json
import threading
import time
from collections import defaultdict, deque

from containers_app.services import archive_copies


class Lists:
    """Those of Redis's commands that a relay uses. What is pushed to the queue `answered` is handed to `answer`."""

    def __init__(self, answered="", answer=None):
        self._lists, self._changed, self.most = defaultdict(deque), threading.Condition(), 0
        self._answered, self._answer = answered, answer

    def rpush(self, key, value):
        if key == self._answered:
            self._answer(json.loads(value), threading.Event())
            return
        with self._changed:
            self._lists[key].append(value)
            self.most = max(self.most, len(self._lists[key]))
            self._changed.notify_all()

    def blpop(self, keys, timeout):
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._lists[keys[0]]:
                if time.monotonic() > deadline:
                    return None
                self._changed.wait(max(0, deadline - time.monotonic()))
            return keys[0], self._lists[keys[0]].popleft()

    def llen(self, key):
        return len(self._lists[key])

    def expire(self, key, seconds):
        pass

    def delete(self, key):
        self._lists.pop(key, None)


def relay(monkeypatch, *, host_name="local"):
    """What is asked of that host is sent at once, all of it, in this thread and so in this test's transaction."""
    lists = Lists(f"{archive_copies.ASKED}{host_name}", archive_copies.send)
    monkeypatch.setattr(archive_copies, "client", lambda: lists)
    monkeypatch.setattr(archive_copies, "WAITING", 1_000_000)
    monkeypatch.setattr(archive_copies, "PATIENCE", 0.2)
    monkeypatch.setattr(archive_copies, "close_old_connections", lambda: None)
    return lists
