"""The only module that runs `podman`: one short function per verb over one `_run()`.

What a command line looks like, podman_arguments.py says; what Podman's answers mean, podman_facts.py. Failures become
CommandFailed with the exact arguments and standard error.
"""

import json
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from containers_app.errors import CommandFailed

from . import process, registries
from .podman_arguments import (
    check_image,
    check_name,
    checkpoint_arguments,
    create_arguments,
    exec_arguments,
    pre_checkpoint_arguments,
    restore_arguments,
    signal_arguments,
)
from .podman_facts import container_facts, image_facts
from .types import CheckpointOptions, CreateOptions, RestoreOptions

CHECKPOINT = "io.podman.annotations.checkpoint."  # annotations of a checkpoint image (libpod/define/annotations.go)
EXEC_NOT_STARTED = {125, 126, 127}  # podman-exec(1): Podman's own failure, cannot be invoked, is not there

QUICK = 60  # seconds for a verb that only reads; `ps` and `info` wait for the lock of a container that is exported
ACT = 600  # seconds for a verb that changes a state
SLOW = 3600  # seconds for a verb that moves memory or image layers


@dataclass(frozen=True)
class Podman:
    """One Podman installation: the command (with global options, if any) and where `criu` is looked for first."""

    command: tuple[str, ...] = ("podman",)
    tools_dir: str = ""

    def version(self):
        """The client's version, such as `4.3.1`."""
        return self._json("version", "--format", "json")["Client"]["Version"]

    def flags(self, verb):
        """The flags that this Podman has for `podman container <verb>`, from its own --help: ["--all", …]."""
        text = self._run("container", verb, "--help").stdout
        return sorted(set(re.findall(r"^ +(?:-\w, +)?(--[a-z-]+)", text, re.MULTILINE)))

    def info(self):
        """`podman info` as Podman writes it."""
        return self._json("info", "--format", "json")

    def list_containers(self):
        """`podman ps --all` as Podman writes it, one dict per container."""
        return self._json("ps", "--all", "--no-trunc", "--format", "json") or []

    def list_images(self):
        """All images with their names, as ImageFacts."""
        rows = {row["Id"]: row for row in self._json("image", "list", "--all", "--no-trunc", "--format", "json") or []}
        annotations = self._annotations(rows)
        return [image_facts(row, annotations.get(row["Id"], {})) for row in rows.values()]

    def _annotations(self, images):
        """{image ID: its annotations of a checkpoint}, in one command; an image that is gone meanwhile has none."""
        if not images:
            return {}
        text = self._run("image", "inspect", *images, check=False).stdout
        return {
            row["Id"]: {name: value for name, value in (row.get("Annotations") or {}).items() if CHECKPOINT in name}
            for row in json.loads(text or "[]")
        }

    def inspect(self, *containers):
        """ContainerFacts of those of `containers` (IDs or names) that exist."""
        if not containers:
            return []
        for container in containers:
            check_name(container)
        result = self._run("container", "inspect", *containers, check=False)
        return [container_facts(row) for row in json.loads(result.stdout or "[]")]

    def inspect_one(self, container):
        """ContainerFacts of one container, or None when it does not exist."""
        return next(iter(self.inspect(container)), None)

    def pod_id(self, pod):
        """The pod's ID: an import takes no name for one (4.3.1). Raises CommandFailed when there is none."""
        return self._run("pod", "inspect", "--format", "{{.ID}}", check_name(pod)).stdout.strip()

    def volume_names(self):
        """Names of all named volumes, as a set."""
        return {row["Name"] for row in self._json("volume", "ls", "--format", "json") or []}

    def pod_names(self):
        """Names and IDs of all pods, as a set."""
        return {row[name] for row in self._json("pod", "ps", "--format", "json") or [] for name in ("Name", "Id")}

    def networks(self):
        """All networks, {name: its subnets such as `10.88.0.0/16`}."""
        rows = self._json("network", "ls", "--format", "json") or []
        return {row["name"]: [subnet["subnet"] for subnet in row.get("subnets") or []] for row in rows}

    def volumes_dir(self):
        """Where this Podman has its named volumes."""
        return self.info()["store"]["volumePath"]

    def make_internal_network(self, name):
        """See that a network of that name is there from which no way leads out."""
        if name not in self.networks():
            self._run("network", "create", "--internal", "--disable-dns", check_name(name))

    def import_image(self, name, archive, *, changes=()):
        """Make the image `name` from a root file system as tar bytes; returns its image ID."""
        check_image(name)
        flags = [flag for change in changes for flag in ("--change", change)]
        result = self._run("import", "--quiet", *flags, "-", name, stdin=archive, timeout=SLOW)
        return result.stdout.strip().removeprefix("sha256:")

    def image_id(self, image):
        """The ID of the image of that name or ID, looked for as Podman does; "" when none is here."""
        found = self._run("image", "inspect", "--format", "{{.Id}}", check_image(image), check=False)
        return found.stdout.strip() if found.exit_code == 0 else ""

    def pull(self, image, *, on_layers, on_start=None):
        """Pull the image of that whole name; `on_layers` gets registries.Pull.layers while they come.

        Returns the CommandResult; stdout is the image's ID, stderr what was said beside the bars.
        """
        pull = registries.Pull()

        def on_text(text):
            if pull.read(text):
                on_layers(pull.layers)

        argv = [*self.command, "pull", check_image(image)]
        result = process.run_on_terminal(
            argv, timeout=SLOW, on_text=on_text, tools_dir=self.tools_dir, on_start=on_start
        )
        result = replace(result, stderr="\n".join(pull.lines))
        raise_for(result)
        return result

    def remove_image(self, *names, on_start=None):
        """Take these names from their image; the last name takes the image with it. An ID stands for a nameless one."""
        return self._run("rmi", *(check_image(name) for name in names), timeout=ACT, on_start=on_start)

    def prune_images(self, *, everything, on_start=None):
        """Remove nameless images, with `everything` all that no container uses; stdout has their IDs, one a line."""
        flags = ["--all"] if everything else []
        return self._run("image", "prune", "--force", *flags, timeout=ACT, on_start=on_start)

    def save_image(self, image_id, target: Path, *, on_start=None):
        """Write the image of that ID to the file `target`, without its names, so that a load gives it none.

        As docker-archive whatever the image's own format is: the image ID is the digest of its configuration, which
        that format takes over byte by byte, while oci-archive writes a Docker image's configuration anew.
        """
        arguments = ["--quiet", "--format", "docker-archive", "--output", str(target), check_image(image_id)]
        return self._run("save", *arguments, timeout=SLOW, on_start=on_start)

    def load_image(self, archive: Path, *, on_start=None):
        """Load what `save_image` wrote."""
        return self._run("load", "--quiet", "--input", str(archive), timeout=SLOW, on_start=on_start)

    def layout_name(self, folder: Path):
        """The name that `load_layout` of this folder gives (containers/common, libimage/pull.go)."""
        return f"localhost/{folder.name}:latest"

    def load_layout(self, folder: Path, *, on_start=None):
        """Take the image of an OCI layout into the storage.

        Podman makes a name of the path as it is given, and refuses one that can be none, such as with a capital: so it
        is given the folder's own name alone, which has to be lower-case.
        """
        arguments = ["pull", "--quiet", f"oci:{folder.name}"]
        return self._run(*arguments, timeout=SLOW, on_start=on_start, cwd=folder.parent)

    def push(self, image_id, target, *, on_start=None):
        """Push the image of that ID to the registry that the whole name `target` begins with."""
        arguments = ["push", "--quiet", check_image(image_id), f"docker://{check_image(target)}"]
        return self._run(*arguments, timeout=SLOW, on_start=on_start)

    def mount_image(self, image_id):
        """Mount an image's file system read-only and return where; `unmount_image` gives it back."""
        return Path(self._run("image", "mount", check_image(image_id)).stdout.strip())

    def unmount_image(self, image_id):
        return self._run("image", "unmount", check_image(image_id))

    def tag_image(self, image_id, name, *, on_start=None):
        return self._run("tag", check_image(image_id), check_image(name), on_start=on_start)

    def commit(self, container, image, *, pause, on_start=None):
        """Make the image `image` of the container's file system; with `pause` it stands still meanwhile."""
        flag = f"--pause={'true' if pause else 'false'}"
        return self._run(
            "commit", "--quiet", flag, check_name(container), check_image(image), timeout=SLOW, on_start=on_start
        )

    def create(self, options: CreateOptions, *, on_start=None):
        """Create a container from an image that is here. Returns the CommandResult; stdout ends in its ID.

        Environment values may be secrets: they go through a file, never over the command line.
        """
        with tempfile.NamedTemporaryFile("w", prefix="freezeframe-env-") as env_file:
            env_file.writelines(f"{pair}\n" for pair in options.env)
            env_file.flush()
            arguments = create_arguments(options, env_file=env_file.name)
            return self._run(*arguments, timeout=SLOW, on_start=on_start)

    def start(self, container, *, on_start=None):
        return self._act("start", container, on_start=on_start)

    def stop(self, container, *, on_start=None):
        """Ask the container's first process to end, and kill it after Podman's own grace time."""
        return self._act("stop", container, on_start=on_start)

    def restart(self, container, *, on_start=None):
        return self._act("restart", container, on_start=on_start)

    def pause(self, container, *, on_start=None):
        return self._act("pause", container, on_start=on_start)

    def unpause(self, container, *, on_start=None):
        return self._act("unpause", container, on_start=on_start)

    def kill(self, container, *, signal="KILL", on_start=None):
        """Send `signal`, one of SIGNALS, to the container's first process."""
        return self._act("kill", container, *signal_arguments(signal), on_start=on_start)

    def init(self, container, *, on_start=None):
        """Make everything ready for the first process, without letting it run."""
        return self._act("init", container, on_start=on_start)

    def rename(self, container, *, name, on_start=None):
        return self._run("rename", check_name(container), check_name(name), timeout=ACT, on_start=on_start)

    def remove(self, container, *, force=False, at_once=False, volumes=False, on_start=None):
        """Remove it; with `force` even if it runs, `at_once` without asking its process to end first, with `volumes`
        together with its anonymous volumes."""
        flags = [*(["--force"] if force or at_once else []), *(["--volumes"] if volumes else [])]
        flags += ["--time=0"] if at_once else []
        return self._act("rm", container, *flags, on_start=on_start)

    def prune_containers(self, *, on_start=None):
        """Remove every container that does not run or wait; stdout has their IDs, one a line."""
        return self._run("container", "prune", "--force", timeout=ACT, on_start=on_start)

    def exec(self, container, argv, *, mark, user="", workdir="", timeout, limit, on_start=None):
        """Run `argv` in a running container; stdout has the end of both its streams, `limit` bytes at the most.

        `mark` (NAME=value) is in the environment of whatever it starts: a command that outlasts `timeout` seconds is
        ended by it, for Podman leaves it running when `podman exec` itself is killed. CommandFailed then has exit_code
        None and the output so far; or Podman's own complaint, when the command could not be started.
        """
        arguments = exec_arguments(container, argv, mark=mark, user=user, workdir=workdir)
        try:
            result = process.run_bounded(
                [*self.command, *arguments], timeout=timeout, limit=limit, tools_dir=self.tools_dir, on_start=on_start
            )
        except BaseException:
            process.end_marked(mark)
            raise
        if result.exit_code in EXEC_NOT_STARTED and result.stdout.lstrip().startswith("Error: "):
            raise CommandFailed(
                result.stdout.strip().splitlines()[-1], argv=result.argv, exit_code=result.exit_code,
                stderr=result.stdout,
            )  # fmt: skip
        return result

    def remove_volume(self, name):
        return self._run("volume", "rm", check_name(name))

    def diff(self, container):
        """The container's changed, added and deleted paths against its image: `{"changed": […], …}`."""
        return self._json("diff", "--format", "json", check_name(container)) or {}

    def mount(self, container, *, on_start=None):
        """Mount the container's file system and return where; `unmount` gives it back."""
        return Path(self._run("mount", check_name(container), on_start=on_start).stdout.strip())

    def unmount(self, container, *, on_start=None):
        """Give a mount back. Never of a container that runs or waits to: Podman takes its root from under it."""
        return self._run("unmount", check_name(container), on_start=on_start)

    def start_checkpoint(self, container, options: CheckpointOptions, *, export, **streams):
        """Start a checkpoint that exports an uncompressed archive to the FIFO `export`; returns (argv, Popen)."""
        argv = [*self.command, *checkpoint_arguments(container, options, export=export)]
        return argv, process.start(argv, tools_dir=self.tools_dir, **streams)

    def pre_checkpoint(self, container, options: CheckpointOptions, *, export, timeout=SLOW, on_start=None):
        """Dump the memory of a container that goes on running into the archive `export`, for a dump that follows."""
        arguments = pre_checkpoint_arguments(container, options, export=export)
        return self._run(*arguments, timeout=timeout, on_start=on_start)

    def checkpoint_image(self, container, options: CheckpointOptions, image, *, timeout=SLOW, on_start=None):
        """Checkpoint into the local image `image`; stdout carries the statistics."""
        arguments = checkpoint_arguments(container, options, create_image=image)
        return self._run(*arguments, timeout=timeout, on_start=on_start)

    def restore_image(self, image, options: RestoreOptions, *, on_start=None):
        """Restore from a checkpoint image."""
        return self._run(*restore_arguments(options, image=image), timeout=SLOW, on_start=on_start)

    def restore(self, container, options: RestoreOptions, *, timeout=SLOW, on_start=None):
        """Restore a checkpointed container in place. Podman's own dump is used up when it succeeds."""
        return self._run(*restore_arguments(options, container=container), timeout=timeout, on_start=on_start)

    def restore_archive(self, archive, options: RestoreOptions, *, timeout=SLOW, on_start=None):
        """Restore from an archive file; stdout carries the new container's ID and statistics as JSON."""
        return self._run(*restore_arguments(options, archive=archive), timeout=timeout, on_start=on_start)

    def start_events(self, **streams):
        """Start following events, one JSON object a line; returns the Popen, for the watcher to read and end."""
        argv = [*self.command, "events", "--format", "json"]
        return process.start(argv, tools_dir=self.tools_dir, own_session=False, **streams)

    def start_logs(self, container, *, tail, since="", **streams):
        """Start following a container's log, with timestamps, from its last `tail` lines or from the moment `since`."""
        begin = ["--since", since] if since else ["--tail", str(tail)]
        argv = [*self.command, "logs", "--follow", "--timestamps", *begin, check_name(container)]
        return process.start(argv, tools_dir=self.tools_dir, own_session=False, **streams)

    def log_lines(self, container):
        """The container's log so far, as lines."""
        return self._run("logs", check_name(container)).stdout.splitlines()

    def start_log_copy(self, container, *, since="", tail=None, timestamps=False, **streams):
        """Start writing a container's log as it is now, from `since` on, its last `tail` lines; returns the Popen."""
        flags = [*(["--timestamps"] if timestamps else []), *(["--since", since] if since else [])]
        flags += ["--tail", str(tail)] if tail else []
        argv = [*self.command, "logs", *flags, check_name(container)]
        return process.start(argv, tools_dir=self.tools_dir, own_session=False, **streams)

    def _act(self, verb, container, *flags, on_start=None):
        return self._run(verb, *flags, check_name(container), timeout=ACT, on_start=on_start)

    def _json(self, *arguments):
        return json.loads(self._run(*arguments).stdout or "null")

    def _run(self, *arguments, timeout=QUICK, check=True, **how):
        argv = [*self.command, *arguments]
        result = process.run(argv, timeout=timeout, tools_dir=self.tools_dir, **how)
        if check:
            raise_for(result)
        return result


def raise_for(result):
    """Raise CommandFailed when the command's exit code is not 0; Podman's last line is its message."""
    if result.exit_code != 0:
        lines = [line for line in result.stderr.splitlines() if line.strip()]
        raise CommandFailed(
            lines[-1] if lines else f"podman ended with exit code {result.exit_code} and said nothing.",
            argv=result.argv,
            exit_code=result.exit_code,
            stderr=result.stderr,
        )
