"""One container's whole story on one page."""

import pytest

from tests.builders import a_checkpoint, a_container, a_host, ago, an_event, an_operation

from .conftest import assert_same_queries, fragment, words


def page(client, container):
    return client.get(f"/containers/{container.pk}/")


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert page(stranger, a_container()).status_code == 302


def test_what_is_not_there_is_not_found(operator):
    assert operator.get("/containers/12345/").status_code == 404
    assert operator.get(f"/containers/{10**30}/").status_code == 404


def test_it_shows_the_container_to_a_viewer_without_actions(viewer):
    container = a_container(name="looper")
    text = page(viewer, container).content.decode()
    assert "looper" in text and container.short_id in text
    assert f"/containers/{container.pk}/kill/" not in text


def test_it_listens_to_the_containers_log_and_signals(operator):
    container = a_container()
    text = page(operator, container).content.decode()
    assert f'sse-connect="/events/?log={container.pk}"' in text
    assert f'hx-trigger="sse:container-{container.pk}, sse:checkpoints"' in text


@pytest.mark.parametrize(
    ("values", "offered", "withheld"),
    [
        (
            dict(state="running"),
            ["checkpoint", "kill", "exec", "rename", "remove"],
            ["start", "init", "mount", "unmount"],
        ),
        (dict(state="created"), ["start", "remove", "init", "mount"], ["checkpoint", "kill", "exec", "unmount"]),
        (dict(state="created", mount_point="/merged"), ["init", "unmount"], ["mount", "exec"]),
        (dict(state="initialized", mount_point="/merged"), ["start"], ["init", "mount", "unmount", "kill"]),
        (dict(state="exited"), ["start", "remove", "init", "mount"], ["checkpoint", "kill", "exec"]),
        (dict(state="paused"), ["kill", "rename", "remove"], ["checkpoint", "start", "exec"]),
        (dict(state="removed", removed_at=ago(days=1)), [], ["checkpoint", "kill", "start", "remove"]),
    ],
)
def test_only_possible_actions_are_offered(operator, values, offered, withheld):
    container = a_container(**values)
    text = page(operator, container).content.decode()
    for verb in offered:
        assert f"/containers/{container.pk}/{verb}/" in text
    for verb in withheld:
        assert f"/containers/{container.pk}/{verb}/" not in text


def test_what_stands_still_or_is_gone_can_be_restored_from_the_catalog(operator):
    for values in (dict(state="exited", checkpointed_at=ago(minutes=1)), dict(state="removed", removed_at=ago(days=1))):
        checkpoint = a_checkpoint(container=a_container(**values))
        assert f"/catalog/{checkpoint.pk}/restore/" in page(operator, checkpoint.container).content.decode()


def test_while_an_operation_is_unfinished_there_is_only_watching_it(operator):
    operation = an_operation(state="started", phases=[{"name": "dumping memory", "at": ago(seconds=2).isoformat()}])
    text = page(operator, operation.container).content.decode()
    assert f"/operations/{operation.pk}/" in text and "dumping memory" in text and "checkpointing" in text
    assert f"/containers/{operation.container.pk}/kill/" not in text


def test_a_failed_operation_is_told_with_the_way_to_its_remedy(operator):
    operation = an_operation(state="failed", summary="Established TCP connections.")
    text = words(page(operator, operation.container))
    assert "Established TCP connections." in text and "Why, and what to do" in text


def test_it_shows_checkpoints_with_a_chart_of_frozen_times(operator):
    container = a_container()
    for number in range(3):
        a_checkpoint(container=container, name=f"warm {number}", statistics={"frozen_time": 40_000 + number})
    text = page(operator, container).content.decode()
    assert "3 in the catalog" in text and "warm 2" in text
    assert text.count('class="bar') == 3 and "style=" not in text


def test_hostile_words_are_text(operator):
    container = a_container(name="a</title><script>x", command=["<b>"], config={"hostname": "<i>"})
    an_event(container=container, container_name=container.name, sentence="did <img src=x> to it")
    text = page(operator, container).content.decode()
    assert "<script>x" not in text and "<img src" not in text and "<i>" not in text and "<b>" not in text.split("dl")[1]


def test_the_fragment_brings_all_that_changes_with_the_container(operator):
    container = a_container(host=a_host())
    response = fragment(operator, f"/containers/{container.pk}/", "container_now")
    text = response.content.decode()
    assert "<html" not in text
    assert 'id="container_mounted" hx-swap-oob="innerHTML"' in text
    for part in ("log_state", "container_checkpoints", "container_operations", "container_history"):
        assert f'id="{part}" hx-swap-oob="innerHTML"' in text


def test_it_takes_as_many_queries_for_one_of_each_as_for_fifty(operator):
    container = a_container()
    a_checkpoint(container=container)
    an_event(container=container)

    def more():
        for _ in range(50):
            a_checkpoint(container=container)
            an_event(container=container)

    assert_same_queries(operator, f"/containers/{container.pk}/", more)
