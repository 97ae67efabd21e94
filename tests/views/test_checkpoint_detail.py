"""One checkpoint: what it is, how it was taken, what was made from it."""

from tests.builders import a_checkpoint, a_container, ago, an_id, an_operation

from .conftest import assert_same_queries, fragment, words


def page(client, checkpoint):
    return client.get(f"/catalog/{checkpoint.pk}/")


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert page(stranger, a_checkpoint()).status_code == 302


def test_what_is_not_there_is_not_found(operator):
    assert operator.get("/catalog/12345/").status_code == 404


def test_a_viewer_sees_facts_command_members_and_digest(viewer):
    digest = an_id()
    checkpoint = a_checkpoint(
        name="warm",
        tags=["redis"],
        note="before the deploy",
        archive_sha256=digest,
        completed_paths=["/etc/motd"],
        members=[
            {"name": "pages-1.img", "size": 143_360, "sha256": an_id()},
            {"name": "dir/", "size": 0, "sha256": ""},
        ],
    )
    text = words(page(viewer, checkpoint))
    for expected in ("72 ms", "140 KiB", "35 pages", "402 KiB", "29 KiB", "frozen_time", "the processes stood still"):
        assert expected in text
    for expected in (digest, "/etc/motd", "pages-1.img", "redis", "before the deploy", "podman container checkpoint"):
        assert expected in text
    assert "runc 1.1.5" in text and "6.18.5" in text


def test_it_says_whether_its_own_name_is_free(operator):
    running = a_checkpoint(container=a_container(name="looper"))
    assert "Not under its own name looper is running" in words(page(operator, running))
    gone = a_checkpoint(container=a_container(name="old", removed_at=ago(days=1)))
    assert "Under its own name old was removed: it comes back" in words(page(operator, gone))


def test_it_lists_the_restores_made_from_it(operator):
    checkpoint = a_checkpoint()
    an_operation(
        kind="restore", container=None, host=checkpoint.host, checkpoint=checkpoint, target_name="clone", state="failed"
    )
    text = words(page(operator, checkpoint))
    assert "as clone" in text and "failed" in text


def test_few_facts_are_enough(operator):
    checkpoint = a_checkpoint(statistics={}, facts={}, members=[], options={}, command=[], taken_by_name="")
    assert "CRIU told none." in words(page(operator, checkpoint))


def test_hostile_words_are_text(operator):
    checkpoint = a_checkpoint(name="<script>n</script>", note="<img src=x>\n<b>", completed_paths=["/<i>"])
    text = page(operator, checkpoint).content.decode()
    assert "<script>n" not in text and "<img src" not in text and "/<i>" not in text


def test_the_fragment_tells_of_new_restores(operator):
    response = fragment(operator, f"/catalog/{a_checkpoint().pk}/", "checkpoint_restores")
    assert b"Restores made from it" in response.content and b"<html" not in response.content


def test_it_takes_as_many_queries_for_one_of_each_as_for_fifty(operator):
    checkpoint = a_checkpoint(tags=["one"])
    restore = dict(kind="restore", state="succeeded", checkpoint=checkpoint)
    an_operation(**restore)

    def more():
        for _ in range(50):
            an_operation(**restore)

    assert_same_queries(operator, f"/catalog/{checkpoint.pk}/", more)
