"""Places that signed heads of the audit history are sent to: a file, syslog, an S3 bucket, a webhook.

Each takes one line at a time and returns once it has it for good, or raises Unavailable. Knows nothing of what is in a
line.
"""

import hashlib
import logging.handlers
import os
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from containers_app.errors import BadInput, Unavailable

TIMEOUT = 10  # seconds
SYSLOG_PORT = 514  # RFC 5424's transports
RETENTION = 3650  # days that an object in S3 cannot be deleted, where the address says nothing else


@dataclass(frozen=True)
class Sink:
    """`send(key, line)`: `key` names the line and sorts by its place. `name` is the address without its secrets."""

    name: str
    send: Callable


def sink(address: str) -> Sink:
    """The Sink for an address: an absolute path or `file:`, `syslog:`, `s3:`, `https:` (docs/audit.md).

    Raises BadInput for any other.
    """
    if address.startswith("/"):
        return _file(Path(address))
    parts = urllib.parse.urlsplit(address)
    make = {
        "file": lambda _: _file(Path(parts.path)),
        "syslog": _syslog,
        "s3": _s3,
        "https": _webhook,
        "http": _webhook,
    }
    if parts.scheme not in make:
        raise BadInput(f"{_without_secrets(parts)} is no place to send heads to.", remedy="See docs/audit.md.")
    return make[parts.scheme](parts)


def _file(path):
    def send(key, line):
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Unavailable(f"{path.name}: {error.strerror}.") from error

    return Sink(str(path), send)


def _syslog(parts):
    """`syslog:///dev/log`, or `syslog://host:port` by UDP; `?transport=tcp` waits until the other side has taken it."""
    by_tcp = "transport=tcp" in parts.query
    address = (parts.hostname, parts.port or SYSLOG_PORT) if parts.hostname else parts.path

    def send(key, line):
        try:
            handler = _Syslog(address, socktype=socket.SOCK_STREAM if by_tcp else socket.SOCK_DGRAM)
        except OSError as error:
            raise Unavailable(f"syslog: {error.strerror or error}.") from error
        try:
            handler.emit(logging.makeLogRecord({"msg": line.rstrip("\n"), "levelname": "INFO"}))
        except OSError as error:
            raise Unavailable(f"syslog: {error.strerror or error}.") from error
        finally:
            handler.close()

    return Sink(_without_secrets(parts), send)


class _Syslog(logging.handlers.SysLogHandler):
    """Says when a line cannot be sent, and ends lines as RFC 6587 wants them on a stream."""

    ident = "freezeframe-audit: "

    def __init__(self, address, socktype):
        super().__init__(address, facility=self.LOG_AUTHPRIV, socktype=socktype)
        self.append_nul = False
        if socktype == socket.SOCK_STREAM:
            self.formatter = logging.Formatter("%(message)s\n")
        if isinstance(self.socket, socket.socket):
            self.socket.settimeout(TIMEOUT)

    def handleError(self, record):
        raise  # the base class calls this where it has caught something


def _s3(parts):
    """`s3://bucket/prefix?endpoint=https://…&days=3650`: each head an object that nobody can delete for so long.

    The bucket must have Object Lock. Keys are taken from the environment as the AWS tools do.
    """
    query = dict(urllib.parse.parse_qsl(parts.query))
    days = int(query.get("days", RETENTION))

    def send(key, line):
        import boto3  # slow to load, and most sites have no bucket
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            options = Config(connect_timeout=TIMEOUT, read_timeout=TIMEOUT, retries={"max_attempts": 1})
            client = boto3.client("s3", endpoint_url=query.get("endpoint"), config=options)
            client.put_object(
                Bucket=parts.netloc,
                Key=f"{parts.path.strip('/')}/{key}.json".lstrip("/"),
                Body=line.encode(),
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=datetime.now(UTC) + timedelta(days=days),
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"S3: {error}") from error

    return Sink(_without_secrets(parts), send)


def _webhook(parts):
    """The line as the body of a POST; any answer but 2xx means that it was not taken."""
    address = urllib.parse.urlunsplit(parts)
    short = hashlib.sha256(address.encode()).hexdigest()[:6]  # the path may be the secret

    def send(key, line):
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(address, line.encode(), headers)  # noqa: S310 - `sink` knows the schemes
        try:
            with _opener.open(request, timeout=TIMEOUT):
                pass
        except (OSError, ValueError) as error:
            raise Unavailable(f"webhook: {getattr(error, 'reason', error)}.") from error

    return Sink(f"{parts.scheme}://{_host(parts)}/… ({short})", send)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def _without_secrets(parts):
    """The address without a password and without its query: what a page may show."""
    return f"{parts.scheme}://{_host(parts)}{parts.path}"


def _host(parts):
    return parts.netloc.rpartition("@")[2]
