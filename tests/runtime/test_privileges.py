"""What a container may do, in plain words: what every container of Podman's has is not told as something more."""

from containers_app.runtime import privileges

EVERY = {"net.ipv4.ping_group_range": "0 0"}


def read(sysctl):
    spec = {"process": {"args": ["redis-server", "--save", "", "--dir", "/my data"]}, "linux": {"sysctl": sysctl}}
    return {row["key"]: row for row in privileges.read({}, spec)}


def test_a_command_is_told_so_that_it_can_be_typed():
    assert read({})["runs"]["words"] == "redis-server --save '' --dir '/my data'"


def test_the_kernel_setting_that_podman_gives_to_each_is_not_told():
    assert "sysctls" not in read(EVERY)
    assert read(EVERY | {"net.core.somaxconn": "1024"})["sysctls"]["words"] == "net.core.somaxconn=1024"
    assert read({"net.ipv4.ping_group_range": "0 99"})["sysctls"]["more"]
