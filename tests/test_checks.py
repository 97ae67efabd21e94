"""System checks: what would not work says so at start."""

import pytest

from containers_app import checks


@pytest.mark.parametrize("address", ["ftp://host/x", "heads.jsonl", "s3://bucket?days=soon", "syslog://host:port"])
def test_an_address_that_is_no_place_for_heads_stops_the_start(settings, address):
    settings.AUDIT_HEADS_TO = ["https://hooks.example/audit", address]
    (error,) = checks.heads_have_places_to_go(None)
    assert error.id == "freezeframe.E003" and "docs/audit.md" in error.hint


def test_places_that_are_some_are_taken(settings):
    settings.AUDIT_HEADS_TO = ["/var/log/heads", "syslog:///dev/log", "s3://bucket/x?days=30", "https://hooks.example"]
    assert checks.heads_have_places_to_go(None) == []


def test_a_store_below_the_static_files_and_a_podman_that_is_not_there_stop_the_start(settings):
    settings.STORE_DIR = settings.STATIC_ROOT / "archives"
    assert [error.id for error in checks.store_is_not_served(None)] == ["freezeframe.E001"]
    settings.PODMAN = ["/nowhere/podman"]
    assert [error.id for error in checks.podman_is_named(None)] == ["freezeframe.E002"]
