"""Real warm workloads: checkpointed into the catalog, removed, restored from the archive, and their memory proven."""

import hashlib
import random

import pytest

from containers_app.models import Container
from tests.live import images, oracle
from tests.live.conftest import both_hosts
from tests.live.site import wait_for

pytestmark = pytest.mark.live

MILLION = 1_000_000
SAMPLE = 1_000


def warm(site, workload, *command):
    """A running container of that workload, with the workload's name, as the inventory sees it."""
    site.podman("run", "--detach", "--name", workload, *site.limits, images.build(site, workload), *command)
    return wait_for(Container.objects.filter(name=workload, removed_at=None, state="running").first, f"{workload} runs")


def there_and_back(site, operator, container):
    """Checkpoint into the catalog, remove the container, and restore it from the archive alone. What is seen inside the
    checkpoint is what CRIU's own tools say."""
    checkpoint = operator.checkpoint(container)
    oracle.assert_same(site, checkpoint)
    operator.remove(container)
    operator.restore(checkpoint)
    return checkpoint


def some_keys():
    return random.Random(20).sample(range(MILLION), SAMPLE)


@both_hosts
def test_redis_keeps_a_million_keys(site, operator):
    container = warm(site, "redis", "redis-server", "--save", "", "--enable-debug-command", "local")
    redis = Redis(site, "redis")
    wait_for(lambda: redis("ping") == ["PONG"], "Redis answers")
    redis("debug", "populate", str(MILLION), "key", "64")
    before = redis.sample(), redis("debug", "digest")
    there_and_back(site, operator, container)
    assert redis("dbsize") == [str(MILLION)]
    assert (redis.sample(), redis("debug", "digest")) == before
    assert redis("set", "more", "after") == ["OK"]


class Redis:
    """redis-cli inside the container: the lines of its answer."""

    def __init__(self, site, name):
        self.site, self.name = site, name

    def __call__(self, *words):
        return self.site.podman("exec", self.name, "redis-cli", *words, check=False).split()

    def sample(self):
        """The values of some keys, each of its own length and content."""
        found = self("mget", *(f"key:{number}" for number in some_keys()))
        assert len(found) == SAMPLE and len(set(found)) == SAMPLE
        return found


def test_memcached_keeps_a_million_items(site, operator):
    container = warm(site, "memcached", "memcached", "-u", "root", "-m", "512", "-c", "100")
    wait_for(lambda: "STAT" in talk(site, "memcached", 11211, "stats\r\nquit\r\n"), "memcached answers")
    sets = "".join(f"set {key} 0 0 16 noreply\r\n{value_of(key)}\r\n" for key in range(MILLION))
    talk(site, "memcached", 11211, sets + "quit\r\n")
    before = items(site)
    assert before == {key: value_of(key) for key in some_keys()}
    there_and_back(site, operator, container)
    assert items(site) == before
    assert f"STAT curr_items {MILLION}" in talk(site, "memcached", 11211, "stats\r\nquit\r\n").splitlines()


def value_of(key):
    return hashlib.md5(str(key).encode()).hexdigest()[:16]


def items(site):
    """Some items by their key, as memcached has them: `VALUE key flags bytes`, and the value on the next line."""
    text = talk(site, "memcached", 11211, "".join(f"get {key}\r\n" for key in some_keys()) + "quit\r\n")
    lines = [line for line in text.split("\r\n") if line not in {"END", ""}]
    return {int(head.split()[1]): value for head, value in zip(lines[::2], lines[1::2], strict=True)}


def talk(site, container, port, text):
    """What the server inside the container answers to `text`."""
    return site.podman(
        "exec", "--interactive", container, "busybox", "nc", "127.0.0.1", str(port), stdin=text.encode(), check=False
    )


def test_a_java_program_keeps_its_heap(site, operator):
    container = warm(site, "java", "java", "-Xmx512m", "-cp", "/app", "Cache", str(MILLION))
    wait_for(lambda: "warm" in site.logs("java"), "the cache is warm")
    question = "".join(f"{key}\n" for key in some_keys()) + "\n"
    before = talk(site, "java", 7000, question)
    assert before.count(f" of {MILLION}\n") == SAMPLE
    there_and_back(site, operator, container)
    assert talk(site, "java", 7000, question) == before


POSTGRES = """busybox mkfifo /tmp/in; postgres -D /data -k /tmp &
until psql -h /tmp -c '' postgres 2>/dev/null; do sleep 0.2; done
exec psql -h /tmp --quiet --no-align --tuples-only postgres <>/tmp/in"""


def test_postgresql_keeps_its_sessions_and_an_open_transaction(site, operator):
    container = warm(site, "postgres", "/bin/sh", "-c", POSTGRES)
    session = PostgresSession(site, "postgres")
    session.ask(
        "create table kept as select n, (random() * 1e9)::bigint as value from generate_series(1, 1e6::int) as n"
    )
    session.ask("create temporary table own as select * from kept where n % 1000 = 0")
    session.ask("begin; delete from kept where n > 999000")
    sums = "select concat(count(*), ':', sum(value)) from"
    who = "select concat(pg_backend_pid(), ':', extract(epoch from pg_postmaster_start_time()))"
    before = session.ask(f"{who}; {sums} own; {sums} kept")
    there_and_back(site, operator, container)
    assert session.ask(f"{who}; {sums} own; {sums} kept") == before
    assert session.in_another("select count(*) from kept") == f"{MILLION}"
    session.ask("commit")
    assert session.in_another("select count(*) from kept") == f"{MILLION - 1000}"


class PostgresSession:
    """The psql that the container began with; it reads what is written into its FIFO and answers into the log."""

    def __init__(self, site, name):
        self.site, self.name = site, name
        self.asked = 0
        wait_for(lambda: self.site.podman("exec", name, "busybox", "ls", "/tmp/in", check=False), "psql listens")

    def ask(self, statements):
        """The answers in the log up to a mark of our own."""
        before = self.site.logs(self.name)
        self.asked += 1
        mark = f"mark-{self.asked}"
        text = f"{statements}; select '{mark}';\n".encode()
        self.site.podman("exec", "--interactive", self.name, "busybox", "sh", "-c", "cat >/tmp/in", stdin=text)
        wait_for(lambda: mark in self.site.logs(self.name), f"PostgreSQL answers to {statements}")
        return self.site.logs(self.name)[len(before) : -1]

    def in_another(self, statement):
        return self.site.podman("exec", self.name, "psql", "-h", "/tmp", "-qAt", "postgres", "-c", statement).strip()


@both_hosts
def test_processes_keep_their_pipes_and_their_shared_memory(site, operator):
    source = (images.WORKLOADS / "family.py").read_text()
    container = warm(site, "python", "python3", "-c", source)
    wait_for(lambda: len(site.logs("python")) > 5, "the family counts")
    before = there_and_back(site, operator, container) and site.logs("python")
    wait_for(lambda: len(site.logs("python")) > len(before) + 5, "the family counts on")
    digests = set()
    for number, line in enumerate(site.logs("python")):
        counted, first, second, digest = line.split(":")
        total = number * (number + 1) // 2
        assert (int(counted), int(first), int(second)) == (number, total, total)
        digests.add(digest)
    assert len(digests) == 1
