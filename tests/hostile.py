"""A corpus of archives that strangers might send: one attack each, of a good one (tests/stranger.py).

`CORPUS` is {what is attacked: Attack}. Each `make(folder)` writes its archive and returns the path; `blocked` is a
pattern of the words in which nobody may let it in, `asks` one of those in which it needs an approval. Real archives of
a real Podman are attacked the same way in the live tests.
"""

import gzip
import tarfile
from collections.abc import Callable
from dataclasses import dataclass

from tests.runtime.test_images import an_image
from tests.stranger import (
    BLOCK,
    CAP_BITS,
    CAPS,
    CHAR,
    FIFO,
    HARD,
    ID,
    LINK,
    MOUNTS,
    RUN,
    archive,
    bind,
    core,
    deleting,
    doubled_key,
    header,
    image,
    in_config,
    in_spec,
    layer,
    many,
    members,
    more,
    mount,
    only_in_spec,
    open_file,
    packed_zeros,
    raw,
    setting,
    special,
    tar,
    written,
    zeros,
)


@dataclass(frozen=True)
class Attack:
    """`make(folder)` writes the archive; the words that must be said of it, as patterns."""

    make: Callable
    blocked: str = ""
    asks: str = ""


PAX_SPARSE = special("tmp/f", tarfile.REGTYPE)
PAX_SPARSE.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.name": "/etc/passwd"}
CAPABLE = special("usr/bin/x", tarfile.REGTYPE)
CAPABLE.pax_headers = {"SCHILY.xattr.security.capability": "x"}
HOOK = {"path": "/bin/sh", "args": ["sh", "-c", "touch /root/owned"]}

