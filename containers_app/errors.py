"""The words for what can go wrong. Everything raised on purpose is one of these; this module imports nothing.

`runtime` raises them, `services` let them pass, agents record them on the operation, and views turn them into a
message and an HTTP status.
"""


class FreezeframeError(Exception):
    """What happened, in one sentence a person can act on; `remedy` says what to do next."""

    code = "error"
    status = 500

    def __init__(self, message, *, remedy=""):
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class BadInput(FreezeframeError):
    """What was typed cannot be used. `field` names the form field it stands beside."""

    code = "bad-input"
    status = 422

    def __init__(self, message, *, field="", remedy=""):
        super().__init__(message, remedy=remedy)
        self.field = field


class Conflict(FreezeframeError):
    """It could be done, but not now: the state of things is in the way."""

    code = "conflict"
    status = 409


class Foreseen(Conflict):
    """It would fail, and what for was seen before anything was touched."""

    code = "foreseen"


class NotAllowed(FreezeframeError):
    """This person may look at it, but not do that. `about` is the row that it was refused of, where there is one."""

    code = "not-allowed"
    status = 403
    about = None


class NotProved(FreezeframeError):
    """This person has to type the password once more before that is done; `wrong` when they typed another."""

    code = "not-proved"
    status = 403

    def __init__(self, message, *, wrong=False):
        super().__init__(message)
        self.wrong = wrong


class Unavailable(FreezeframeError):
    """Something that is needed is not there: Redis, the host's agent, Podman, the archive store."""

    code = "unavailable"
    status = 503


class ArchiveError(FreezeframeError):
    """A checkpoint archive is not what it should be: damaged, incomplete, foreign or hostile."""

    code = "archive"
    status = 422


class StoreError(FreezeframeError):
    """The archive store cannot take or give an archive: full, read-only, missing."""

    code = "store"
    status = 503


class CommandFailed(FreezeframeError):
    """A command of the outside world failed or outlasted its time.

    `argv` is the exact argument list, `exit_code` is None when it was ended for its time, `stderr` is bounded.
    """

    code = "command-failed"
    status = 502

    def __init__(self, message, *, argv=(), exit_code=None, stderr="", remedy=""):
        super().__init__(message, remedy=remedy)
        self.argv = list(argv)
        self.exit_code = exit_code
        self.stderr = stderr
