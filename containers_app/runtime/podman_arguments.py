"""Command lines of `podman`: from options and names to argument lists, checked against what Podman takes.

Argument lists, never a shell; `--` is not understood by every Podman verb, so names are checked against Podman's own
pattern before they come near a command line. Runs nothing.
"""

import re

from containers_app.errors import BadInput

from . import creation
from .types import CheckpointOptions, CreateOptions, RestoreOptions

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")  # Podman: libpod/define/config.go, NameRegex
IMAGE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._:/@-]{0,511}")  # the characters of a reference (distribution/reference)
USER = re.compile(
    r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,63}(?::[a-zA-Z0-9_.-]{1,64})?"
)  # name or number, with a group or without
DIRECTORY = re.compile(r"/[^\0\n]{0,1023}")
# What `podman kill` sends (signal(7)), those that people mean most often first.
SIGNALS = (
    "KILL", "TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "STOP", "CONT", "ABRT", "ALRM", "BUS", "CHLD", "FPE",
    "ILL", "IO", "PIPE", "PROF", "PWR", "SEGV", "SYS", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "VTALRM", "WINCH", "XCPU",
    "XFSZ",
)  # fmt: skip
CHECKPOINT_FLAGS = {
    "leave_running": "--leave-running",
    "tcp_established": "--tcp-established",
    "file_locks": "--file-locks",
    "ignore_rootfs": "--ignore-rootfs",
    "ignore_volumes": "--ignore-volumes",
    "pre_checkpoint": "--pre-checkpoint",
    "with_previous": "--with-previous",
}
TRACKING = {"pre_checkpoint", "with_previous"}  # need a kernel that tracks changed memory
RESTORE_FLAGS = {
    "tcp_established": "--tcp-established",
    "tcp_close": "--tcp-close",
    "file_locks": "--file-locks",
    "keep": "--keep",
}
# Podman takes these only with --import: in place there is nothing to import.
IMPORT_FLAGS = {
    "ignore_rootfs": "--ignore-rootfs",
    "ignore_volumes": "--ignore-volumes",
    "ignore_static_ip": "--ignore-static-ip",
    "ignore_static_mac": "--ignore-static-mac",
}


def check_name(name):
    """`name`, if it is one that Podman takes for a container or volume; BadInput otherwise."""
    if not NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} is not a name that Podman takes: letters, digits, _ . and -, the first a letter or digit.",
            field="name",
        )
    return name


def check_image(image):
    """`image`, if it can be an image reference; BadInput otherwise."""
    if not IMAGE.fullmatch(image):
        raise BadInput(f"{image!r} is not an image name, such as docker.io/library/redis:7.", field="image")
    return image


def signal_arguments(signal):
    """`--signal` with one of SIGNALS; nothing for KILL, which is Podman's own choice. BadInput for any other."""
    if signal not in SIGNALS:
        raise BadInput(f"{signal!r} is no signal that can be sent.", field="signal")
    return [] if signal == "KILL" else ["--signal", signal]


def exec_arguments(container, argv, *, mark, user="", workdir=""):
    """The argument list of `podman exec` after the binary's name; what follows the container's is the command's."""
    if not argv or not argv[0].strip():
        raise BadInput("There is no command to run.", field="command")
    for field, value, pattern in (("user", user, USER), ("workdir", workdir, DIRECTORY)):
        if value and not pattern.fullmatch(value):
            raise BadInput(f"{value!r} is no {field}.", field=field)
    flags = [f"--user={user}"] if user else []
    flags += [f"--workdir={workdir}"] if workdir else []
    return ["exec", f"--env={mark}", *flags, check_name(container), *argv]


def create_arguments(options: CreateOptions, *, env_file=""):
    """The argument list of `podman create` after the binary's name. `--runtime` is a global option of Podman."""
    runtime = ["--runtime", options.runtime] if options.runtime else []
    arguments = [
        *runtime,
        "create",
        "--pull=never",
        "--name",
        check_name(options.name),
        *creation.arguments(options.settings),
    ]
    arguments += options.extra
    if options.pids_limit:
        arguments.append(f"--pids-limit={options.pids_limit}")
    if options.env:
        arguments += ["--env-file", env_file]
    return [*arguments, check_image(options.image), *options.command]


def checkpoint_arguments(container, options: CheckpointOptions, *, export="", create_image=""):
    """The argument list of `podman container checkpoint` after the binary's name; to an archive or into an image.

    `--keep` leaves dump.log (which Podman deletes on success) and the dump for an in-place restore.
    """
    flags = [flag for field, flag in CHECKPOINT_FLAGS.items() if getattr(options, field)]
    target = ["--compress", "none", "--export", str(export)]
    if create_image:
        target = ["--create-image", check_image(create_image)]
    return ["container", "checkpoint", "--keep", "--print-stats", *target, *flags, check_name(container)]


def pre_checkpoint_arguments(container, options: CheckpointOptions, *, export):
    """The argument list for the memory beforehand. Without files and volumes: the dump that follows has them."""
    flags = [CHECKPOINT_FLAGS[field] for field in ("tcp_established", "file_locks") if getattr(options, field)]
    flags += ["--pre-checkpoint", "--ignore-rootfs", "--ignore-volumes", "--compress", "none", "--export", str(export)]
    return ["container", "checkpoint", *flags, check_name(container)]


def restore_arguments(options: RestoreOptions, *, container="", archive=None, image=""):
    """The argument list of `podman container restore` after the binary's name; of a container, an archive, an image."""
    flags = [flag for field, flag in RESTORE_FLAGS.items() if getattr(options, field)]
    if archive is None and not image:
        return ["container", "restore", "--print-stats", *flags, check_name(container)]
    flags += [flag for field, flag in IMPORT_FLAGS.items() if getattr(options, field)]
    flags += [f"--publish={port}" for port in options.publish]
    name = ["--name", check_name(options.name)] if options.name else []
    flags += [f"--pod={check_name(options.pod)}"] if options.pod else []
    source = [check_image(image)] if image else ["--import", str(archive)]
    return ["container", "restore", "--print-stats", *flags, *name, *source]
