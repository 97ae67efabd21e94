"""The catalog: which checkpoints there are."""

from datetime import UTC, datetime

import pytest

from containers_app.services import catalog
from tests.builders import a_checkpoint, a_container, a_host, a_team

from .conftest import assert_same_queries, fragment, words

URL = "/catalog/"


def names(client, **query):
    return [row.name for row in client.get(URL, query).context["table"].rows]


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert stranger.get(URL).status_code == 302


def test_a_viewer_sees_it_without_a_restore_that_works(viewer):
    checkpoint = a_checkpoint(name="warm")
    text = viewer.get(URL).content.decode()
    assert "warm" in text and f"/catalog/{checkpoint.pk}/restore/" not in text


def test_an_operator_can_restore_from_it(operator):
    checkpoint = a_checkpoint(name="warm", tags=["redis"])
    text = operator.get(URL).content.decode()
    assert f'hx-get="/catalog/{checkpoint.pk}/restore/"' in text and "redis" in text


def test_an_empty_catalog_says_how_it_fills(operator):
    assert "The catalog is empty" in words(operator.get(URL))


def test_it_counts_what_lies_in_it(operator):
    for _ in range(2):
        a_checkpoint(unpacked_bytes=3 * 2**20, archive_bytes=2**19)
    assert "2 checkpoints, 6.0 MiB of memory and files, 1.0 MiB stored" in words(operator.get(URL))


def test_it_is_searched_by_all_that_is_said_of_it_and_seen_in_it(operator):
    a_checkpoint(name="warm one")
    a_checkpoint(name="b", note="before the DEPLOY")
    a_checkpoint(name="c", container=a_container(name="orders"))
    a_checkpoint(name="d", image_name="docker.io/library/redis:7")
    a_checkpoint(name="e", tags=["release-4", "release-5"])
    a_checkpoint(name="f", taken_by_name="zoe")
    catalog.write_words(a_checkpoint(name="g"), {"processes": [{"comm": "java", "command": "java -Xmx4g kafka.Kafka"}]})
    assert names(operator, q="warm") == ["warm one"]
    assert names(operator, q="deploy") == ["b"]
    assert names(operator, q="orders") == ["c"]
    assert names(operator, q="redis") == ["d"]
    assert names(operator, q="release") == ["e"]
    assert names(operator, q="zoe") == ["f"]
    assert names(operator, q="kafka xmx4g") == ["g"]
    assert names(operator, q="no such thing") == []
    assert names(operator, q="nul\0byte") == []


def test_it_is_limited_to_one_container_or_host(operator):
    one, other = a_checkpoint(name="one"), a_checkpoint(name="other", container=a_container(host=a_host("second")))
    assert names(operator, container=one.container.pk) == ["one"]
    assert names(operator, host=other.host.pk) == ["other"]
    assert names(operator, of=one.container_name) == ["one"]
    assert names(operator, container="x") == ["other", "one"]


def test_it_is_sorted_as_asked(operator):
    a_checkpoint(name="b", archive_bytes=10, statistics={"frozen_time": 900_000})
    a_checkpoint(name="a", archive_bytes=30, statistics={"frozen_time": 5})
    a_checkpoint(name="c", archive_bytes=20, statistics={"frozen_time": 20_000})
    assert names(operator, sort="name") == ["a", "b", "c"]
    assert names(operator, sort="largest") == ["a", "c", "b"]
    assert names(operator, sort="frozen") == ["b", "c", "a"]
    assert names(operator, sort="oldest") == names(operator, sort="nonsense")[::-1]


def test_hostile_names_are_text(operator):
    a_checkpoint(name="<script>n</script>", note="<img src=x>", container=a_container(name="<b>"))
    text = operator.get(URL).content.decode()
    assert "<script>n" not in text and "<img src" not in text


def test_an_htmx_request_gets_the_table_alone(operator):
    a_checkpoint(name="warm")
    response = fragment(operator, URL, "checkpoint_table", q="warm")
    assert b"warm" in response.content and b"<html" not in response.content


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"image": "redis:7"}, ["one"]),
        ({"who": "zoe"}, ["one"]),
        ({"tag": "warm"}, ["one"]),
        ({"engine": "cri-o"}, ["one"]),
        ({"since": "2026-03-02"}, ["two"]),
        ({"until": "2026-03-01"}, ["one"]),
        ({"larger": "2"}, ["one"]),
        ({"smaller": "2.5"}, ["two"]),
        ({"pinned": "yes"}, ["one"]),
        ({"pinned": "no"}, ["two"]),
        ({"verified": "yes"}, ["one"]),
        ({"verified": "no"}, ["two"]),
        ({"flawed": "yes"}, ["one"]),
        ({"flawed": "no"}, ["two"]),
        ({"favourite": "yes"}, ["one"]),
        ({"favourite": "no"}, ["two"]),
        ({"imported": "yes"}, ["one"]),
        ({"imported": "no"}, ["two"]),
        ({"q": "redis", "who": "zoe", "pinned": "yes", "smaller": "1"}, []),
        ({"since": "yesterday", "engine": "lxc", "larger": "much"}, ["two", "one"]),
    ],
)
def test_it_is_filtered_by_each_and_by_all_together(operator, query, found):
    one = a_checkpoint(
        name="one", image_name="redis:7", taken_by_name="zoe", tags=["warm"], engine="cri-o", pinned=True,
        taken_at=datetime(2026, 3, 1, 23, tzinfo=UTC), archive_bytes=3 * 2**20, verified_at=datetime.now(UTC),
        provenance="within", flaw="damaged",
    )  # fmt: skip
    one.favourite_of.add(operator.user)
    a_checkpoint(name="two", taken_at=datetime(2026, 3, 2, tzinfo=UTC), archive_bytes=2**20)
    assert names(operator, **query) == found


