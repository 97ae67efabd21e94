"""Two checkpoints that were ticked in a list lead to their comparison."""

import pytest

from tests.builders import a_checkpoint, a_container


@pytest.fixture
def pair(db):
    container = a_container(name="cache")
    return tuple(a_checkpoint(name=name, container=container) for name in ("cold", "warm"))


def test_two_that_were_ticked_are_compared_the_earlier_one_first(viewer, pair):
    first, second = pair
    address = f"/catalog/compare/?checkpoint={second.pk}&checkpoint={first.pk}"
    earlier, later = sorted(pair, key=lambda checkpoint: (checkpoint.taken_at, checkpoint.pk))
    assert viewer.get(address).url == f"/catalog/{earlier.pk}/compare/{later.pk}/"
    assert viewer.get(f"/catalog/compare/?checkpoint={first.pk}").status_code == 422
    assert viewer.get("/catalog/compare/?checkpoint=x&checkpoint=²").status_code == 422


def test_the_catalog_has_a_tick_for_each_and_one_button(viewer, pair):
    text = viewer.get("/catalog/").content.decode()
    assert text.count('form="checkpoint_choose" name="checkpoint"') == 2 and 'action="/catalog/compare/"' in text
