"""The words that a checkpoint is found by: written once, changed with it, found by their beginnings."""

import pytest
from django.db.models.expressions import RawSQL

from containers_app import words
from containers_app.models import SearchText, Tag
from containers_app.services import catalog
from tests.builders import a_checkpoint, a_container, a_host

pytestmark = pytest.mark.django_db


def found(q):
    keys = RawSQL(*words.keys(q, SearchText))
    return set(SearchText.objects.filter(pk__in=keys).values_list("checkpoint__name", flat=True))


@pytest.fixture
def warm():
    checkpoint = a_checkpoint(
        name="warm, 3 M keys", note="before the *deploy*", tags=["release-4"],
        container=a_container(name="orders-db", host=a_host("rack-7")),
        image_name="docker.io/library/redis:7", taken_by_name="mina",
    )  # fmt: skip
    processes = [{"comm": "redis-server", "command": "redis-server *:6379"}, {"comm": "bio_aof", "command": None}]
    catalog.write_words(checkpoint, {"processes": processes})
    return checkpoint


@pytest.mark.parametrize(
    "q", ["warm", "DEPLOY", "release 4", "orders", "redis:7", "mina", "rack 7", "6379", "bio_aof", "serv keys"]
)
def test_it_is_found_by_all_that_is_said_of_it_and_seen_in_it(warm, q):
    a_checkpoint(name="other", taken_by_name="zoe")
    assert found(q) == {"warm, 3 M keys"}


@pytest.mark.parametrize("q", ["", "—", "'", '" NEAR "', "eploy", "warm nothing", "nul\0"])
def test_what_is_no_word_of_it_finds_nothing(warm, q):
    assert found(q) == set()


def test_a_change_is_found_and_what_it_was_is_not(warm):
    warm.name = "cold"
    warm.tags.set([Tag.objects.create(name="later")])
    catalog.write_words(warm)
    assert found("cold later redis") == {"warm, 3 M keys"}, "the row itself is saved by whoever changed it"
    assert found("keys") == found("release") == set()


def test_a_word_counts_once_and_a_row_of_words_has_an_end(warm):
    many = [{"comm": "sh", "command": f"worker {number}"} for number in range(50_000)]
    catalog.write_words(warm, {"processes": many})
    text = SearchText.objects.get(pk=warm.pk)
    assert text.seen.startswith("sh worker 0 1 2 ") and len(text.seen) <= catalog.MOST_SEEN
