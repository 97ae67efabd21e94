"""The catalog by point and click: found by words, starred, edited, discarded by its name; still in the lineage."""

import pytest
from playwright.sync_api import expect

from containers_app.models import Checkpoint

pytestmark = [pytest.mark.live, pytest.mark.browser]
SLOW = 30_000  # milliseconds


def test_a_checkpoint_is_found_described_and_discarded(page, site, operator):
    checkpoint = operator.checkpoint(operator.create("findme"), leave_running=True, mode="keep_running")
    page.goto("/catalog/")
    page.locator("#checkpoint_q").press_sequentially("findm")
    expect(page).to_have_url(f"{site.url.rstrip('/')}/catalog/?q=findm", timeout=SLOW)
    row = page.locator(f"#checkpoint_{checkpoint.pk}")
    row.get_by_role("button", name="Make findme 1 a favourite").click()
    expect(row.get_by_role("button", name="is a favourite")).to_be_visible(timeout=SLOW)
    page.get_by_text("Save this search").click()
    page.get_by_label("Its name").fill("mine")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved the search mine.")).to_be_visible(timeout=SLOW)

    page.get_by_role("link", name="findme 1").first.click()
    in_the_menu(page, "Edit")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("warm")
    dialog.get_by_label("Note").fill("after the **import**")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_contain_text("warm", timeout=SLOW)
    expect(page.locator(".markdown strong")).to_have_text("import")

    in_the_menu(page, "Discard")
    dialog.get_by_label("Type warm to confirm").fill("cold")
    dialog.get_by_role("button", name="Discard").click()
    expect(dialog).to_contain_text("Its name is warm.", timeout=SLOW)
    dialog.get_by_label("Type warm to confirm").fill("warm")
    dialog.get_by_role("button", name="Discard").click()
    expect(page.locator(".badge-state").first).to_have_text("succeeded", timeout=SLOW)
    assert Checkpoint.objects.get(pk=checkpoint.pk).discarded_at

    page.goto(f"/containers/{checkpoint.container_id}/")
    expect(page.locator("#lineage svg a.gone")).to_contain_text("warm", timeout=SLOW)
    page.goto("/catalog/?q=findme")
    expect(page.get_by_text("No checkpoint here")).to_be_visible()


def in_the_menu(page, name):
    page.locator("#menu_checkpoint summary").click()
    page.locator("#menu_checkpoint").get_by_role("link", name=name).click()
