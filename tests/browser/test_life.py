"""A container's life by point and click: the rail's buttons, a command, many at once, and how much it uses."""

import re

import pytest
from playwright.sync_api import expect

from containers_app.models import Container
from containers_app.services import lifecycle
from tests.browser.conftest import press, sign_in
from tests.live.conftest import numbers
from tests.live.site import wait_for

pytestmark = [pytest.mark.live, pytest.mark.browser]


def test_the_rail_leads_from_created_to_running(page, site, operator):
    operator.sample_image()
    limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--runtime=runc"]
    site.podman("create", "--name", "new", *limits, lifecycle.SAMPLE_IMAGE, "/bin/sh", "-c", "sleep 600")
    new = wait_for(Container.objects.filter(name="new", removed_at=None).first, "the watcher sees it")
    page.goto(f"/containers/{new.pk}/")
    rail, now = page.locator(".rail"), page.locator(".rail [aria-current=step]")
    rail.get_by_role("button", name="Mount").click()
    expect(now).to_contain_text("Mounted", timeout=30_000)
    expect(page.locator("#container_mounted")).to_contain_text("/merged")
    rail.get_by_role("button", name="Initialize").click()
    expect(now).to_contain_text("Initialized", timeout=30_000)
    rail.get_by_role("button", name="Start").click()
    expect(now).to_contain_text("Running", timeout=30_000)
    expect(rail.get_by_role("link", name="Checkpoint")).to_have_count(1)


def test_a_command_is_run_and_its_output_is_there(page, operator):
    looper = operator.create("looper")
    page.goto(f"/containers/{looper.pk}/")
    page.locator("#menu_more summary").click()
    page.locator("#menu_more").get_by_role("link", name="Exec").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Command").fill("echo 'open")
    dialog.get_by_role("button", name="Run").click()
    expect(dialog.locator(".error")).to_contain_text("cannot be read")
    dialog.get_by_label("Command").fill("/bin/sh -c 'echo from inside; exit 4'")
    dialog.get_by_role("button", name="Run").click()
    expect(page.locator(".outcome")).to_contain_text("ended with exit code 4", timeout=30_000)
    expect(page.get_by_label("Output")).to_contain_text("from inside")


def test_what_is_ticked_stays_ticked_and_is_killed_together(page, site, operator):
    for name in ("one", "two", "three"):
        operator.create(name)
    page.goto("/")
    expect(page.locator("#bulk")).to_be_hidden()
    page.get_by_label("Tick one").check()
    page.get_by_label("Tick three").check()
    site.podman("pause", "two")
    expect(page.locator("#container_table tr", has_text="two")).to_contain_text("paused")
    expect(page.locator("#bulk")).to_contain_text("2 ticked")
    assert page.get_by_label("Tick one").is_checked() and not page.get_by_label("Tick two").is_checked()
    page.locator("#bulk").get_by_role("button", name="Kill").click()
    page.get_by_role("dialog").get_by_role("button", name="Kill 2 containers").dblclick()
    expect(page.locator(".tally")).to_have_text("2 succeeded", timeout=30_000)
    wait_for(lambda: [site.state(name) for name in ("one", "two", "three")] == ["exited", "paused", "exited"], "done")


def test_all_are_removed_only_after_their_number_was_typed(page, site, operator):
    operator.create("one")
    operator.create("two")
    page.goto("/")
    page.locator("#menu_head summary").click()
    page.get_by_role("link", name="Remove all").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("what runs is killed first")
    dialog.get_by_role("button", name="Remove all 2").click()
    expect(dialog.locator(".error")).to_contain_text("type that number")
    dialog.get_by_label("Type 2 to confirm").fill("2")
    dialog.get_by_role("button", name="Remove all 2").click()
    expect(page.locator(".tally")).to_have_text("2 succeeded", timeout=30_000)
    assert site.state("one") == site.state("two") == "gone"


def test_usage_moves_while_one_looks(page, operator):
    looper = operator.create("looper", "while :; do :; done")
    page.goto(f"/containers/{looper.pk}/")
    cpu = page.locator(".meters dd").first
    expect(cpu).to_contain_text(re.compile(r"\d %"), timeout=30_000)
    before = cpu.inner_text()
    expect(cpu).not_to_have_text(before, timeout=30_000)
    expect(page.locator(".processes tbody tr")).to_have_count(1)


def test_without_javascript_many_are_paused_and_a_log_is_searched(new_page, site, operator):
    looper = operator.create("looper")
    numbers(site, "looper", at_least=3)
    page = new_page(java_script_enabled=False)
    sign_in(page, "admin", re.search(r"password (\S+)\)", site.ready_line)[1])
    page.get_by_label("Tick looper").check()
    page.locator("#bulk").get_by_role("button", name="Pause", exact=True).click()
    press(page, "Pause 1 container", page)
    wait_for(lambda: site.state("looper") == "paused", "it is paused")
    page.goto(f"/containers/{looper.pk}/log/")
    wait_for(lambda: page.reload() and page.locator(".log p[data-id]").count() > 2, "its log is at hand")
    page.get_by_label("Tail").fill("1")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".log p[data-id]")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert len(download.value.path().read_text().splitlines()) == 1


def test_a_press_is_not_lost_when_the_page_comes_anew_under_it(page, operator):
    looper = operator.create("looper")
    page.goto(f"/containers/{looper.pk}/")
    page.locator("#menu_more summary").hover()
    page.mouse.down()
    with page.expect_response(f"**/containers/{looper.pk}/"):
        page.evaluate(f"htmx.trigger('#container_now', 'sse:container-{looper.pk}')")
    page.mouse.up()
    expect(page.locator("#menu_more")).to_have_attribute("open", "")
    expect(page.locator("#container_now h1")).to_have_count(1)
    with page.expect_response(f"**/containers/{looper.pk}/"):
        page.evaluate(f"htmx.trigger('#container_now', 'sse:container-{looper.pk}')")
    page.locator("#menu_more").get_by_role("link", name="Exec").click()
    expect(page.get_by_role("dialog")).to_be_visible()
