"""The tray of every page: what goes on now, the counts of the navigation, and whether a host is away."""

from tests.builders import a_container, a_host, ago, an_operation

from .conftest import assert_same_queries, fragment, words

URL = "/operations/tray/"


def tray(client):
    return fragment(client, URL, "operation_tray")


def test_a_stranger_is_sent_to_sign_in_as_a_whole_page(stranger):
    headers = {"HX-Request": "true", "HX-Target": "operation_tray", "HX-Current-URL": "http://testserver/catalog/?q=a"}
    response = stranger.get(URL, headers=headers)
    assert response.status_code == 200 and response["HX-Redirect"] == "/sign-in/?next=%2Fcatalog%2F%3Fq%3Da"


def test_it_shows_what_goes_on_for_everybody(viewer):
    an_operation(container=a_container(name="cache"))
    begun = an_operation(
        state="started",
        container=a_container(name="looper"),
        phases=[{"name": "archiving", "at": ago(seconds=3).isoformat()}],
        progress_bytes=2**20,
        expected_bytes=2**21,
    )
    text = tray(viewer).content.decode()
    assert f'href="/operations/{begun.pk}/"' in text and "1.0 MiB of 2.0 MiB" in text and ">+1<" in text


def test_it_brings_counts_and_banner_along(viewer):
    a_container(host=a_host(worker_seen_at=ago(minutes=5)))
    text = tray(viewer).content.decode()
    assert '<span id="count_container" hx-swap-oob="innerHTML">1</span>' in text
    assert 'id="host_banner" hx-swap-oob="innerHTML"' in text and "The agent of" in text


def test_an_outcome_is_shown_to_who_asked_for_it_and_only_for_a_while(operator, viewer):
    values = dict(state="succeeded", requested_by=operator.user, summary="Checkpointed looper: 35 pages.")
    an_operation(finished_at=ago(seconds=5), **values)
    assert "Checkpointed looper: 35 pages." in words(tray(operator))
    assert "Checkpointed looper" not in words(tray(viewer))
    from containers_app.models import Operation

    Operation.objects.update(finished_at=ago(minutes=2))
    assert "Checkpointed looper" not in words(tray(operator))


def test_it_is_a_page_too(viewer):
    assert "What goes on now" in words(viewer.get(URL))


def test_it_takes_as_many_queries_for_one_as_for_fifty(viewer):
    an_operation()
    headers = {"HX-Request": "true", "HX-Target": "operation_tray"}

    def more():
        for _ in range(50):
            an_operation()

    assert_same_queries(viewer, URL, more, **headers)
