#!/bin/sh
# Does what a host's page says, on a copy of this machine that lacks some packages: an overlay in mounts of its own,
# which the kernel takes away when this ends. Its Podman has crun. Prints the checklist before and after, as JSON lines.
#
# usage: unshare --mount sh bare_machine.sh FOLDER PACKAGE…   (from the checkout; FOLDER is empty)
set -eu
folder=$1
shift
mount -t tmpfs -o size=800m tmpfs "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" overlay "$folder/root"
for directory in proc sys dev; do mount --rbind "/$directory" "$folder/root/$directory"; done
mount -t tmpfs tmpfs "$folder/root/run"

# shellcheck disable=SC2016 # $0 is of the inner shell
inside() { chroot "$folder/root" sh -c 'cd "$0" && shift 0 && exec "$@"' "$PWD" "$@"; }
measure() { inside .venv/bin/python -m tests.live.measure; }

# Podman's other OCI runtime, as Debian packs it: without CRIU.
inside apt-get -qq update >&2
inside env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends crun >&2
inside dpkg --purge --force-depends --no-triggers "$@" >&2
measure
inside env FREEZEFRAME_DATA_DIR=/tmp/bare script/setup >&2
measure
