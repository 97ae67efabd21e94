"""From a failure to success by one click: what is foreseen, and what fails for real, offer the option that helps."""

import pytest
from playwright.sync_api import expect

from tests.live.test_options import holder_of_a_lock

from .conftest import press

pytestmark = [pytest.mark.live, pytest.mark.browser]
SLOW = 30_000  # milliseconds


def test_a_failure_leads_by_one_click_to_success(page, site, operator):
    holder = holder_of_a_lock(site)
    failed = operator.ended(operator.request_checkpoint(holder, forced=True))
    page.goto(f"/operations/{failed.pk}/")
    failure = page.get_by_label("What went wrong")
    expect(failure).to_contain_text("Why.")
    expect(failure.locator(".cmd.bad")).to_contain_text("lock")
    page.get_by_role("link", name="Try again with --file-locks").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("File locks")).to_be_checked()
    expect(dialog.locator("#preflight")).to_contain_text("Nothing is in the way", timeout=SLOW)
    press(page, "Checkpoint")
    expect(page.locator(".head .badge-state")).to_have_text("checkpointed", timeout=SLOW)


def test_the_form_says_before_that_it_would_fail_and_cures_it_by_one_click(page, site, operator):
    holder = holder_of_a_lock(site)
    page.goto(f"/containers/{holder.pk}/")
    page.locator(".head").get_by_role("link", name="Checkpoint").click()
    dialog = page.get_by_role("dialog")
    found = dialog.locator("#preflight")
    expect(found).to_contain_text("A process holds a lock on a file", timeout=SLOW)
    expect(found.get_by_label("Do it all the same")).to_have_count(1)
    found.get_by_role("button", name="Do that").click()
    expect(dialog.get_by_label("File locks")).to_be_checked()
    expect(found).to_contain_text("Nothing is in the way", timeout=SLOW)
    expect(dialog.locator("#command_preview")).to_contain_text("--file-locks")