CORPUS = {
    # the file itself
    "nothing": Attack(raw(b""), blocked="cut short"),
    "not a tar": Attack(raw(b"certainly not a tar" * 100), blocked="checksum"),
    "a tar that is cut short": Attack(
        lambda folder: written(folder, tar(*members().items())[:5000]), blocked="cut short"
    ),
    "a damaged gzip": Attack(raw(b"\x1f\x8b" + b"x" * 2000), blocked="cannot be unpacked"),
    "a damaged zstd": Attack(raw(b"\x28\xb5\x2f\xfd" + b"x" * 2000), blocked="cannot be unpacked"),
    "a gzip bomb": Attack(zeros("gz", 160 * 1024**2), blocked="1,000 times|MiB unpacked"),
    "a zstd bomb": Attack(zeros("zst", 160 * 1024**2), blocked="1,000 times|MiB unpacked"),
    "millions of members": Attack(many(20_001), blocked="more than 20,000 members"),
    "members after its end": Attack(
        raw(header(b"stats-dump") + bytes(512) + header(b"spec.dump")), blocked="after its end"
    ),
    "a wrong checksum": Attack(raw(header(b"config.dump", checksum=False) + bytes(1024)), blocked="checksum"),
    "an impossible size": Attack(
        raw(header(b"config.dump").replace(b"00000000000\0", b"\xff" * 12, 1)), blocked="checksum|impossible"
    ),
    "a name of gigabytes": Attack(raw(header(b"././@LongLink", 1 << 32, b"L")), blocked="form that no engine"),
    "a global header": Attack(raw(header(b"pax", 0, b"g")), blocked="form that no engine"),
    "a chain of extended headers": Attack(raw(header(b"pax", 0, b"x") * 5000), blocked="form that no engine"),
    "an unknown type of member": Attack(raw(header(b"config.dump", 0, b"V")), blocked="unknown type"),
    # its members
    "no configuration": Attack(
        lambda folder: written(folder, tar(("checkpoint/inventory.img", b""))), blocked="no config.dump"
    ),
    "no memory": Attack(
        lambda folder: written(folder, tar(("config.dump", b"{}"), ("spec.dump", b"{}"))),
        blocked="no checkpoint/inventory",
    ),
    "a path that leads up": Attack(more(("../etc/cron.d/x", b"")), blocked="no clean path"),
    "a path that leads up inside": Attack(more(("checkpoint/../../x.img", b"")), blocked="no clean path"),
    "an absolute path": Attack(more(("/etc/cron.d/x", b"")), blocked="no clean path"),
    "a path with a dot": Attack(more(("checkpoint/./core-2.img", b"")), blocked="no clean path"),
    "a name that is not UTF-8": Attack(raw(header(b"checkpoint/\xff\xfe.img")), blocked="not UTF-8"),
    "a name that is endless": Attack(more(("checkpoint/" + "a" * 5000, b"")), blocked="too long|no engine"),
    "a name of no engine": Attack(more(("checkpoint/action-script.sh", b"")), blocked="no engine writes"),
    "a folder of no engine": Attack(more(special("etc", tarfile.DIRTYPE)), blocked="no engine writes"),
    "two configurations": Attack(more(("config.dump", b"{}")), blocked="two members"),
    "a link": Attack(more(special("checkpoint/core-2.img", LINK, "/etc/shadow")), blocked="has a link"),
    "a hard link": Attack(more(special("checkpoint/core-2.img", HARD, "config.dump")), blocked="has a hard link"),
    "a parent checkpoint": Attack(
        more(special("checkpoint/parent", LINK, "../pre-checkpoint")), blocked="earlier archive"
    ),
    "a character device": Attack(more(special("checkpoint/core-2.img", CHAR)), blocked="character device"),
    "a block device": Attack(more(special("checkpoint/core-2.img", BLOCK)), blocked="block device"),
    "a FIFO": Attack(more(special("checkpoint/core-2.img", FIFO)), blocked="has a FIFO"),
    "a setuid member": Attack(more(special("checkpoint/core-2.img", tarfile.REGTYPE, mode=0o4755)), blocked="setuid"),
    "a huge configuration": Attack(archive(**{"config.dump": b" " * (5 * 1024**2)}), blocked="bytes"),
    "a configuration that is no JSON": Attack(archive(**{"config.dump": b"{"}), blocked="no plain JSON"),
    "a configuration of nested lists": Attack(archive(**{"config.dump": b"[" * 200_000}), blocked="no plain JSON"),
    "a configuration that is a list": Attack(archive(**{"config.dump": b"[]"}), blocked="no object"),
    "a configuration with a key twice": Attack(archive(**{"spec.dump": doubled_key()}), blocked="no plain JSON"),
    "a configuration with NaN": Attack(archive(**{"spec.dump": b'{"process": NaN}'}), blocked="no plain JSON"),
    "policies for AppArmor": Attack(image("apparmor.img", b""), blocked="AppArmor"),
    "a plugin's image": Attack(image("amdgpu-kfd-1.img", b""), blocked="plugin"),
    # the tars inside
    "a layer that leads up": Attack(layer(("../../etc/passwd", b"")), blocked="leads out"),
    "a layer with an absolute path": Attack(layer(("/etc/passwd", b"")), blocked="leads out"),
    "a layer through its own link": Attack(
        layer(special("d", LINK, "/etc"), ("d/passwd", b"")), blocked="goes through"
    ),
    "a layer over its own link": Attack(layer(special("d", LINK, "/etc/passwd"), ("d", b"")), blocked="two members"),
    "a layer with a device": Attack(layer(special("dev/sda", BLOCK, major=8)), blocked="block device"),
    "a layer with a hard link out": Attack(layer(special("x", HARD, "/etc/shadow")), blocked="hard link"),
    "a layer with a hard link up": Attack(layer(special("x", HARD, "../../etc/shadow")), blocked="hard link"),
    "a layer with a name that is not UTF-8": Attack(
        archive(**{"rootfs-diff.tar": header(b"\xff\xff") + bytes(1024)}), blocked="not UTF-8"
    ),
    "a layer with a sparse member": Attack(layer(PAX_SPARSE), blocked="sparse"),
    "a layer that is cut short": Attack(archive(**{"rootfs-diff.tar": header(b"a", 5000) + b"x"}), blocked="cut short"),
    "a layer that is setuid": Attack(
        layer(special("usr/bin/su", tarfile.REGTYPE, mode=0o4755)), asks="another user’s rights"
    ),
    "a layer with capabilities": Attack(layer(CAPABLE), asks="another user’s rights"),
    "a volume that leads up": Attack(archive(**{"volumes/vol.tar": tar(("../x", b""))}), blocked="leads out"),
    "a volume with a device": Attack(
        archive(**{"volumes/vol.tar": tar(special("x", CHAR))}), blocked="character device"
    ),
    "a volume that nobody named": Attack(archive(**{"volumes/other.tar": tar()}), blocked="volume"),
    "shared memory that leads up": Attack(
        archive(**{"devshm-checkpoint.tar": tar(("../libpod_lock", b""))}), blocked="leads out"
    ),
    "shared memory with a link": Attack(
        archive(**{"devshm-checkpoint.tar": tar(special("a", LINK, "/etc"), ("a/b", b""))}), blocked="goes through"
    ),
    "a tmpfs with a disk": Attack(
        image("tmpfs-dev-51.tar.gz.img", tar(special("sda", BLOCK, major=8), pack=gzip.compress)),
        blocked="devices that it was not given",
    ),
    "a tmpfs that leads up": Attack(
        image("tmpfs-dev-51.tar.gz.img", tar(("../../etc/x", b""), pack=gzip.compress)), blocked="leads out"
    ),
    "a tmpfs that is none": Attack(image("tmpfs-dev-51.tar.gz.img", b"x" * 100), blocked="cannot be unpacked"),
    "a tmpfs bomb": Attack(
        lambda folder: image("tmpfs-dev-51.tar.gz.img", packed_zeros("gz", 600 * 1024**2, b"a", level=1))(folder),
        blocked="too large",
    ),
    # files that would be deleted
    "deleted files that lead up": Attack(deleting(["/../../etc/passwd"]), blocked="deleted files"),
    "deleted files that are relative": Attack(deleting(["etc/passwd"]), blocked="deleted files"),
    "the root deleted": Attack(deleting(["/"]), blocked="deleted files"),
    "deleted files through a link": Attack(
        deleting(["/d/passwd"], **{"rootfs-diff.tar": tar(special("d", LINK, "/etc"))}), blocked="deleted files"
    ),
    "deleted files that are no list": Attack(deleting({"a": 1}), blocked="deleted files"),
    # what root would run
    "a hook": Attack(in_spec("hooks", to={"prestart": [HOOK]}), blocked="hooks"),
    "a hook of an unknown form": Attack(in_spec("hooks", to=[HOOK]), blocked="hooks"),
    "a hook put in later": Attack(only_in_spec("hooks", to={"poststop": [HOOK]}), blocked="hooks"),
    "CRIU's configuration": Attack(
        in_spec("annotations", "org.criu.config", to="/tmp/x"), blocked=r"org\.criu\.config"
    ),
    "a systemd property": Attack(
        in_spec("annotations", "org.systemd.property.ExecStop", to="x"), blocked="steers the host"
    ),
    "an annotation for crun": Attack(
        in_spec("annotations", "run.oci.hooks.stdout", to="/etc/x"), blocked="steers the host"
    ),
    "a device by CDI": Attack(
        in_spec("annotations", "cdi.k8s.io/x", to="nvidia.com/gpu=all"), blocked="steers the host"
    ),
    # where Podman would write
    "conmon's PID file": Attack(in_config("conmonPidFile", to="/etc/cron.d/x"), blocked="conmonPidFile"),
    "a PID file": Attack(in_config("pid_file", to="/root/.ssh/authorized_keys"), blocked="pid_file"),
    "a PID file beside": Attack(in_config("pid_file", to=f"{RUN}/../../../../etc/x"), blocked="pid_file"),
    "a static folder": Attack(in_config("staticDir", to="/etc"), blocked="staticDir"),
    "a folder of shared memory": Attack(in_config("ShmDir", to="/dev/shm"), blocked="ShmDir"),
    "a path of secrets": Attack(in_config("secretsPath", to="/root"), blocked="secretsPath"),
    "a socket to be told": Attack(in_config("sdnotifySocket", to="/run/systemd/notify"), blocked="socket"),
    "a root on the host": Attack(in_config("rootfs", to="/"), blocked="folder of the host"),
    "a root elsewhere": Attack(in_spec("root", "path", to="/etc"), blocked="outside of a container storage"),
    # what it is
    "a name that is an option": Attack(in_config("name", to="--privileged"), blocked="none that Podman takes"),
    "a name with a path": Attack(in_config("name", to="../x"), blocked="none that Podman takes"),
    "an image without an ID": Attack(in_config("rootfsImageID", to="latest"), blocked="by an ID"),
    "an image that is an option": Attack(in_config("rootfsImageName", to="--all"), blocked="name of its image"),
    "an image from elsewhere": Attack(in_config("rootfsImageName", to="evil.example/x"), asks="allowed registries"),
    "a volume with a path for a name": Attack(
        in_config("namedVolumes", to=[{"volumeName": "../..", "dest": "/data"}]), blocked="volume"
    ),
    "a dependency": Attack(in_config("Dependencies", to=["other"]), blocked="depends on other"),
    "a pod": Attack(in_config("pod", to="p"), blocked="depends on other"),
    "another container's network": Attack(in_config("netNsCtr", to="x"), blocked="depends on other"),
    "an infra container": Attack(in_config("isInfra", to=True), blocked="own machinery"),
    "a mounted secret": Attack(in_config("secrets", to=[{"name": "db"}]), blocked="secrets of its own host"),
    # what it reaches
    "the host's root mounted": Attack(in_spec("mounts", "+", to=bind("/host", "/")), blocked="no archive may have"),
    "the host's /etc mounted": Attack(in_spec("mounts", "+", to=bind("/host", "/etc")), blocked="no archive may have"),
    "root's home mounted": Attack(
        in_spec("mounts", "+", to=bind("/host", "/root/.ssh")), blocked="no archive may have"
    ),
    "Podman's socket mounted": Attack(
        in_spec("mounts", "+", to=bind("/s", "/srv/podman.sock")), blocked="no archive may have"
    ),
    "a source that leads up": Attack(
        in_spec("mounts", "+", to=bind("/s", "/srv/../etc")), blocked="no archive may have"
    ),
    "container storage mounted": Attack(
        in_spec("mounts", "+", to=bind("/s", "/data/overlay/x")), blocked="no archive may have"
    ),
    "a folder of the host mounted": Attack(in_spec("mounts", "+", to=bind("/s", "/srv/data")), asks="mounts /srv/data"),
    "a bind source that was changed": Attack(
        only_in_spec("mounts", "+", to=bind("/s", "/srv/data")), blocked="disagree"
    ),
    "Podman's own file swapped": Attack(in_spec("mounts", 2, to=bind("/etc/hosts", "/srv/x")), blocked="its own files"),
    "a volume's folder swapped": Attack(in_spec("mounts", 3, to=bind("/data", "/srv/x")), blocked="its own files"),
    "a disk mounted": Attack(
        in_spec("mounts", "+", to={"destination": "/d", "type": "ext4", "source": "/dev/sda"}),
        blocked="kind that containers do not",
    ),
    "an overlay mounted": Attack(
        in_spec("mounts", "+", to={"destination": "/d", "type": "overlay", "options": ["lowerdir=/"]}),
        blocked="kind that containers do not",
    ),
    "a bind that hides its type": Attack(
        in_spec("mounts", "+", to={"destination": "/d", "type": "none", "source": "/etc", "options": ["bind"]}),
        blocked="no archive may have",
    ),
    "a mount at a path that leads up": Attack(
        in_spec("mounts", "+", to={"destination": "/../d", "type": "tmpfs"}), blocked="no clean path"
    ),
    "a mount that appears on the host": Attack(
        in_spec("linux", "rootfsPropagation", to="rshared"), asks="appear on the host"
    ),
    "a device": Attack(
        in_spec("linux", "devices", to=[{"path": "/dev/sda", "type": "b", "major": 8, "minor": 0}]),
        asks="devices of the host",
    ),
    "every device allowed": Attack(
        in_spec("linux", "resources", "devices", to=[{"allow": True, "access": "rwm"}]), asks="devices of the host"
    ),
    "a namespace that exists": Attack(
        in_spec("linux", "namespaces", 0, to={"type": "pid", "path": "/proc/1/ns/pid"}), blocked="exists already"
    ),
    "the network of process 1": Attack(
        in_spec("linux", "namespaces", 1, to={"type": "network", "path": "/proc/1/ns/net"}), blocked="exists already"
    ),
    "the host's processes": Attack(in_spec("linux", "namespaces", 0, to={"type": "cgroup"}), asks="host’s processes"),
    "the host's network": Attack(in_spec("linux", "namespaces", 1, to={"type": "cgroup"}), asks="host’s network"),
    "the host's IPC": Attack(in_spec("linux", "namespaces", 2, to={"type": "cgroup"}), blocked="IPC"),
    "the host's mounts": Attack(in_spec("linux", "namespaces", 4, to={"type": "cgroup"}), blocked="mount namespace"),
    "a user namespace": Attack(in_spec("linux", "namespaces", "+", to={"type": "user"}), blocked="user namespace"),
    "namespaces that disagree": Attack(
        only_in_spec("linux", "namespaces", 0, to={"type": "cgroup"}), blocked="disagree"
    ),
    # what it may do
    "privileged": Attack(
        lambda folder: archive(
            config=setting("privileged", to=True),
            spec=setting("annotations", "io.podman.annotations.privileged", to="TRUE"),
        )(folder),
        asks="privileged",
    ),
    "privileged in one of two": Attack(in_config("privileged", to=True), blocked="disagree"),
    "more capabilities": Attack(
        in_spec("process", "capabilities", "bounding", to=[*CAPS, "CAP_SYS_ADMIN"]), asks="CAP_SYS_ADMIN"
    ),
    "more capabilities in one of two": Attack(
        only_in_spec("process", "capabilities", "effective", to=["CAP_SYS_MODULE"]), blocked="disagree"
    ),
    "another command in one of two": Attack(only_in_spec("process", "args", to=["/bin/nc"]), blocked="disagree"),
    "no seccomp filter": Attack(in_spec("linux", "seccomp", to={}), asks="seccomp", blocked=""),
    "a filter that asks a socket": Attack(
        in_spec("linux", "seccomp", "listenerPath", to="/srv/x"), blocked="socket of the host"
    ),
    "no masked paths": Attack(in_spec("linux", "maskedPaths", to=[]), asks="masked"),
    "a control group elsewhere": Attack(in_spec("linux", "cgroupsPath", to=f"/../../{ID}"), blocked="control group"),
    "files of control groups": Attack(in_spec("linux", "resources", "unified", to={"../x": "1"}), blocked="by name"),
    "a setting of the kernel": Attack(
        in_spec("linux", "sysctl", to={"kernel.core_pattern": "|/x"}), blocked="whole kernel"
    ),
    # what its memory image would do
    "memory with more capabilities": Attack(image("core-1.img", core(CAP_BITS | 1 << 21)), blocked="CAP_SYS_ADMIN"),
    "memory without a filter": Attack(image("core-1.img", core(seccomp=0)), blocked="its processes have none"),
    "memory that mounts a disk": Attack(
        image("mountpoints-13.img", an_image("mountpoints", *MOUNTS, mount(b"/d", kind=0, source=b"/dev/vda"))),
        blocked="mounts what its configuration does not",
    ),
    "memory that mounts the host": Attack(
        image("mountpoints-13.img", an_image("mountpoints", *MOUNTS, mount(b"/d", kind=0, key=b"/host"))),
        blocked="mounts what its configuration does not",
    ),
    "memory with a file open outside": Attack(
        image("files.img", an_image("files", open_file(b"/../../etc/shadow"))), blocked="outside of its own mounts"
    ),
    "memory with a file on an unknown mount": Attack(
        image("files.img", an_image("files", open_file(b"/etc/shadow", 998))), blocked="outside of its own mounts"
    ),
    "memory that sets a release agent": Attack(image("cgroup.img", b"..release_agent=/x"), blocked="control groups"),
    "memory that cannot be read": Attack(image("core-1.img", b"\x19\x43\x56\x54damaged"), blocked="cannot be read"),
}
