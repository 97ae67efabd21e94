"""An archive from elsewhere by point and click: uploaded with its progress, reviewed, refused; also without scripts."""

import re

import pytest
from playwright.sync_api import expect

from containers_app.models import Operation
from tests import hostile, stranger
from tests.browser.conftest import choose_host, sign_in
from tests.live.site import wait_for

pytestmark = [pytest.mark.live, pytest.mark.browser]

# Somebody takes a checkpoint: the page fetches itself anew, and is done with it when this is.
ANOTHER_CHECKPOINT = """new Promise((done) => {
  document.getElementById("review").addEventListener("htmx:afterSettle", done, { once: true });
  htmx.trigger("#review", "sse:checkpoints");
}).then(() => true)"""


def choose(page, site, path):
    page.goto("/catalog/import/")
    form = page.get_by_role("main")
    choose_host(form, site)
    form.get_by_label("Archive").set_input_files(str(path))
    form.get_by_role("button", name="Bring it in").click()
    page.wait_for_url("**/operations/*/")


def test_an_archive_is_uploaded_reviewed_and_refused(page, site, operator, tmp_path):
    path = stranger.archive(**{"checkpoint/pages-1.img": b"\x01memory" * 3_000_000})(tmp_path)  # more than two pieces
    choose(page, site, path)
    page.get_by_role("link", name="Open the review").click()
    expect(page.get_by_text("awaiting approval").first).to_be_visible()
    expect(page.get_by_text("/bin/sh -c count")).to_be_visible()
    page.get_by_label("Reason").fill("nobody knows where it is from")
    page.evaluate(ANOTHER_CHECKPOINT)
    expect(page.get_by_label("Reason")).to_have_value("nobody knows where it is from")
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_text("nobody knows where it is from").first).to_be_visible()
    page.get_by_role("link", name="Open the checkpoint").click()
    expect(page.get_by_role("button", name=re.compile("Restore")).first).to_have_attribute("aria-disabled", "true")


def test_a_form_alone_does_it_too(new_page, site, operator, tmp_path):
    page = new_page(java_script_enabled=False)
    sign_in(page, "admin", re.search(r"password (\S+)\)", site.ready_line)[1])
    choose(page, site, stranger.in_spec("hooks", to={"prestart": [hostile.HOOK]})(tmp_path))
    number = int(re.search(r"/operations/(\d+)/", page.url)[1])
    wait_for(Operation.objects.filter(pk=number, state="failed").first, "the agent has refused it")
    page.reload()
    expect(page.get_by_text("It has hooks").first).to_be_visible()
