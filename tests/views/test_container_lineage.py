"""The lineage of a container: the same family as its checkpoints', seen from the container."""

from containers_app.services import inventory
from tests.builders import a_checkpoint, a_container

from .conftest import fragment, words


def url(container):
    return f"/containers/{container.pk}/lineage/"


def test_a_stranger_is_asked_to_sign_in(stranger, db):
    assert stranger.get(url(a_container())).status_code == 302


def test_a_container_by_itself_has_none(viewer):
    assert "No checkpoint of it yet" in words(viewer.get(url(a_container(name="alone"))))


def test_it_is_linked_from_the_containers_page_and_says_where_one_is(viewer):
    cache, clone = a_container(name="cache"), a_container(name="clone")
    inventory.observe_restored(clone, a_checkpoint(name="warm", container=cache))
    assert f'href="{url(clone)}#here"' in viewer.get(f"/containers/{clone.pk}/").content.decode()
    assert "container clone, running on local, you are here" in words(viewer.get(url(clone)))


def test_the_part_of_a_page_shows_what_is_near(viewer):
    container = a_container(name="first")
    for number in range(6):
        child = a_container(name=f"generation-{number}")
        inventory.observe_restored(child, a_checkpoint(container=container))
        container = child
    response = fragment(viewer, url(container) + "?near=yes", "lineage")
    assert "11 before" in words(response) and "you are here" in words(response) and "draw all" in words(response)
