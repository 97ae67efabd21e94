"""Every page in a real browser: accessible in both themes, no complaint of the console, usable at 360 px."""

import uuid

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults

from containers_app.models import SelfTest
from containers_app.services import bulk
from tests import stranger
from tests.live.conftest import fresh
from tests.live.test_imports import bring

pytestmark = [pytest.mark.live, pytest.mark.browser]


@pytest.fixture
def addresses(operator, tmp_path_factory):
    """An address of each page, with something to show on it."""
    looper = operator.create("looper")
    checkpoint = operator.checkpoint(looper)
    operation = looper.operations.first()
    runs, batch = operator.create("runs"), uuid.uuid4()
    bulk.request_bulk(by=operator.by, kind="pause", containers=[fresh(operator.create("paused"))], request_key=batch)
    review = brought_in(operator, tmp_path_factory.mktemp("foreign"))
    SelfTest.objects.create(
        host=operator.host, operation=operation, finished_at=operation.finished_at, passed=False, versions={},
        step="seeing that it stands still",
    )  # fmt: skip
    return [
        "/catalog/import/", "/catalog/reviews/", f"/catalog/reviews/{review.pk}/", "/policies/", "/policies/imports/",
        "/", "/containers/new/", f"/containers/{looper.pk}/", f"/containers/{looper.pk}/remove/",
        f"/containers/{looper.pk}/log/", "/catalog/", "/catalog/?view=cards&q=looper", f"/catalog/{checkpoint.pk}/",
        f"/catalog/{checkpoint.pk}/ready/", f"/catalog/{checkpoint.pk}/push/", "/policies/", "/policies/scrub/",
        "/policies/drill/",
        f"/catalog/{checkpoint.pk}/edit/", f"/catalog/{checkpoint.pk}/discard/", f"/catalog/{checkpoint.pk}/lineage/",
        f"/containers/{looper.pk}/lineage/",
        f"/catalog/{checkpoint.pk}/restore/", *(
            f"/catalog/{checkpoint.pk}/inside/{part}/"
            for part in ("processes", "sockets", "files", "mounts", "memory", "configuration", "archive")
        ),
        f"/catalog/{checkpoint.pk}/environment/", f"/catalog/{checkpoint.pk}/search/",
        f"/catalog/{checkpoint.pk}/compare/", f"/catalog/{checkpoint.pk}/compare/{checkpoint.pk}/",
        "/operations/", f"/operations/{operation.pk}/", "/audit/",
        "/audit/evidence/", f"/containers/{looper.pk}/environment/", "/images/",
        "/hosts/", f"/hosts/{operator.host.pk}/", f"/hosts/{operator.host.pk}/criu/", "/images/pull/",
        f"/containers/{runs.pk}/checkpoint/", f"/containers/{runs.pk}/checkpoint-image/",
        f"/containers/{runs.pk}/preflight/", f"/catalog/{checkpoint.pk}/preflight/?as_new=on&name=copy",
        f"/containers/{runs.pk}/", f"/containers/{runs.pk}/exec/", f"/containers/{runs.pk}/kill/",
        f"/containers/{runs.pk}/remove/", f"/containers/{runs.pk}/rename/", f"/containers/{runs.pk}/stats/",
        f"/containers/{runs.pk}/log/?tail=0", "/containers/bulk/?verb=kill&all=on",
        f"/containers/bulk/?verb=remove&container={runs.pk}&container={looper.pk}", "/containers/prune/",
        f"/operations/batch/{batch}/",
        "/team/", "/team/people/new/", "/team/teams/new/", "/account/",
        "/account/second-factor/", f"/catalog/{checkpoint.pk}/share/",
        "/tokens/", "/tokens/new/", "/tokens/account/", "/api/docs/", "/search/?q=looper", "/no-such-page/",
    ]  # fmt: skip


def brought_in(operator, folder):
    """The review of an archive from elsewhere that mounts a folder of the host."""
    path = stranger.in_spec("mounts", "+", to=stranger.bind("/s", "/srv/data"))(folder)
    operation = operator.done(bring(operator, path))
    return operation.review


def test_every_page_is_accessible_in_both_themes_and_fits_a_small_screen(page, addresses):
    """One look at each page: in light by every rule, then the same page in other colours, then as on a phone."""
    wrong = {}
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    for address in addresses:
        page.set_viewport_size({"width": 1360, "height": 900})
        page.goto(address)
        complaints = [violations(page)]
        page.emulate_media(color_scheme="dark")
        complaints.append(violations(page, runOnly=["color-contrast"]))
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 360, "height": 740})
        width = page.evaluate("document.documentElement.scrollWidth")
        complaints.append(f"it is {width} px wide" if width > 360 else "")
        if any(complaints):
            wrong[address] = list(filter(None, complaints))
    assert wrong == {}


def violations(page, **options):
    """What axe-core complains of, in words; "" when it does not. A page is given the script once."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    results = AxeResults(page.evaluate("options => axe.run(options)", {"resultTypes": ["violations"], **options}))
    return results.generate_report() if results.violations_count else ""
