"""The lineage of a checkpoint: a restored container knows its checkpoint, a checkpoint its container."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from containers_app.services import inventory
from tests.builders import a_checkpoint, a_container, a_person, a_team, ago, an_operation

from .conftest import fragment, words


@pytest.fixture
def family(db):
    """cache → warm → clone → hot → clone of the clone; and a second clone that was removed."""
    cache = a_container(name="cache")
    warm = a_checkpoint(name="warm", container=cache)
    clone, second = a_container(name="clone"), a_container(name="second", removed_at=ago(minutes=1))
    hot = a_checkpoint(name="hot", container=clone)
    last = a_container(name="grandchild")
    for container, checkpoint in ((clone, warm), (second, warm), (last, hot)):
        inventory.observe_restored(container, checkpoint)
    return {"cache": cache, "warm": warm, "clone": clone, "hot": hot, "last": last}


def listed(response):
    """The nested list as [(depth, words)]."""
    text = re.search(r'<div class="lineage-list.*?</div>', response.content.decode(), re.DOTALL)[0]
    depth, found = 0, []
    for tag, said in re.findall(r"<(/?ul|a)[^>]*>([^<]*)", text):
        depth += {"ul": 1, "/ul": -1}.get(tag, 0)
        if tag == "a":
            found.append((depth, said))
    return found


def url(checkpoint):
    return f"/catalog/{checkpoint.pk}/lineage/"


def test_a_stranger_is_asked_to_sign_in(stranger, family):
    assert stranger.get(url(family["warm"])).status_code == 302


def test_the_whole_family_is_there_from_wherever_it_is_seen(viewer, family):
    seen = [
        [(depth, said.split(",")[0]) for depth, said in listed(viewer.get(address))]
        for address in (url(family["warm"]), url(family["hot"]), f"/containers/{family['last'].pk}/lineage/")
    ]
    assert seen[0] == [
        (1, "container cache"), (2, "checkpoint warm"), (3, "container clone"), (4, "checkpoint hot"),
        (5, "container grandchild"), (3, "container second"),
    ]  # fmt: skip
    assert seen[0] == seen[1] == seen[2]


def test_it_is_drawn_with_links_titles_and_where_one_is(viewer, family):
    text = viewer.get(url(family["hot"])).content.decode()
    svg = re.search(r"<svg class=\"lineage\".*?</svg>", text, re.DOTALL)[0]
    assert svg.count("<title>") == 6 and svg.count("<path") == 5 and svg.count("you are here</text>") == 1
    here = re.search(r'<a href="([^"]*)"[^>]*><title>([^<]*)</title><rect id="here"', svg)
    assert here[1] == f"/catalog/{family['hot'].pk}/" and here[2].startswith("checkpoint hot") and "here" in here[2]


def test_what_was_discarded_stays_in_it(viewer, family):
    type(family["warm"]).objects.filter(pk=family["warm"].pk).update(discarded_at=ago(minutes=1))
    assert (2, "checkpoint warm, discarded") in listed(viewer.get(url(family["hot"])))


def test_going_on_in_place_is_told_and_makes_no_branch(viewer, family):
    warm, cache = family["warm"], family["cache"]
    for _ in range(2):
        an_operation(kind="restore", container=cache, checkpoint=warm, state="succeeded")
    inventory.observe_restored(cache, warm)
    said = dict(enumerate(listed(viewer.get(url(warm)))))
    assert len(said) == 6 and said[1][1].endswith("went on from it 2 times, you are here")


def test_a_clone_that_goes_on_from_its_own_checkpoint_keeps_its_place(viewer, family):
    inventory.observe_restored(family["clone"], family["hot"])
    assert listed(viewer.get(url(family["warm"])))[2] == (3, "container clone, running on local")


def test_it_is_folded_when_it_is_large_and_drawn_whole_when_asked(viewer, family):
    for number in range(100):
        inventory.observe_restored(a_container(name=f"copy-{number}"), family["warm"])
    folded, whole = viewer.get(url(family["warm"])), viewer.get(url(family["warm"]) + "?all=yes")
    assert len(listed(folded)) <= 80 and "not drawn" in words(folded) and len(listed(whole)) == 106


def test_more_checkpoints_than_are_read_are_one_link_to_the_catalog(viewer, family, monkeypatch):
    monkeypatch.setattr("containers_app.families.NEWEST", 3)
    for _ in range(5):
        a_checkpoint(container=family["cache"])
    text = viewer.get(url(family["warm"])).content.decode()
    assert "2 older ones" in text and f"/catalog/?container={family['cache'].pk}" in text


def test_what_another_team_owns_is_not_in_it(viewer, family):
    theirs = a_container(name="theirs", team=a_team())
    inventory.observe_restored(theirs, family["hot"])
    below = a_container(name="ours-again")
    inventory.observe_restored(below, a_checkpoint(name="secret", container=theirs, team=theirs.team))
    assert len(listed(viewer.get(url(family["warm"])))) == 6
    alone = words(viewer.get(f"/containers/{below.pk}/lineage/"))
    assert "secret" not in alone and "No checkpoint of it yet" in alone


def test_what_is_shared_is_where_it_begins_for_those_who_may_not_see_more(family, client):
    red, blue = a_team(), a_team()
    for row in (family["cache"], family["warm"], family["clone"], family["hot"]):
        type(row).objects.filter(pk=row.pk).update(team=red)
    for row in (family["last"],):
        type(row).objects.filter(pk=row.pk).update(team=blue)
    family["hot"].shared_with.add(blue)
    client.force_login(a_person("viewer", team=blue))
    for address in (url(family["hot"]), f"/containers/{family['last'].pk}/lineage/"):
        seen = [(depth, said.split(",")[0]) for depth, said in listed(client.get(address))]
        assert seen == [(1, "checkpoint hot"), (2, "container grandchild")]


def test_hostile_names_are_text(viewer):
    checkpoint = a_checkpoint(name="</title><script>n", container=a_container(name="<b>"))
    assert "<script>n" not in viewer.get(url(checkpoint)).content.decode()


def test_htmx_gets_the_drawing_alone(viewer, family):
    response = fragment(viewer, url(family["warm"]), "lineage")
    assert b"<svg" in response.content and b"<html" not in response.content


def test_it_takes_as_many_queries_for_sixty_generations_as_for_two(viewer, family):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert viewer.get(url(family["warm"])).status_code == 200
        return len(captured)

    queries()
    few, parent = queries(), family["last"]
    for number in range(60):
        child = a_container(name=f"generation-{number}")
        inventory.observe_restored(child, a_checkpoint(container=parent))
        parent = child
    assert queries() == few <= 15
