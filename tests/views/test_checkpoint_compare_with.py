"""What a checkpoint can be compared with."""

import pytest

from tests.builders import a_checkpoint, a_container

from .conftest import words


@pytest.fixture
def pair(db):
    container = a_container(name="cache")
    return tuple(a_checkpoint(name=name, container=container) for name in ("cold", "warm"))


def test_those_of_the_same_container_are_offered_first(viewer, pair):
    a_checkpoint(name="of another")
    text = words(viewer.get(f"/catalog/{pair[0].pk}/compare/"))
    assert text.index("warm") < text.index("of another") and "the same container" in text
