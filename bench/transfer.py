"""An archive of several GB in and out, over HTTP, with a connection that breaks: speed, memory, and how pages answer.

Starts a whole Freezeframe of its own (tests/live/site.py) with a real checkpoint in it, made larger by memory that does
not compress, and removes all of it at the end. Run it as root: .venv/bin/python -m bench.transfer --gigabytes 4
"""

import argparse
import contextlib
import hashlib
import http.client
import io
import json
import os
import re
import shutil
import statistics
import tarfile
import tempfile
import threading
import time
import urllib.parse
import uuid
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from tests import hostile  # noqa: E402
from tests.live.site import Site  # noqa: E402

MIB = 1024**2


def require(condition, words):
    if not condition:
        raise SystemExit(f"not so: {words}")


class Visitor:
    """A browser's side of HTTP: a session, its token, and one connection at a time."""

    def __init__(self, port, name="admin", password=""):
        self.port, self.cookies = port, {}
        self.get("/sign-in/")
        form = urllib.parse.urlencode({"username": name, "password": password, "csrfmiddlewaretoken": self.token()})
        status, _, _ = self.ask(
            "POST", "/sign-in/", form.encode(), {"Content-Type": "application/x-www-form-urlencoded"}
        )
        require(status == 302, f"signed in: {status}")

    def token(self):
        return self.cookies["csrftoken"]

    def headers(self, more=()):
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Cookie": cookie, "X-CSRFToken": self.cookies.get("csrftoken", ""), **dict(more)}

    def start(self, method, path, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request(method, path, body, self.headers(headers))
        response = connection.getresponse()
        for line in response.msg.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return connection, response

    def ask(self, method, path, body=None, headers=()):
        connection, response = self.start(method, path, body, headers)
        with contextlib.closing(connection):
            return response.status, response.headers, response.read()

    def get(self, path):
        return self.ask("GET", path)[2].decode(errors="replace")


class Meter:
    """Samples the processes' memory and a page's time while it is open."""

    def __init__(self, site, visitor):
        self._site, self._visitor, self._stop = site, visitor, threading.Event()
        self.peaks, self.pages = {}, []

    def __enter__(self):
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._memory, self._answers)]
        for thread in self._threads:
            thread.start()
        self._began = time.monotonic()
        return self

    def __exit__(self, *error):
        self.seconds = time.monotonic() - self._began
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _memory(self):
        while not self._stop.wait(0.2):
            for name, process in self._site.processes.items():
                size = self._site.resident_bytes(process.pid)
                self.peaks[name] = max(self.peaks.get(name, 0), size)

    def _answers(self):
        while not self._stop.wait(0.3):
            began = time.monotonic()
            self._visitor.get("/catalog/")
            self.pages.append(time.monotonic() - began)

    def tell(self, what, size):
        peaks = ", ".join(f"{name} {peak // MIB} MiB" for name, peak in sorted(self.peaks.items()))
        pages = sorted(self.pages) or [0]
        print(
            f"{what}: {self.seconds:.1f} s, {size / MIB / self.seconds:.0f} MiB/s; peak memory: {peaks}; page: median "
            f"{1000 * statistics.median(pages):.0f} ms, slowest {1000 * pages[-1]:.0f} ms of {len(pages)}",
            flush=True,
        )


def an_archive(path, size):
    """A checkpoint of a container with `size` bytes of memory that does not compress."""
    block = os.urandom(64 * MIB)
    with tarfile.open(path, "w") as tar:
        for name, content in hostile.members().items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        info = tarfile.TarInfo("checkpoint/pages-2.img")
        info.size = size
        tar.addfile(info, _Repeated(block, size))
    return path


class _Repeated(io.RawIOBase):
    """Blocks that look different to zstd, whose window is smaller than one of them."""

    def __init__(self, block, size):
        self._block, self._left, self._place = block, size, 0

    def read(self, size=-1):
        part = self._block[self._place : self._place + min(size, self._left)]
        self._place = (self._place + len(part)) % len(self._block)
        self._left -= len(part)
        return part or (self.read(size) if self._left else b"")


def upload(visitor, path):
    """In pieces, once with a connection that breaks in the middle of one; returns the upload's key."""
    size = path.stat().st_size
    asked = json.dumps({"name": path.name, "size": size}).encode()
    said = json.loads(visitor.ask("POST", "/catalog/uploads/", asked, {"Content-Type": "application/json"})[2])
    offset, broken = 0, False
    with open(path, "rb") as file:
        while offset < size:
            file.seek(offset)
            piece = file.read(said["piece"])
            if offset > size // 2 and not broken:
                broken = True
                _break_off(visitor, f"{said['url']}?offset={offset}", piece)
                require(json.loads(visitor.get(said["url"]))["offset"] == offset, "what broke left nothing")
            answer = visitor.ask("PUT", f"{said['url']}?offset={offset}", piece)
            offset = json.loads(answer[2])["offset"]
    return said["key"]


