"""The home page: what is running, what is checkpointed, and the first thing to do."""

from datetime import timedelta

from django.utils import timezone

from containers_app.models import Host
from tests.builders import a_checkpoint, a_container, a_host, ago, an_operation

from .conftest import assert_same_queries, fragment, words


def fifty(**values):
    for number in range(50):
        a_checkpoint(container=a_container(name=f"c{number}", ports=["80:80/tcp"], **values))


def test_a_stranger_is_asked_to_sign_in(stranger):
    response = stranger.get("/")
    assert response.status_code == 302 and response.url == "/sign-in/?next=/"


def test_a_viewer_sees_the_containers_but_no_button_that_works(viewer):
    a_container(name="looper")
    text = viewer.get("/").content.decode()
    assert "looper" in text and 'aria-disabled="true"' in text and "Your role in this team may not checkpoint" in text
    assert "/checkpoint/" not in text and "/sample/" not in text


def test_an_operator_is_offered_one_action_by_state(operator):
    running, created = a_container(name="runs"), a_container(name="new", state="created")
    text = operator.get("/").content.decode()
    assert f'href="/containers/{running.pk}/checkpoint/"' in text
    assert f'action="/containers/{created.pk}/start/"' in text


def test_the_first_visit_offers_the_sample(operator):
    a_host()
    text = words(operator.get("/"))
    assert "Nothing runs here yet" in text and "Run the sample" in text


def test_without_a_host_it_says_how_one_comes(operator):
    assert "No host yet" in words(operator.get("/"))


def test_chips_count_and_filter(operator):
    a_container(name="runs")
    a_container(name="still", state="exited", checkpointed_at=ago(minutes=1))
    a_container(name="ended", state="exited")
    a_container(name="gone", removed_at=ago(days=1))
    text = words(operator.get("/"))
    for chip in ("All 3", "Running 1", "Checkpointed 1", "Exited 1", "Removed 1"):
        assert chip in text
    shown = {
        state: [row.name for row in operator.get("/", {"state": state}).context["table"]]
        for state in ("", "running", "checkpointed", "exited", "removed", "nonsense")
    }
    assert shown["running"] == ["runs"] and shown["checkpointed"] == ["still"]
    assert shown["exited"] == ["ended"] and shown["removed"] == ["gone"]
    assert shown[""] == shown["nonsense"] == ["ended", "runs", "still"]


def test_text_and_host_filter_from_the_address(operator):
    a_container(name="looper")
    a_container(name="cache", image_name="docker.io/library/redis:7", host=a_host("second"))
    names = lambda **query: [row.name for row in operator.get("/", query).context["table"]]  # noqa: E731
    assert names(q="REDIS") == ["cache"] and names(q="loop") == ["looper"]
    assert names(host=Host.objects.get(name="second").pk) == ["cache"]
    assert names(host="9" * 40) == names(host="x") == ["cache", "looper"]
    assert "No container here" in words(operator.get("/", {"q": "nothing has this"}))


def test_what_is_under_way_shows_before_podman_knows_of_it(operator):
    an_operation(kind="create", container=None, target_name="coming", host=a_host())
    container = a_container(name="busy")
    an_operation(container=container, state="started")
    text = words(operator.get("/"))
    assert "coming" in text and "queued" in text and "checkpointing" in text and "Watch" in text


def test_the_banner_says_that_an_agent_is_away(operator):
    a_host(worker_seen_at=timezone.now() - timedelta(minutes=2))
    assert "The agent of local is away" in words(operator.get("/"))


def test_hostile_names_are_text(operator):
    a_container(name="<script>alert(1)</script>", image_name='"><img src=x>:1', ports=["<b>"])
    text = operator.get("/").content.decode()
    assert "<script>alert" not in text and "<img" not in text and "&lt;script&gt;alert(1)" in text


def test_an_htmx_request_gets_the_table_alone(operator):
    a_container(name="looper")
    response = fragment(operator, "/", "container_table")
    assert b"looper" in response.content and b"<html" not in response.content
    assert response["Vary"].count("HX-Request") == 1


def test_a_boosted_request_and_the_way_back_get_the_whole_page(operator):
    for header in ("HX-Boosted", "HX-History-Restore-Request"):
        headers = {"HX-Request": "true", "HX-Target": "container_table", header: "true"}
        assert b"<html" in operator.get("/", headers=headers).content


def test_it_takes_as_many_queries_for_one_row_as_for_fifty(operator, viewer):
    fifty_more = fifty
    a_checkpoint()
    assert_same_queries(operator, "/", fifty_more)
    assert_same_queries(viewer, "/", lambda: a_container())
    headers = {"HX-Request": "true", "HX-Target": "container_table"}
    assert_same_queries(operator, "/", lambda: a_container(), **headers)


def test_more_than_a_page_is_paged(operator):
    fifty()
    a_container(name="last")
    assert "51" in words(operator.get("/")) and "Older" in words(operator.get("/"))
    assert len(operator.get("/", {"page": "2"}).context["table"]) == 1
    assert len(operator.get("/", {"page": "nonsense"}).context["table"]) == 50
