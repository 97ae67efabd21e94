"""A second host of this machine's own kind: the same Podman and control groups, with stores and a network of its own.

Where the lab (tests/lab) is a newer host with control groups of version 2, this one differs in nothing but what it has:
no image, no container, no volume. Its agent shares the site's database, Redis and archive store, as hosts of a team do.
"""

import shutil
import subprocess

from tests.live.site import Site


class Neighbour(Site):
    """Start it with `start()` beside a running site; `stop()` ends its agent and its network."""

    host_name = "neighbour"

    def __init__(self, site):
        folder = site.folder / "neighbour"
        folder.mkdir()
        super().__init__(folder)
        self.url, self.env["FREEZEFRAME_HOST"] = site.url, self.host_name
        # Holds the network until its standard input ends, with the tests at the latest.
        self.holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        assert self.holder.stdout.readline() == b"up\n", "the neighbour has no network"
        self.network = [shutil.which("nsenter"), f"--net=/proc/{self.holder.pid}/ns/net", "--"]
        self.podman_command = [*self.network, *self.podman_command]

    def start(self):
        self.start_watcher()
        self.start_worker()

    def stop(self):
        try:
            super().stop()
        finally:
            self.holder.stdin.close()
            self.holder.wait(timeout=20)
            self.holder.stdout.close()

    def _spawn(self, name, command, **env):
        super()._spawn(name, [*self.network, *command], **env)
