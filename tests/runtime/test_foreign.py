"""The corpus of hostile archives: each is refused, or waits for an approval, in words; a good one passes clean."""

import gzip
import json
import re
import tarfile
import tempfile

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from containers_app.runtime import foreign, rebuild, review
from tests import hostile, stranger

POLICY = {"always_ask": False, "registries": ["quay.io"]}
HERE = rebuild.Here(podman_version="5.8.2", volumes="/var/lib/containers/storage/volumes", network="podman")
BOUNDS = foreign.Bounds(packed=1024**3, unpacked=1024**3)


def examine(path, policy=POLICY, here=HERE, bounds=BOUNDS):
    """(Report, {name: bytes} of the clean copy)."""
    with open(path, "rb") as file, tempfile.TemporaryFile() as draft, tempfile.TemporaryFile() as scratch:
        report = foreign.examine(file, draft, scratch, bounds=bounds, policy=policy, here=here)
        if not report.sha256:
            return report, {}
        draft.seek(0)
        with zstandard.ZstdDecompressor().stream_reader(draft) as plain, tarfile.open(fileobj=plain, mode="r|") as tar:
            return report, {info.name: tar.extractfile(info).read() for info in tar}


def words(report, level):
    said = [row["words"] for row in report.findings if row["level"] == level]
    return " ".join([*said, report.refused] if level == review.BLOCK else said)


@pytest.mark.parametrize("name", hostile.CORPUS)
def test_no_hostile_archive_passes(name, tmp_path):
    attack = hostile.CORPUS[name]
    report, clean = examine(attack.make(tmp_path))
    if attack.blocked:
        assert re.search(attack.blocked, words(report, review.BLOCK)), report
        assert not clean
    else:
        assert re.search(attack.asks, words(report, review.APPROVAL)), report
        assert not words(report, review.BLOCK).strip(), report
    assert json.dumps(report.as_json())


def test_the_corpus_is_large():
    assert len(hostile.CORPUS) >= 60
    assert sum(bool(attack.blocked) for attack in hostile.CORPUS.values()) >= 60


@pytest.fixture
def good(tmp_path):
    return stranger.archive()(tmp_path)


def test_a_good_one_passes_and_says_what_it_is(good):
    report, clean = examine(good)
    assert not report.refused and [row["level"] for row in report.findings] == []
    assert report.facts["name"] == "looper" and report.engine == "podman"
    assert {row["key"]: row["words"] for row in report.privileges}["runs"] == "/bin/sh -c count"
    assert clean["checkpoint/pages-1.img"] == b"memory" * 1000
    assert {row["name"] for row in report.members} == clean.keys()


def test_its_configuration_is_made_anew(good):
    config, spec = (json.loads(examine(good)[1][name]) for name in ("config.dump", "spec.dump"))
    text = json.dumps([config, spec])
    for word in (stranger.ID, "conmonPidFile", "staticDir", "ShmDir", "netns-3375", "quay.io"):
        assert word not in text
    assert config["rootfsImageName"] == config["rootfsImageID"] == stranger.IMAGE_ID
    assert config["newNetworks"] == {"podman": {"interface_name": "eth0"}}
    assert spec["process"]["args"] == ["/bin/sh", "-c", "count"]
    assert spec["mounts"][3]["source"] == "/var/lib/containers/storage/volumes/vol/_data"


def test_nothing_that_a_table_does_not_name_comes_through(tmp_path):
    def poison(mapping):
        mapping["stranger"] = {"x": "STRANGER"}
        for value in list(mapping.values()):
            if isinstance(value, dict) and value is not mapping["stranger"]:
                poison(value)

    path = stranger.archive(config=poison, spec=poison)(tmp_path)
    report, clean = examine(path)
    assert clean, report
    assert b"STRANGER" not in clean["config.dump"] + clean["spec.dump"]


def test_a_clean_copy_passes_as_well_and_stays_the_same(good, tmp_path):
    _, clean = examine(good)
    report, again = examine(stranger.written(tmp_path, stranger.tar(*clean.items()), "b.tar"))
    assert not report.refused and not words(report, review.BLOCK).strip(), report
    for name in clean.keys() - {"config.dump", "spec.dump"}:
        assert again[name] == clean[name]


def test_the_policy_asks_or_lets_pass(good, tmp_path):
    assert "everything that does" in words(examine(good, {"always_ask": True})[0], review.APPROVAL)
    path = stranger.in_spec("mounts", "+", to=stranger.bind("/s", "/srv/data/x"))(tmp_path)
    assert not words(examine(path, {**POLICY, "bind_sources": ["/srv/data"]})[0], review.APPROVAL)
    assert words(examine(path, {**POLICY, "bind_sources": ["/srv/dat"]})[0], review.APPROVAL)
    path = stranger.in_spec("mounts", "+", to=stranger.bind("/s", "/etc"))(tmp_path)
    assert words(examine(path, {**POLICY, "bind_sources": ["/"]})[0], review.BLOCK)


