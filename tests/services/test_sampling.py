"""What is sampled of which containers, and the CPU's share between two samples."""

import pytest

from containers_app.runtime import cgroup
from containers_app.services import doorbell, sampling
from tests.builders import a_container, a_host

pytestmark = pytest.mark.django_db


@pytest.fixture
def published(monkeypatch):
    """What is published, at each sample, of containers that use CPU without end."""
    found, seconds = [], iter(range(100))
    usage = lambda pid, container_id: cgroup.Usage(float(next(seconds)), 4096, 0, 1, 0, 0, 0, 0)  # noqa: E731
    monkeypatch.setattr(cgroup, "usage", usage)
    monkeypatch.setattr(cgroup, "processes", lambda pid, container_id: [])
    monkeypatch.setattr(doorbell, "publish_usage", lambda host, usage: found.append(usage))
    return found


def test_every_container_that_is_up_is_sampled_and_no_other(published):
    up, paused = a_container(), a_container(state="paused", pid=7)
    a_container(state="exited"), a_container(host=a_host("second"))
    sampling.Sampler(a_host()).sample()
    assert set(published[0]) == {up.pk, paused.pk}


def test_the_processes_are_listed_only_while_somebody_looks(published, monkeypatch):
    looked_at, other = a_container(), a_container()
    monkeypatch.setattr(doorbell, "wanted_logs", lambda host: {looked_at.pk: looked_at.container_id})
    sampling.Sampler(a_host()).sample()
    assert "processes" in published[0][looked_at.pk] and "processes" not in published[0][other.pk]


def test_the_share_of_the_cpu_needs_two_samples(published):
    container, sampler = a_container(), sampling.Sampler(a_host())
    sampler.sample()
    sampler.sample()
    assert published[0][container.pk]["cpu_percent"] is None and published[1][container.pk]["cpu_percent"] > 0
    assert sampling._share((1.0, 2.0), (3.0, 3.0)) == 50.0
    assert sampling._share((1.0, 5.0), (2.0, 0.1)) is None, "it began anew"


def test_what_is_gone_meanwhile_is_left_out(published, monkeypatch):
    a_container()
    monkeypatch.setattr(cgroup, "usage", lambda pid, container_id: None)
    sampling.Sampler(a_host()).sample()
    assert published == [{}]
