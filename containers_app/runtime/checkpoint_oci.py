"""A checkpoint archive as an OCI image: a layout of one layer, which holds the archive's members as they are.

Like what `podman container checkpoint --create-image` makes (libpod, createCheckpointImage): Podman restores from it,
and registries know it like any other. The image ID is the digest of a configuration that names the layer's digest, so
whoever has the ID has the bytes. Knows files only: not Podman, no registry.
"""

import hashlib
import json
import os
from pathlib import Path

PREFIX = "io.podman.annotations.checkpoint."  # libpod/define/annotations.go
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # uname's words to Go's


def write(folder: Path, layer: Path, *, annotations, architecture, created):
    """Make an OCI layout in `folder` around the uncompressed tar `layer`, which is moved there; returns the image ID.

    `created` is RFC 3339; `architecture` as uname has it.
    """
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    with open(layer, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    described = {"mediaType": LAYER, "digest": f"sha256:{digest}", "size": layer.stat().st_size}
    os.replace(layer, blobs / digest)
    config = _blob(
        blobs,
        CONFIG,
        {
            "created": created, "architecture": ARCHITECTURES.get(architecture, architecture), "os": "linux",
            "config": {}, "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created": created, "created_by": "freezeframe"}],
        },
    )  # fmt: skip
    manifest = _blob(
        blobs,
        MANIFEST,
        {
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [described],
            "annotations": annotations,
        },
    )  # fmt: skip
    _write(folder / "index.json", {"schemaVersion": 2, "manifests": [manifest]})
    _write(folder / "oci-layout", {"imageLayoutVersion": "1.0.0"})
    return config["digest"].removeprefix("sha256:")


def annotations(*, name, image_name, image_id, facts):
    """The annotations that Podman gives a checkpoint image, from the facts that were kept at capture."""
    distribution, _, version = facts.get("distribution", "").partition(" ")
    values = {
        "name": name,
        "rawImageName": image_name,
        "rootfsImageName": image_name,
        "rootfsImageID": image_id,
        "podman.version": facts.get("podman_version", ""),
        "criu.version": _criu_number(facts.get("criu_version", "")),
        "runtime.name": facts.get("oci_runtime", ""),
        "runtime.version": facts.get("oci_runtime_version", ""),
        "host.arch": ARCHITECTURES.get(facts.get("architecture", ""), facts.get("architecture", "")),
        "host.kernel": facts.get("kernel", ""),
        "cgroups.version": facts.get("cgroup_version", ""),
        "distribution.name": distribution,
        "distribution.version": version,
    }
    return {f"{PREFIX}{key}": value for key, value in values.items() if value}


def _criu_number(version):
    """`4.2.1` → `40201`, as Podman writes it; "" for what is no version."""
    parts = [*version.split("."), "0"][:3]
    if len(parts) < 3 or not all(part.isdigit() for part in parts):
        return ""
    return str(int(parts[0]) * 10000 + int(parts[1]) * 100 + int(parts[2]))


def _blob(blobs, media_type, value):
    content = json.dumps(value).encode()
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def _write(path, value):
    path.write_text(json.dumps(value))
