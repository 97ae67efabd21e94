"""Prints the checklist of the machine that this runs on, {key: [level, detail, remedy]}, as one line of JSON."""

import json
import sys
from pathlib import Path

from containers_app.runtime import host
from containers_app.runtime.podman import Podman
from containers_app.runtime.store import DirectoryStore

PODMAN = (
    "podman",
    "--root",
    "/tmp/bare-podman",
    "--runroot",
    "/tmp/bare-run",
    "--storage-driver",
    "vfs",
    "--runtime",
    "crun",
)


def main():
    podman = Podman(command=tuple(PODMAN), tools_dir="/opt/freezeframe/bin")
    _, checks = host.measure(podman, store=DirectoryStore(Path("/tmp/bare-store")))
    json.dump({check.key: [check.level, check.detail, check.remedy] for check in checks}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
