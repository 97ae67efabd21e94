"""Our way of taking and restoring an archive against Podman's own, in one run: ratios, because machines differ.

Makes one container of its own (freezeframe-bench) on this machine's Podman and removes it at the end.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from containers_app.runtime import archive, capture, host, podman, process, sample
from containers_app.runtime.store import DirectoryStore
from containers_app.runtime.types import CheckpointOptions, CreateOptions, RestoreOptions

NAME, IMAGE = "freezeframe-bench", "localhost/freezeframe-bench:1"
HOG = "(busybox head -c {}000000 /dev/urandom | busybox base64; sleep 99999) | busybox sort >/dev/null"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=500, help="memory of the container (500)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is measured (3)")
    parser.add_argument("--tools", default="/opt/freezeframe/bin", help="where criu is searched first")
    asked = parser.parse_args()
    runner = podman.Podman(tools_dir=asked.tools)
    with tempfile.TemporaryDirectory(prefix="freezeframe-bench-", dir="/var/tmp") as folder:
        try:
            make_hog(runner, asked.megabytes)
            measure(runner, DirectoryStore(Path(folder) / "store"), Path(folder), asked.rounds)
        finally:
            runner.remove(NAME, force=True)
            runner._run("rmi", "--force", IMAGE)


def make_hog(runner, megabytes):
    runner.import_image(IMAGE, sample.root())
    command = ["/bin/sh", "-c", HOG.format(megabytes)]
    limits = {"ulimit": host.lower_ulimits()}
    runner.create(CreateOptions(NAME, IMAGE, command, settings=limits, runtime="runc"))
    runner.start(NAME)
    while process.resident_bytes(runner.inspect_one(NAME).pid) < megabytes * 1_000_000:
        time.sleep(0.2)


def measure(runner, store, folder, rounds):
    ways = {"podman checkpoint": [], "our checkpoint": [], "podman restore": [], "our restore": []}
    for _ in range(rounds):
        theirs = folder / "theirs.tar.zst"
        ways["podman checkpoint"].append(timed(runner._run, "container", "checkpoint", "--export", theirs, NAME))
        runner.restore(NAME, RestoreOptions())
        seconds, digest = ours(runner, store)
        ways["our checkpoint"].append(seconds)
        runner.remove(NAME, force=True)
        ways["podman restore"].append(timed(runner._run, "container", "restore", "--import", theirs))
        runner.remove(NAME, force=True)
        ways["our restore"].append(timed(restore, runner, store, digest))
        theirs.unlink()
        store.delete(digest)
    for way, seconds in ways.items():
        print(
            f"{way:20} {statistics.median(seconds):6.2f} s  ({', '.join(f'{value:.2f}' for value in sorted(seconds))})"
        )
    for step in ("checkpoint", "restore"):
        ratio = statistics.median(ways[f"our {step}"]) / statistics.median(ways[f"podman {step}"])
        print(f"{step}: ours takes {ratio:.2f} of Podman's own time")


def timed(function, *arguments):
    begun = time.perf_counter()
    function(*(str(value) if isinstance(value, Path) else value for value in arguments))
    return time.perf_counter() - begun


def ours(runner, store):
    """(seconds, digest) of our checkpoint: hashed, compressed, inspected and in the store."""
    begun = time.perf_counter()
    with store.incoming("bench") as folder:
        nothing = lambda *_: None  # noqa: E731
        done = capture.capture(
            runner, NAME, CheckpointOptions(), folder, patience=600, on_start=nothing, on_bytes=nothing,
            on_phase=nothing,
        )  # fmt: skip
        store.put(done.draft, done.facts.sha256)
    return time.perf_counter() - begun, done.facts.sha256


def restore(runner, store, digest):
    with store.incoming("bench") as folder, store.open(digest) as packed:
        archive.unpack(packed, folder / "import.tar", sha256=digest)
        runner.restore_archive(folder / "import.tar", RestoreOptions())


if __name__ == "__main__":
    main()
