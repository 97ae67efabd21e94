"""The table of known failures: each entry explains its own example, and only the log's decisive line counts."""

from pathlib import Path

import pytest
import yaml

from containers_app.runtime import explain

TABLE = yaml.safe_load((Path(explain.__file__).parent / "explain.yaml").read_text())


@pytest.mark.parametrize("entry", TABLE["errors"], ids=lambda entry: entry["id"])
def test_every_entry_explains_its_own_example(entry):
    assert explain.explain(entry["example"]).id == entry["id"]


def test_a_message_that_says_nothing_lets_the_log_speak():
    log = "(00.1) Error (criu/sk-inet.c:191): inet: Connected TCP socket, consider using --tcp-established option."
    found = explain.explain("Error: runc: criu failed: type NOTIFY errno 0", log)
    assert found.option == "--tcp-established"


def test_noise_in_the_log_is_passed_over():
    log = "(00.01) Error (criu/util.c:99): rlimit: Can't setup RLIMIT_NOFILE for self"
    assert explain.error_lines(log) == []


def test_the_log_is_asked_before_a_line_that_only_says_that_it_failed():
    summary = "Error: `/usr/sbin/runc checkpoint --image-path /x --work-path /x 950` failed: exit status 1"
    log = "(00.1) Error (criu/sk-inet.c:200): inet: Connected TCP socket, consider using --tcp-established option."
    assert explain.explain(summary, log).id == "tcp-established-dump"
    assert explain.explain(summary).id == "generic-dump-failed"


def test_what_nobody_knows_is_not_explained():
    assert explain.explain("the moon is in the wrong phase") is None