def _break_off(visitor, path, piece):
    connection = http.client.HTTPConnection("127.0.0.1", visitor.port)
    connection.putrequest("PUT", path)
    for name, value in {**visitor.headers(), "Content-Length": len(piece)}.items():
        connection.putheader(name, str(value))
    connection.endheaders(piece[: len(piece) // 2])
    connection.close()


def whole_form(visitor, path, **fields):
    """The plain form with the file in it, as a browser without JavaScript sends it; returns the operation's number."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    file_head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n\r\n'
    head, tail = ("".join(parts) + file_head).encode(), f"\r\n--{boundary}--\r\n".encode()
    length = len(head) + path.stat().st_size + len(tail)

    def body():
        yield head
        with open(path, "rb") as file:
            while block := file.read(MIB):
                yield block
        yield tail

    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Content-Length": str(length)}
    status, answered, content = visitor.ask("POST", "/catalog/import/", body(), headers)
    require(status == 302, f"the form is taken: {status} {content.decode()[-3000:] if status != 302 else ''}")
    return int(re.search(r"/operations/(\d+)/", answered["Location"])[1])


def fields_of(visitor):
    host = re.search(r'name="host".*?value="(\d+)"', visitor.get("/catalog/import/"), re.DOTALL)[1]
    return {"csrfmiddlewaretoken": visitor.token(), "request_key": str(uuid.uuid4()), "host": host}


def ended(visitor, number):
    from django.db import connection

    from containers_app.models import Operation

    while True:
        connection.close()
        operation = Operation.objects.get(pk=number)
        if operation.finished:
            require(operation.state == "succeeded", operation.summary)
            return operation
        time.sleep(0.2)


def download(visitor, checkpoint, part=None):
    """SHA-256 and bytes of what comes; `part` ends it after so many bytes and goes on by a range."""
    digest, count = hashlib.sha256(), 0
    while count < checkpoint.archive_bytes:
        headers = {"Range": f"bytes={count}-"} if count else {}
        connection, response = visitor.start("POST", f"/catalog/{checkpoint.pk}/download/", b"", headers)
        with contextlib.closing(connection):
            while block := response.read(MIB):
                digest.update(block)
                count += len(block)
                if part and count >= part:
                    part = None
                    break
    return digest.hexdigest(), count


def measure(site, folder, size):
    from containers_app.models import Checkpoint

    password = re.search(r"the password (\w+)\)", site.ready_line)[1]
    visitor, watching = Visitor(site.port, password=password), Visitor(site.port, password=password)
    path = an_archive(folder / "big.tar", size)
    size = path.stat().st_size
    with Meter(site, watching) as meter:
        key = upload(visitor, path)
    meter.tell("upload in pieces, broken once", size)
    form = urllib.parse.urlencode({**fields_of(visitor), "upload": key}).encode()
    with Meter(site, watching) as meter:
        answer = visitor.ask("POST", "/catalog/import/", form, {"Content-Type": "application/x-www-form-urlencoded"})
        operation = ended(visitor, int(re.search(r"/operations/(\d+)/", answer[1]["Location"])[1]))
    meter.tell("brought in by the agent", size)
    checkpoint = Checkpoint.objects.get(operation=operation)
    Checkpoint.objects.filter(pk=checkpoint.pk).update(provenance="approved")
    for part, words in ((None, "download"), (checkpoint.archive_bytes // 2, "download, broken once")):
        with Meter(site, watching) as meter:
            got = download(visitor, checkpoint, part)
        require(got == (checkpoint.archive_sha256, checkpoint.archive_bytes), "it came as it was")
        meter.tell(words, checkpoint.archive_bytes)
    with Meter(site, watching) as meter:
        whole_form(visitor, path, **fields_of(visitor))
    meter.tell("upload by a plain form", size)
    left = [entry.name for entry in (site.data / "spool").iterdir()]
    print(f"in the spool: {len(left)} file (the form's, not yet taken)")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=4, help="size of the archive (4)")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="freezeframe-bench-", dir="/var/tmp"))
    site = Site(folder)
    try:
        site.start()
        with site.database():
            measure(site, folder, int(asked.gigabytes * 1024**3))
    except SystemExit:
        time.sleep(2)
        print(site.log_of("worker")[-6000:])
        raise
    finally:
        site.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
