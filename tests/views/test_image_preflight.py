"""What is in the way of a restore from a checkpoint image: a part of its form, and a page of its own."""

from containers_app.runtime.preflight import Finding
from containers_app.services import preflights
from containers_app.services.checkpoint_images import NAME
from tests.builders import an_image

from .conftest import fragment, words

OLDER = Finding("criu-older", "CRIU is older here", "block", "It was taken with 5.0.", "Install a newer CRIU.")


def an_image_of_looper():
    return an_image(names=["localhost/warm:1"], checkpoint={NAME: "looper"})


def url(image):
    return f"/images/{image.pk}/preflight/"


def test_it_is_asked_with_the_form_as_it_stands(operator, monkeypatch):
    asked = []
    monkeypatch.setattr(preflights, "ask_restore_image", lambda image, options: asked.append(options) or [])
    image = an_image_of_looper()
    fragment(operator, url(image), "preflight", name="looper", publish="8080:80", file_locks="on")
    fragment(operator, url(image), "preflight", name="other")
    assert (asked[0].name, asked[0].publish, asked[0].file_locks) == ("", ["8080:80"], True)
    assert (asked[1].name, asked[1].publish) == ("other", [])


def test_what_is_in_the_way_is_shown_and_may_be_forced(operator, monkeypatch):
    monkeypatch.setattr(preflights, "ask_restore_image", lambda image, options: [OLDER.as_json()])
    response = operator.get(url(an_image_of_looper()))
    assert "CRIU is older here" in words(response) and b'name="forced"' in response.content


def test_the_form_asks_for_it(operator):
    image = an_image_of_looper()
    assert f'hx-get="{url(image)}"' in operator.get(f"/images/{image.pk}/restore/").content.decode()


def test_a_viewer_may_not(viewer):
    assert viewer.get(url(an_image_of_looper())).status_code == 403
