"""A real Chromium on the running site. A console error, a page error or a CSP violation fails the test that saw it."""

import re
import shutil

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from playwright.sync_api import expect, sync_playwright

from tests.builders import a_member
from tests.live.conftest import operator  # noqa: F401

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 30_000  # milliseconds
PASSWORD = "a-long-password"

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is missing: script/setup --tests installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium, site):
    """Makes pages, each with a session of its own; what they complain about fails the test."""
    complaints, contexts = [], []

    def make(**options):
        context = chromium.new_context(base_url=site.url, viewport={"width": 1360, "height": 900}, **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert [text for text in complaints if not _excused(text, complaints)] == []


def _excused(text, complaints):
    """An answer of 4xx that a test provokes is told by the console as well; what our own code does is not excused.

    Nor is it ours that this machine gets and loses networks while containers come and go: Chromium then gives up what
    is under way, htmx says so, and the page fetches it again when its stream is back.
    """
    lost = any("ERR_NETWORK_CHANGED" in other for other in complaints)
    return "status of 4" in text or (lost and ("ERR_NETWORK_CHANGED" in text or text.startswith("htmx:")))


@pytest.fixture
def page(new_page, site):
    """A page on which the administrator has signed in."""
    page = new_page()
    sign_in(page, "admin", re.search(r"password (\S+)\)", site.ready_line)[1])
    return page


def a_person_who_signs_in(name, role, *, team=None):
    """The person of that name, with that role in `team` or in the default one, and with PASSWORD."""
    user, created = get_user_model().objects.get_or_create(username=name)
    if created:
        user.password = PBKDF2PasswordHasher().encode(PASSWORD, "salt")  # the site's own kind, not the tests'
        user.save()
    return a_member(user, role, team=team)


def sign_in(page, name, password):
    page.goto("/")
    page.get_by_label("Name", exact=False).first.fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation", name="Main").wait_for()


def press(page, name, place=None):
    """Press that button of the dialog, or of `place`, and wait for the page that follows: the next step is done there.

    Without waiting, a step may begin on the page that is about to go away, and be lost with it.
    """
    with page.expect_navigation():
        (place or page.get_by_role("dialog")).get_by_role("button", name=name).click()


def choose_host(form, site):
    """In a form that asks for a host: this machine's. Other tests may have brought a second one."""
    if form.get_by_label("Host", exact=True).count():
        form.get_by_label("Host", exact=True).select_option(label=site.host_name)
