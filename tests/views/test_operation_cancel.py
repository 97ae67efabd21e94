"""The button that takes a request back before it has begun."""

from tests.builders import an_operation

from .conftest import words


def press(client, operation):
    return client.post(f"/operations/{operation.pk}/cancel/")


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert press(stranger, an_operation()).status_code == 302


def test_a_viewer_may_not(viewer):
    operation = an_operation()
    assert press(viewer, operation).status_code == 403
    operation.refresh_from_db()
    assert operation.state == "queued"


def test_an_operator_cancels_a_queued_one(operator):
    operation = an_operation()
    assert press(operator, operation).url == f"/operations/{operation.pk}/"
    operation.refresh_from_db()
    assert operation.state == "cancelled" and "olga" in operation.summary


def test_one_that_has_begun_is_refused_in_words(operator):
    response = press(operator, an_operation(state="started"))
    assert response.status_code == 409 and "only a queued operation can be cancelled" in words(response)


def test_it_is_a_press_and_never_a_link(operator):
    assert operator.get(f"/operations/{an_operation().pk}/cancel/").status_code == 405