def test_a_secret_that_was_given_as_a_variable_is_told_by_its_name(tmp_path):
    """As Podman 4.3.1 and 5.8 write it: {variable: secret}."""
    path = stranger.in_config("secret_env", to={"TOKEN": {"name": "db-token", "id": "0a89"}})(tmp_path)
    report = examine(path)[0]
    assert "db-token" in words(report, review.NOTE)
    assert {row["key"]: row["words"] for row in report.privileges}["secrets"] == "db-token"


def test_deleted_files_wait_for_a_podman_that_stays_inside(tmp_path):
    path = stranger.deleting(["/usr/share/doc"])(tmp_path)
    old = rebuild.Here(podman_version="4.3.1")
    assert "5.8.2 or newer" in words(examine(path, here=old)[0], review.BLOCK)
    assert json.loads(examine(path)[1]["deleted.files"]) == ["/usr/share/doc"]


@pytest.mark.parametrize("pack", ["gz", "zst"])
def test_packed_archives_are_read_as_well(good, tmp_path, pack):
    packed = {"gz": gzip.compress, "zst": zstandard.ZstdCompressor().compress}[pack]
    report, clean = examine(stranger.written(tmp_path, packed(good.read_bytes()), f"a.tar.{pack}"))
    assert report.form == f"tar.{pack}" and clean and not report.findings


def test_an_archive_of_another_engine_is_looked_at_and_not_rebuilt(tmp_path):
    config = {"id": "1", "name": "web", "rootfsImageRef": "sha256:" + "5" * 64, "rootfsImageName": "nginx"}
    content = stranger.members() | {"config.dump": json.dumps(config).encode(), "bind.mounts": b"[]"}
    report, clean = examine(stranger.written(tmp_path, stranger.tar(*content.items())))
    assert report.engine == "cri-o" and "not be restored here" in words(report, review.NOTE)
    assert json.loads(clean["config.dump"]) == config and report.facts["rootfsImageID"] == "5" * 64


def test_a_layer_of_containerd_is_packed(tmp_path):
    packed = gzip.compress(stranger.tar(("tmp/f", b"hi")))
    content = stranger.members(**{"status.dump": b"{}", "rootfs-diff.tar": packed})
    report, clean = examine(stranger.written(tmp_path, stranger.tar(*content.items())))
    assert report.engine == "containerd" and clean["rootfs-diff.tar"][:5] == b"tmp/f"


def test_limits_end_the_reading(good):
    report, _ = examine(good, bounds=foreign.Bounds(packed=1024, unpacked=4096))
    assert "unpacked" in report.refused


GOOD = stranger.tar(*stranger.members().items())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(GOOD)), st.binary(min_size=1, max_size=600))
def test_whatever_the_bytes_are_the_answer_is_a_report(place, noise):
    report, _ = _examined(GOOD[:place] + noise + GOOD[place + len(noise) :])
    assert json.dumps(report.as_json())


def _examined(content):
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        return examine(file.name)


def places(mapping, way=()):
    """The way to every value of nested dictionaries and lists."""
    items = mapping.items() if isinstance(mapping, dict) else enumerate(mapping)
    for key, item in items:
        yield (*way, key)
        if isinstance(item, dict | list):
            yield from places(item, (*way, key))


NONSENSE = [
    None,
    True,
    -1,
    1e308,
    1 << 70,
    "",
    "../..",
    "\0",
    "x" * 5000,
    [],
    {},
    [[]],
    [None],
    {"": None},
    {"type": 1},
]


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["config.dump", "spec.dump"]), st.data(), st.sampled_from(NONSENSE),
)  # fmt: skip
def test_whatever_a_value_is_the_answer_is_a_report_and_podman_gets_no_nonsense(name, data, nonsense):
    content = stranger.members()
    mapping = json.loads(content[name])
    way = data.draw(st.sampled_from(list(places(mapping))))
    stranger.setting(*way, to=nonsense)(mapping)
    report, clean = _examined(stranger.tar(*(content | {name: json.dumps(mapping).encode()}).items()))
    assert json.dumps(report.as_json())
    if clean:
        config = json.loads(clean["config.dump"])
        assert re.fullmatch(r"[0-9a-f]{64}", config["id"]) and re.fullmatch(r"[a-zA-Z0-9][\w.-]*", config["name"])
        spec = json.loads(clean["spec.dump"])
        paths = [row[name] for row in spec["mounts"] for name in ("source", "destination")] + [spec["process"]["cwd"]]
        assert not any(".." in path.split("/") for path in paths)
        assert b"\\u0000" not in clean["config.dump"] + clean["spec.dump"]
