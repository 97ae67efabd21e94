"""How rows are shown: the rail, the chart, the sentence of an event."""

import pytest

from containers_app import shown
from tests.builders import a_checkpoint, a_container, ago, an_event

pytestmark = pytest.mark.django_db

STATIONS = ["Pulled", "Created", "Mounted", "Initialized", "Running", "Checkpointed", "Restored", "Exited", "Removed"]


def rail(container, checkpoint=None):
    actions = shown.possible_actions(container, None, checkpoint)
    return [(step.label, step.status) for step in shown.lifecycle_rail(container, actions, 1 if checkpoint else 0)]


def test_the_rail_of_a_container_that_was_only_created():
    steps = rail(a_container(state="created", started_at=None, finished_at=None))
    assert steps[:5] == [
        ("Pulled", "done"), ("Created", "now"), ("Mount", "next"), ("Initialize", "next"), ("Start", "next"),
    ]  # fmt: skip


def test_the_rail_of_one_that_was_mounted_and_of_one_that_was_initialized():
    never = dict(started_at=None, finished_at=None, mount_point="/merged")
    steps = rail(a_container(state="created", **never))
    assert steps[1:4] == [("Created", "done"), ("Mounted", "now"), ("Initialize", "next")]
    steps = rail(a_container(state="initialized", **never))
    assert steps[2:5] == [("Mounted", "done"), ("Initialized", "now"), ("Start", "next")]


def test_the_rail_of_one_that_runs_offers_a_checkpoint_next():
    assert rail(a_container()) == [
        ("Pulled", "done"), ("Created", "done"), ("Mounted", "done"), ("Initialized", "done"), ("Running", "now"),
        ("Checkpoint", "next"), ("Restored", "later"), ("Stop", "next"), ("Remove", "next"),
    ]  # fmt: skip


def test_the_rail_of_one_that_stands_still_offers_a_restore_next():
    container = a_container(state="exited", checkpointed_at=ago(minutes=1))
    steps = rail(container, a_checkpoint(container=container))
    assert steps[4:7] == [("Running", "done"), ("Checkpointed", "now"), ("Restore", "next")]


def test_the_rail_of_one_that_was_restored():
    container = a_container(restored_at=ago(minutes=1))
    steps = rail(container, a_checkpoint(container=container))
    assert [label for label, _ in steps] == [*STATIONS[:7], "Stop", "Remove"]
    assert [status for _, status in steps] == ["done"] * 6 + ["now", "next", "next"]


def test_the_rail_of_one_that_is_gone_leaves_out_what_never_happened():
    container = a_container(state="removed", removed_at=ago(days=1), finished_at=ago(days=1))
    assert [status for _, status in rail(container)] == ["done"] * 5 + ["skipped", "skipped", "done", "now"]


def test_the_chart_scales_the_latest_frozen_times_oldest_first():
    container = a_container()
    times = [10_000, 40_000, 20_000]
    rows = [a_checkpoint(container=container, statistics={"frozen_time": time}) for time in times][::-1]
    chart = shown.frozen_chart(rows)
    assert [bar["checkpoint"].statistics["frozen_time"] for bar in chart["bars"]] == times
    assert [bar["height"] for bar in chart["bars"]] == [16, 62, 31]
    assert (chart["low"], chart["high"], chart["latest"]) == (10_000, 40_000, 20_000)
    assert shown.frozen_chart([]) is None and shown.frozen_chart([a_checkpoint(statistics={})]) is None


def test_a_sentence_links_the_checkpoint_before_the_container():
    checkpoint = a_checkpoint(name="looper 1", container=a_container(name="looper"))
    names = dict(container=checkpoint.container, container_name="looper")
    event = an_event(sentence="restored looper 1 in place", checkpoint=checkpoint, checkpoint_name="looper 1", **names)
    assert shown.linked_sentence(event) == ("restored ", "looper 1", " in place", f"/catalog/{checkpoint.pk}/")
    event = an_event(sentence="killed looper", **names)
    assert shown.linked_sentence(event) == ("killed ", "looper", "", f"/containers/{checkpoint.container.pk}/")
    assert shown.linked_sentence(an_event(sentence="signed in")) == ("signed in", "", "", "")
