"""Markup, bidi marks, control characters, a terminal's sequences and endless text, wherever others' text is shown.

Rows are put into the site's database past every form, under a host of their own that no watcher looks at.
"""

import pytest

from containers_app.harmless import HIDDEN
from containers_app.models import Checkpoint, Container, Host, Image, Operation
from containers_app.services import doorbell
from tests.builders import a_checkpoint, a_container, a_host, an_event, an_image, an_operation

pytestmark = [pytest.mark.live, pytest.mark.browser]

MARKUP = '<img src=x onerror="window.owned=1"><script>window.owned=1</script><svg onload=window.owned=1>\'"--></title>'
STEERING = "exe.\u202egnp\u2066 \x1b[31m\x1b]0;owned\x07 \x9b31m \u200bzero\u2028line\x00".replace("\x00", "")
LONG = "endless" * 9400  # 64 KiB
HOSTILE = f"{MARKUP}{STEERING}"
LONG_NAME = LONG[:255]  # what the inventory keeps of a name


@pytest.fixture
def addresses(site):
    """An address of each page, every text on it hostile."""
    host = a_host("hostile", facts={"podman_version": HOSTILE, "distribution": LONG, "kernel": MARKUP})
    container = a_container(
        host=host, name=HOSTILE, image_name=HOSTILE, ports=[HOSTILE], command=["sh", "-c", HOSTILE, LONG],
        config={"hostname": HOSTILE, "user": LONG, "working_dir": STEERING, "labels": {HOSTILE: LONG}},
    )  # fmt: skip
    long = a_container(host=host, name=LONG_NAME, image_name=LONG[:512], command=[LONG], state="exited")
    checkpoint = a_checkpoint(
        container=container, name=HOSTILE, note=f"{HOSTILE}\n{LONG[:2000]}", taken_by_name=HOSTILE,
        command=["podman", HOSTILE],
        members=[{"name": HOSTILE, "size": 1, "sha256": ""}], completed_paths=[f"/{HOSTILE}"],
        facts={"kernel": LONG},
    )  # fmt: skip
    failed = an_operation(
        container=container, state="failed", summary=HOSTILE, cause=MARKUP, remedy=STEERING,
        output=f"{HOSTILE}\n{LONG}",
        criu_log=f"Error (criu/x.c:1): {HOSTILE}", commands=[["podman", HOSTILE]], phases=[],
    )  # fmt: skip
    an_image(host=host, names=[HOSTILE, LONG[:512]])
    event = an_event(
        actor_name=HOSTILE[:150], action="x.done", sentence=f"did {HOSTILE} {LONG}", host_name=MARKUP[:63],
        commands=[["podman", HOSTILE, LONG]], details={HOSTILE: [HOSTILE]}, before={"name": HOSTILE},
        after={"name": LONG},
    )  # fmt: skip
    doorbell.publish_lines(
        container.pk, [("2026-11-23T17:00:00.000000001Z", text) for text in (MARKUP, STEERING, LONG)]
    )
    yield [
        "/", f"/?host={host.pk}", "/containers/new/", f"/containers/{container.pk}/", f"/containers/{long.pk}/",
        f"/containers/{container.pk}/log/", f"/containers/{container.pk}/checkpoint/",
        f"/containers/{long.pk}/remove/", "/catalog/", f"/catalog/{checkpoint.pk}/",
        f"/catalog/{checkpoint.pk}/restore/", "/operations/", f"/operations/{failed.pk}/",
        f"/audit/?before={event.pk + 1}", "/images/", "/hosts/", f"/hosts/{host.pk}/",
        "/search/?q=endless", "/search/?q=img",
    ]  # fmt: skip
    for rows in (Checkpoint, Operation, Container, Image):
        rows.objects.filter(host=host).delete()
    Host.objects.filter(pk=host.pk).delete()


def test_hostile_text_is_text_on_every_page(page, addresses):
    page.set_viewport_size({"width": 360, "height": 740})
    page.on("dialog", lambda dialog: pytest.fail("a page asked something"))
    wrong = {}
    for address in addresses:
        page.goto(address)
        for details in page.locator("details:not(.menu)").all():
            details.evaluate("element => element.open = true")
        found = [
            "something of it ran" if page.evaluate("window.owned") else "",
            "a hidden character" if HIDDEN.search(page.evaluate("document.documentElement.outerHTML")) else "",
            "wider than the screen" if page.evaluate("document.documentElement.scrollWidth") > 360 else "",
            "endlessly long" if page.evaluate("document.documentElement.scrollHeight") > 60_000 else "",
            "an element of theirs" if page.locator("img[src=x]").count() else "",
        ]
        if any(found):
            wrong[address] = [what for what in found if what]
    assert wrong == {}


def test_the_live_log_shows_hostile_lines_as_text(page, addresses):
    container = Container.objects.get(name=HOSTILE)
    page.goto(f"/containers/{container.pk}/")
    doorbell.publish_lines(container.pk, [("2026-11-23T17:00:01.000000001Z", f"live {MARKUP}{STEERING}")])
    line = page.locator("#log_lines p", has_text="live <img")
    line.wait_for()
    assert not HIDDEN.search(line.inner_text()) and not page.evaluate("window.owned")
