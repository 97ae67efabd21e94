"""What `podman inspect` and `podman image list` say, as facts: JSON in, dataclasses out. Runs nothing."""

import re
from datetime import datetime
from pathlib import Path

from .types import ContainerFacts, ImageFacts

# `--ip=…` and `--network=name:ip=…` in the words of a command, with \0 between them (podman-create(1)).
STATIC_IP = re.compile(r"\0--ip[=\0]([0-9.]+)|\0--net(?:work)?[=\0][^\0]*?[:,]ip=([0-9.]+)")


def container_facts(row):
    """ContainerFacts from one object of `podman container inspect`."""
    state, config, host_config = row["State"], row["Config"], row["HostConfig"]
    storage = (row.get("GraphDriver") or {}).get("Data") or {}
    return ContainerFacts(
        container_id=row["Id"],
        name=row["Name"],
        image_id=row.get("Image", ""),
        image_name=row.get("ImageName", ""),
        state=state["Status"],
        pid=state.get("Pid", 0),
        exit_code=state.get("ExitCode", 0),
        created_at=moment(row.get("Created")),
        started_at=moment(state.get("StartedAt")),
        finished_at=moment(state.get("FinishedAt")),
        checkpointed_at=moment(state.get("CheckpointedAt")) if state.get("Checkpointed") else None,
        restored_at=moment(state.get("RestoredAt")) if state.get("Restored") else None,
        ports=_ports(host_config.get("PortBindings") or {}),
        command=[*([row["Path"]] if row.get("Path") else []), *(row.get("Args") or [])],
        oci_runtime=Path(row.get("OCIRuntime", "")).name,
        userdata=Path(row.get("StaticDir", "")),
        auto_remove=bool(host_config.get("AutoRemove")),
        dependencies=row.get("Dependencies") or [],
        pod=row.get("Pod", ""),
        ipc_mode=host_config.get("IpcMode", ""),
        userns_mode=host_config.get("UsernsMode", ""),
        config={
            "hostname": config.get("Hostname", ""),
            "working_dir": config.get("WorkingDir", ""),
            "user": config.get("User", ""),
            "tty": bool(config.get("Tty")),
            "env": config.get("Env") or [],
            "labels": config.get("Labels") or {},
            "restart_policy": (host_config.get("RestartPolicy") or {}).get("Name", ""),
            "privileged": bool(host_config.get("Privileged")),
            "networks": sorted((row.get("NetworkSettings") or {}).get("Networks") or {}),
            "mounts": [
                {
                    "type": mount.get("Type"),
                    "name": mount.get("Name", ""),
                    "source": mount.get("Source"),
                    "destination": mount.get("Destination"),
                }
                for mount in row.get("Mounts") or []
            ],
        },
        exec_ids=row.get("ExecIDs") or [],
        network_mode=host_config.get("NetworkMode", ""),
        addresses=sorted(network["IPAddress"] for network in _networks(row) if network.get("IPAddress")),
        static_addresses=_static_addresses(row),
        secrets=sorted(secret["Name"] for secret in config.get("Secrets") or []),
        cpus=host_config.get("CpusetCpus", ""),
        security_profile=row.get("AppArmorProfile") or row.get("ProcessLabel") or "",
        # Podman leaves MergedDir out while nothing is mounted there (libpod/driver/driver.go, 4.3.1).
        mount_point=storage.get("MergedDir", ""),
        upper=storage.get("UpperDir", ""),
    )


def _networks(row):
    return ((row.get("NetworkSettings") or {}).get("Networks") or {}).values()


def _static_addresses(row):
    """Addresses that were asked for when it was made. Before Podman 5 inspect tells of them by that command alone."""
    told = {(network.get("IPAMConfig") or {}).get("IPv4Address", "") for network in _networks(row)}
    command = "\0".join((row.get("Config") or {}).get("CreateCommand") or [])
    return sorted({*told, *filter(None, (match[1] or match[2] for match in STATIC_IP.finditer(command)))} - {""})


def moment(text):
    """Podman's RFC 3339 time with nanoseconds as datetime, or None for its zero time (the year 1)."""
    if not text or text.startswith("0001-"):
        return None
    match = re.fullmatch(r"(.{19})(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", text)
    if not match:
        return None
    whole, fraction, zone = match.groups()
    return datetime.fromisoformat(f"{whole}.{(fraction or '0')[:6]:0<6}{'+00:00' if zone == 'Z' else zone}")


def _ports(bindings):
    """`["8080:80/tcp", …]` from inspect's PortBindings: `{"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}`."""
    found = []
    for container_port, hosts in bindings.items():
        for binding in hosts or []:
            address = f"{binding['HostIp']}:" if binding.get("HostIp") else ""
            found.append(f"{address}{binding.get('HostPort', '')}:{container_port}")
    return sorted(found)


def image_facts(row, checkpoint):
    return ImageFacts(
        image_id=row["Id"].removeprefix("sha256:"),
        names=sorted(row.get("Names") or []),
        digest=row.get("Digest", ""),
        size_bytes=row.get("Size", 0),
        created_at=datetime.fromtimestamp(row["Created"]).astimezone() if isinstance(row.get("Created"), int) else None,
        checkpoint=checkpoint,
    )
