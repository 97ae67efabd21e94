"""The whole life of a container by point and click, from an image in a registry to nothing; and the story of it."""

import pytest
from playwright.sync_api import expect

from containers_app.models import Container
from containers_app.services import inventory, lifecycle
from tests.live.registry import serving
from tests.live.site import wait_for

from .conftest import choose_host, press
from .test_audit_story import story
from .test_looper import logged

pytestmark = [pytest.mark.live, pytest.mark.browser]
SLOW = 30_000  # milliseconds


@pytest.fixture
def image(site, tmp_path, operator):
    """The name of an image that is in a registry and not on the host."""
    with serving(site, tmp_path) as address:
        operator.sample_image()
        name = f"{address}/team/looper:1"
        site.podman("tag", lifecycle.SAMPLE_IMAGE, name)
        site.podman("push", "--quiet", name)
        site.podman("rmi", lifecycle.SAMPLE_IMAGE, name)
        wait_for(lambda: not inventory.image_named(operator.host, name), "the watcher sees that it is gone")
        yield name


def test_a_container_lives_from_its_pull_to_its_removal(page, site, operator, image):
    pull(page, site, image)
    looper = create(page, image)
    rail, now = page.locator(".rail"), page.locator(".rail .now")
    for step, then in (("Mount", "Mounted"), ("Initialize", "Initialized"), ("Start", "Running")):
        rail.get_by_role("button", name=step).click()
        expect(now).to_contain_text(then, timeout=SLOW)
    last = number(page, at_least=3)

    page.locator(".head").get_by_role("link", name="Checkpoint").click()
    press(page, "Checkpoint")
    expect(page.locator(".head .badge-state")).to_have_text("checkpointed", timeout=SLOW)
    assert site.state("orders") == "exited"
    last = max(last, number(page))
    page.locator(".head").get_by_role("link", name="Restore").click()
    press(page, "Restore")
    expect(now).to_contain_text("Restored", timeout=SLOW)
    assert number(page, at_least=last + 2) > last, "it counts on, not anew"
    assert site.logs("orders").count("0") == 1

    end(page, "Kill", "Kill")
    expect(page.locator(".head .badge-state")).to_contain_text("exited", timeout=SLOW)
    end(page, "Remove", "Remove orders")
    wait_for(lambda: Container.objects.get(pk=looper.pk).removed_at, "it is removed")
    remove_image(page, image)
    assert image not in site.podman("images", "--format", "{{.Names}}")
    assert_told(site, story(page, looper), image)


def pull(page, site, image):
    page.goto("/images/")
    page.get_by_role("link", name="Pull").click()
    dialog = page.get_by_role("dialog")
    choose_host(dialog, site)
    dialog.get_by_label("Image").press_sequentially("ff-looper:1")
    expect(dialog.locator("#meant")).to_contain_text(f"pulled as {image}", timeout=SLOW)
    press(page, "Pull")
    expect(page.locator(".outcome")).to_contain_text(f"{image} is here", timeout=SLOW)
    expect(page.locator(".layers li").first).to_be_visible()


def create(page, image):
    page.goto("/images/")
    page.locator("tr", has_text="looper 1").get_by_role("link", name="Create").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Image")).to_have_value(image)
    dialog.get_by_label("Name", exact=True).fill("orders")
    dialog.get_by_label("Command").fill("/bin/sh -c 'i=0; while true; do echo $i; i=$(expr $i + 1); sleep 0.2; done'")
    dialog.get_by_label("Start it at once").uncheck()
    press(page, "Create")
    page.get_by_role("link", name="Open orders").click()
    expect(page.locator(".rail .now")).to_contain_text("Created", timeout=SLOW)
    return Container.objects.get(name="orders", removed_at=None)


def number(page, at_least=1):
    """The last number that the page's live log shows, once it is that high."""
    return wait_for(
        lambda: (found := logged(page)) and found[-1] >= at_least and found[-1], f"the log shows {at_least}"
    )


def end(page, verb, button):
    entry = page.locator(".head").get_by_role("link", name=verb)
    if not entry.is_visible():
        page.locator("#menu_more summary").click()
    entry.click()
    press(page, button)


def remove_image(page, image):
    page.goto("/images/")
    row = page.locator("tr", has_text="looper 1")
    row.get_by_role("link", name="Remove").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("in the catalog can be restored only where this very image is")
    press(page, "Remove the image")
    expect(page.locator(".outcome")).to_contain_text("was removed", timeout=SLOW)


def assert_told(site, told, image):
    """The audit page has each step with its exact command, in this order."""
    podman = " ".join(site.podman_command)
    for what, command in (
        ("created orders", f"{podman} --runtime runc create --pull=never --name orders"),
        ("mounted orders", f"{podman} mount"),
        ("initialized orders", f"{podman} init"),
        ("started orders", f"{podman} start"),
        ("checkpointed orders", f"{podman} container checkpoint --keep --print-stats --compress none --export"),
        ("restored orders 1", f"{podman} container restore --print-stats"),
        ("killed orders", f"{podman} kill"),
        ("removed orders", f"{podman} rm"),
    ):
        found = next((event for event in told if f" {what}" in event and command in event), None)
        assert found, f"{what} with {command} is not in\n" + "\n".join(told)
        told = told[told.index(found) + 1 :]
