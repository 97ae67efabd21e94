"""The main job by point and click, in a real browser against real Podman and CRIU."""

import re

import pytest
from playwright.sync_api import expect

from containers_app.models import Checkpoint, Container, Operation
from tests.live.site import _free_port, wait_for
from tests.live.test_options import run

from .conftest import press

pytestmark = [pytest.mark.live, pytest.mark.browser]


def logged(page):
    """The numbers in the live log, in the order in which they stand there."""
    return [int(text) for text in page.locator("#log_lines p[data-id] > span").all_inner_texts()]


def log_reaches(page, count):
    return wait_for(lambda: len(numbers := logged(page)) >= count and numbers, f"{count} numbers in the live log")


def state(page, word):
    expect(page.locator("h1 .badge-state")).to_have_text(word, timeout=30_000)


def run_the_sample(page):
    """From the empty home page to the container's page; returns its name."""
    page.goto("/")
    page.get_by_role("button", name="Run the sample").first.click()
    page.get_by_role("link", name=re.compile("^Open looper")).click()
    state(page, "running")
    return page.locator("h1").inner_text().split()[0]


def press_checkpoint(page, mode="Stop"):
    page.locator(".head").get_by_role("link", name="Checkpoint").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(mode).check()
    expect(dialog.locator("#command_preview")).to_contain_text("podman container checkpoint")
    if mode == "Keep running":
        expect(dialog.locator("#command_preview")).to_contain_text("--leave-running")
    press(page, "Checkpoint")


def press_restore(page, name=""):
    dialog = page.get_by_role("dialog")
    if name:
        dialog.get_by_label("As a new container").check()
        dialog.get_by_label("Name of the new container").fill(name)
    press(page, "Restore")


def test_the_counting_stands_still_and_goes_on_with_the_next_number(page, site, operator):
    name = run_the_sample(page)
    log_reaches(page, 3)
    press_checkpoint(page)
    state(page, "checkpointed")
    before = site.logs(name)
    wait_for(lambda: logged(page) == [int(number) for number in before], "the page shows all that was counted")
    expect(page.locator("#log_lines .cut")).to_contain_text("checkpointed")

    page.locator("nav").get_by_role("link", name="Catalog").click()
    page.get_by_role("link", name=f"{name} 1", exact=True).first.click()
    expect(page.locator("main")).to_contain_text("pages_written")
    page.get_by_role("link", name=name, exact=True).first.click()

    page.locator(".head").get_by_role("link", name="Restore").click()
    press_restore(page)
    state(page, "running")
    after = log_reaches(page, len(before) + 3)
    assert after == list(range(len(after)))
    assert after[len(before)] == int(before[-1]) + 1
    expect(page.locator("#log_lines .cut")).to_have_count(2)


def test_left_running_it_counts_on(page, operator):
    run_the_sample(page)
    log_reaches(page, 2)
    press_checkpoint(page, mode="Keep running")
    expect(page.locator("#container_checkpoints")).to_contain_text("1 in the catalog")
    state(page, "running")
    numbers = log_reaches(page, len(logged(page)) + 2)
    assert numbers == list(range(len(numbers)))


def test_a_copy_under_another_name_and_the_original_after_it_was_removed(page, site, operator):
    name = run_the_sample(page)
    log_reaches(page, 2)
    press_checkpoint(page)
    state(page, "checkpointed")
    last = int(site.logs(name)[-1])
    page.locator(".head").get_by_role("link", name="Restore").click()
    press_restore(page, name="looper-copy")
    page.get_by_role("link", name=re.compile("^Open looper-copy")).click()
    assert last + 1 in log_reaches(page, last + 3)

    page.goto(f"/containers/{Container.objects.get(name=name, removed_at=None).pk}/")
    page.locator(".rail").get_by_role("link", name="Remove").click()
    press(page, "Remove")
    state(page, "removed")
    page.locator(".head").get_by_role("link", name="Restore").click()
    press_restore(page)
    state(page, "running")
    assert last + 1 in log_reaches(page, last + 3)


def test_a_double_click_checkpoints_once(page, operator):
    run_the_sample(page)
    log_reaches(page, 1)
    page.locator(".head").get_by_role("link", name="Checkpoint").click()
    page.get_by_role("dialog").get_by_role("button", name="Checkpoint").dblclick()
    state(page, "checkpointed")
    container = Container.objects.get(name="looper", removed_at=None)
    assert Operation.objects.filter(container=container, kind="checkpoint").count() == 1
    assert Checkpoint.objects.filter(container=container).count() == 1


def test_it_all_works_without_javascript(new_page, site, operator):
    from tests.browser.conftest import sign_in

    page = new_page(java_script_enabled=False)
    sign_in(page, "admin", re.search(r"password (\S+)\)", site.ready_line)[1])
    with page.expect_navigation():
        page.get_by_role("button", name="Run the sample").first.click()
    looper = wait_for(Container.objects.filter(removed_at=None, state="running").first, "the sample runs")
    page.goto(f"/containers/{looper.pk}/")
    page.locator(".head").get_by_role("link", name="Checkpoint").click()
    press(page, "Checkpoint", page)
    checkpoint = wait_for(Checkpoint.objects.filter(container=looper).first, "the checkpoint is in the catalog")
    page.goto(f"/catalog/{checkpoint.pk}/restore/")
    press(page, "Restore", page)
    wait_for(lambda: site.state("looper") == "running", "it runs again")
    page.goto(f"/containers/{looper.pk}/log/")
    assert "0" in page.locator("main").inner_text()


def test_a_container_that_does_not_run_offers_no_checkpoint(page, site, operator):
    operator.sample_image()
    site.podman("create", "--name", "created", "localhost/freezeframe-sample:1", "/bin/sh")
    created = wait_for(Container.objects.filter(name="created", removed_at=None).first, "the watcher sees it")
    page.goto(f"/containers/{created.pk}/")
    state(page, "created")
    expect(page.get_by_role("link", name="Checkpoint")).to_have_count(0)
    page.goto(f"/containers/{created.pk}/checkpoint/")
    expect(page.locator("main")).to_contain_text("nothing to checkpoint")


def test_a_failure_leads_with_cause_and_remedy(page, site, operator):
    taken = f"--publish=127.0.0.1:{_free_port()}:80"
    looper = run(site, operator, "looper", taken)
    checkpoint = operator.checkpoint(looper)
    operator.remove(looper)
    run(site, operator, "squatter", taken)
    page.goto(f"/catalog/{checkpoint.pk}/restore/")
    expect(page.locator("#preflight")).to_contain_text("A published port is taken", timeout=30_000)
    page.get_by_label("Do it all the same").check()
    press(page, "Restore", page)
    operation = wait_for(Operation.objects.filter(checkpoint=checkpoint, state="failed").first, "the restore fails")
    page.goto(f"/operations/{operation.pk}/")
    failure = page.locator(".failure")
    expect(failure).to_contain_text("Why.")
    expect(failure).to_contain_text("What to do.")
    expect(page.locator("main")).to_contain_text("container restore --print-stats")
