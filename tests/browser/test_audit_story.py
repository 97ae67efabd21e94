"""The story of one container, told by the Audit page alone: three people, each step, and the exact commands."""

import hashlib

import pytest

from containers_app.models import Checkpoint
from tests.live.site import wait_for

from .conftest import PASSWORD, a_person_who_signs_in, choose_host, press, sign_in

pytestmark = [pytest.mark.live, pytest.mark.browser]


@pytest.fixture
def people(site):
    """mina and jun operate, vera reads the history."""
    for name, role in (("mina", "operator"), ("jun", "operator"), ("vera", "auditor")):
        a_person_who_signs_in(name, role)


def open_as(new_page, name):
    page = new_page()
    sign_in(page, name, PASSWORD)
    return page


def test_the_audit_page_alone_tells_what_happened_to_one_container(new_page, operator, site, people):
    operator.sample_image()
    mina = open_as(new_page, "mina")
    create(mina, site, "orders")
    checkpoint = take_checkpoint(mina, "orders")
    vera = open_as(new_page, "vera")
    assert vera.goto(f"/catalog/{checkpoint.pk}/restore/").status == 403
    jun = open_as(new_page, "jun")
    restore(jun, checkpoint)
    assert download(jun, checkpoint) == checkpoint.archive_sha256
    look_at_environment(jun, checkpoint.container)

    told = story(vera, checkpoint.container)
    command = f"podman --root {site.folder}/root --runroot {site.folder}/runroot --tmpdir {site.folder}/tmp"
    for number, (who, what, commands) in enumerate(
        [
            ("mina", "asked to create orders from localhost/freezeframe-sample:1", []),
            (
                "mina",
                "created and started orders",
                [f"{command} --runtime runc create --pull=never --name orders", f"{command} start"],
            ),
            ("mina", "asked to checkpoint orders, stopping it", []),
            ("mina", "checkpointed orders as orders 1, stopping it", [f"{command} container checkpoint --keep"]),
            ("vera", "was refused: checkpoint restore, orders 1", []),
            ("jun", "asked to restore orders 1 in place", []),
            ("jun", "restored orders 1", [f"{command} container restore --print-stats"]),
            ("jun", "downloaded the archive of orders 1", []),
            ("jun", "looked at the environment of orders", []),
        ]
    ):
        found = next((event for event in told if event.startswith(f"{who} {what}")), None)
        assert found, f"{number}: {who} {what} is not in\n" + "\n".join(told)
        told = told[told.index(found) + 1 :]
        assert all(wanted in found for wanted in commands), found


def create(page, site, name):
    page.goto("/containers/new/")
    choose_host(page, site)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Image", exact=True).fill("localhost/freezeframe-sample:1")
    page.get_by_label("Command", exact=True).fill("/bin/sh -c 'while true; do echo x; sleep 1; done'")
    page.get_by_role("button", name="Create").click()
    page.locator("#operation_now .outcome", has_text=f"{name} is running.").wait_for()


def take_checkpoint(page, name):
    page.goto("/")
    with page.expect_navigation():  # until it is loaded: before, the next link would lead to a page, not open a dialog
        page.get_by_role("link", name=name, exact=True).click()
    page.locator(".head").get_by_role("link", name="Checkpoint").click()
    press(page, "Checkpoint")
    find = Checkpoint.objects.select_related("container").filter(container_name=name).first
    return wait_for(find, "the checkpoint is in the catalog")


def restore(page, checkpoint):
    page.goto(f"/catalog/{checkpoint.pk}/")
    page.locator(".head").get_by_role("link", name="Restore").click()
    press(page, "Restore")
    page.locator(".head .badge-state", has_text="running").wait_for()


def download(page, checkpoint):
    """SHA-256 of what the browser got."""
    page.goto(f"/catalog/{checkpoint.pk}/")
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download").click()
    with open(coming.value.path(), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def look_at_environment(page, container):
    page.goto(f"/containers/{container.pk}/")
    page.get_by_role("link", name="show the values").click()
    page.get_by_role("heading", name=f"Environment of {container.name}").wait_for()


def story(page, container):
    """The container's events, oldest first, each as the text of its row with the details."""
    page.goto("/audit/")
    page.get_by_label("Words").fill(container.name)
    page.get_by_label("Words").press("Enter")
    page.wait_for_url("**q=orders**")
    page.locator("#audit_table .events li").first.wait_for()
    for details in page.locator("#audit_table .events details").all():
        details.evaluate("element => element.open = true")
    rows = page.locator("#audit_table .events > li").all_inner_texts()
    return [" ".join(row.split()) for row in reversed(rows)]
