"""What `podman create` takes: every field by its flag, a value of another shape refused, and what gives root named."""

import pytest

from containers_app.errors import BadInput
from containers_app.runtime import creation

GOOD = {
    "volume": ["data:/data", "/srv/a-b:/data:ro,Z"], "label": ["team=ops", "a.b/c="], "memory": "512m", "cpus": "0.5",
    "user": "1000:1000", "restart": "unless-stopped", "ulimit": ["nofile=1024:2048"], "cap_drop": ["NET_RAW", "ALL"],
    "cap_add": ["CAP_NET_ADMIN"], "security_opt": ["no-new-privileges", "seccomp=unconfined"], "pod": "web",
}  # fmt: skip


def test_every_value_becomes_its_flag_in_one_argument():
    creation.check(GOOD)
    found = creation.arguments({**GOOD, "tty": True, "init": False, "privileged": True, "publish": ["18080:80"]})
    assert found == [
        "--publish=18080:80", "--volume=data:/data", "--volume=/srv/a-b:/data:ro,Z", "--label=team=ops",
        "--label=a.b/c=", "--memory=512m", "--cpus=0.5", "--user=1000:1000", "--tty", "--restart=unless-stopped",
        "--ulimit=nofile=1024:2048", "--cap-drop=NET_RAW", "--cap-drop=ALL", "--pod=web", "--privileged",
        "--cap-add=CAP_NET_ADMIN", "--security-opt=no-new-privileges", "--security-opt=seccomp=unconfined",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("volume", "data"), ("volume", "../x:/data"), ("volume", "/a\n:/data"), ("volume", "/etc:data"),
        ("label", "no value"), ("label", "=x"), ("memory", "lots"), ("memory", "0"), ("memory", "-5m"), ("cpus", "0"),
        ("cpus", "-1"), ("cpus", "1e9"), ("user", "-u"), ("user", "a b"), ("restart", "sometimes"),
        ("ulimit", "nofile"), ("ulimit", "nofile=x"), ("cap_add", "NET ADMIN"), ("cap_drop", "--all"),
        ("security_opt", "--x"), ("pod", "-p"), ("pod", "a/b"),
    ],
)  # fmt: skip
def test_a_value_of_another_shape_is_refused_beside_its_field(field, value):
    with pytest.raises(BadInput) as refusal:
        creation.check({field: [value]})
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"volume": ["data:/data"], "cap_drop": ["ALL"], "memory": "1g"}, []),
        ({"privileged": True}, ["privileged"]),
        ({"cap_add": ["SYS_ADMIN"], "security_opt": ["label=disable"]}, ["cap_add", "security_opt"]),
        ({"volume": ["data:/data", "/:/host"]}, ["volume"]),
    ],
)
def test_what_gives_power_over_the_host_is_named(values, fields):
    assert creation.gives_root(values) == fields


def test_the_hosts_own_limits_hold_where_nothing_else_is_said():
    limits = ["nofile=1024:1024", "nproc=2048:2048"]
    assert creation.with_host_limits([], limits) == limits
    assert creation.with_host_limits(["nofile=512:512"], limits) == ["nofile=512:512", "nproc=2048:2048"]