def test_a_press_on_a_columns_head_sorts_by_it_and_again_turns_it_round(operator):
    a_checkpoint(tags=["warm"])
    text = operator.get(URL, {"tag": "warm", "sort": "largest", "of": ""}).content.decode()
    assert 'aria-sort="descending"><a href="?tag=warm&amp;sort=smallest" title="Smallest first">Stored' in text
    assert '<a href="?tag=warm&amp;sort=name" title="By name">Checkpoint' in text
    assert text.count("aria-sort") == 1


def test_what_was_discarded_is_not_in_it(operator):
    a_checkpoint(name="gone", discarded_at=datetime.now(UTC))
    assert names(operator) == names(operator, q="gone") == []


def test_what_cannot_be_used_filters_nothing_and_says_so(operator):
    a_checkpoint(name="warm")
    text = words(operator.get(URL, {"larger": "much", "since": "2026-03-02", "until": "2026-03-01"}))
    assert "warm" in text and "Enter a number" in text and "It ends before it begins" in text


def test_a_filter_is_shown_with_the_way_to_the_list_without_it(operator):
    a_checkpoint(name="warm", tags=["nightly"])
    text = operator.get(URL, {"tag": "nightly", "q": "warm", "sort": "name", "who": ""}).content.decode()
    assert 'href="?q=warm&amp;sort=name"' in text and 'href="?tag=nightly&amp;sort=name"' in text


def test_pages_go_by_place_there_and_back_in_any_order(operator, monkeypatch):
    monkeypatch.setattr("containers_app.catalog.PAGE", 3)
    for number in range(8):
        a_checkpoint(name=f"row {number}", archive_bytes=1 + number // 3)
    for sort in ("newest", "oldest", "name", "largest", "smallest", "frozen"):
        first = operator.get(URL, {"sort": sort}).context["table"]
        second = operator.get(URL, {"sort": sort, "before": first.older}).context["table"]
        third = operator.get(URL, {"sort": sort, "before": second.older}).context["table"]
        assert len({row.pk for page in (first, second, third) for row in page.rows}) == 8, sort
        assert third.older is None and first.newer is None
        assert operator.get(URL, {"sort": sort, "after": third.newer}).context["table"].rows == second.rows
        assert operator.get(URL, {"sort": sort, "after": second.newer}).context["table"].rows == first.rows


def test_a_place_that_is_not_there_is_the_first_page(operator):
    a_checkpoint(name="warm")
    assert names(operator, before=999) == ["warm"]


def test_htmx_gets_a_clean_address_for_the_browser(operator):
    headers = {"HX-Request": "true", "HX-Target": "checkpoint_table", "HX-Trigger": "checkpoint_filters"}
    response = operator.get(URL, {"q": "warm", "who": "", "sort": "newest", "before": "3"}, headers=headers)
    assert response["HX-Push-Url"] == "/catalog/?q=warm"
    assert "HX-Push-Url" not in fragment(operator, URL, "checkpoint_table")


def test_it_can_be_shown_as_cards(operator):
    a_checkpoint(name="warm", note="of **today**", tags=["nightly"])
    text = operator.get(URL, {"view": "cards"}).content.decode()
    assert "checkpoint-cards" in text and "<table" not in text and "warm" in text


def test_what_can_be_chosen_is_offered(operator):
    a_checkpoint(container=a_container(name="orders"), image_name="redis:7", taken_by_name="zoe", tags=["warm"])
    choices = operator.get(URL).context["choices"]
    assert choices == {"of": ["orders"], "image": ["redis:7"], "who": ["zoe"], "tag": ["warm"]}


def test_nothing_tells_of_what_another_team_has(viewer):
    team = a_team()
    theirs = a_checkpoint(
        name="theirs", team=team, container=a_container(name="hidden", team=team), image_name="secret:1",
        taken_by_name="zoe", tags=["merger"],
    )  # fmt: skip
    response = viewer.get(URL, {"q": "hidden"})
    assert response.context["table"].rows == [] and response.context["totals"]["count"] == 0
    assert not {"hidden", "secret:1", "zoe", "merger"} & {
        name for names in response.context["choices"].values() for name in names
    }
    theirs.shared_with.add(viewer.user.teams.get())
    assert names(viewer, q="hidden") == ["theirs"]


def test_it_takes_as_many_queries_for_one_row_as_for_fifty(operator):
    a_checkpoint(tags=["one"])

    def more():
        for number in range(50):
            a_checkpoint(tags=[f"tag-{number}"])

    assert_same_queries(operator, URL, more)
    assert "51" in words(operator.get(URL))
