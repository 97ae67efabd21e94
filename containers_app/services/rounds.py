"""Work that an agent does again and again, each in a thread of its own, whatever else the process is busy with."""

import logging
import threading

from django.db import DatabaseError, connection

from containers_app.errors import FreezeframeError

log = logging.getLogger(__name__)


def repeat(function, *arguments, every, stop, again=None):
    """Start a thread that calls `function(*arguments)` now and then every `every` seconds, until `stop` is set.

    What goes wrong is logged and tried at the next round, or after `again` seconds where that is given. Returns the
    thread.
    """

    def rounds():
        while not stop.is_set():
            went_well = attempt(function, *arguments)
            connection.close()
            stop.wait(every if went_well or again is None else again)

    thread = threading.Thread(target=rounds, name=function.__name__, daemon=True)
    thread.start()
    return thread


def attempt(function, *arguments):
    """Call it; True when it went well. A round that fails is no reason to end."""
    try:
        function(*arguments)
    except (FreezeframeError, DatabaseError) as error:
        log.warning("%s: %s", function.__name__, error)
        return False
    return True
