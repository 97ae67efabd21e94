"""A registry while a test needs one: on the loopback of the network in which the place's Podman runs."""

import contextlib
import shutil
import subprocess

from tests.live.site import wait_for

CONFIG = """
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: "{folder}/images"}}}}
http: {{addr: "{address}"}}
"""
ASK = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)"


@contextlib.contextmanager
def serving(site, folder):
    """Gives `site.registry`, the address by which the place's Podman reaches it."""
    program = shutil.which("docker-registry") or shutil.which("registry")
    (folder / "config.yml").write_text(CONFIG.format(folder=folder, address=site.registry))
    with open(folder / "registry.log", "wb") as log:
        process = subprocess.Popen(
            [*site.network, program, "serve", str(folder / "config.yml")],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_for(lambda: _answers(site), "the registry answers")
        yield site.registry
    finally:
        process.terminate()
        process.wait(timeout=20)


def _answers(site):
    ask = [*site.network, shutil.which("python3"), "-c", ASK, f"http://{site.registry}/v2/"]
    return subprocess.run(ask, capture_output=True, check=False).returncode == 0
