"""Two teams on one host, two people in two browsers at once: each sees their own team's things, and hears of no others.

What a page hears is read as the bytes of its event stream, not as what the page makes of it.
"""

import re
import time
from base64 import b32decode

import pytest
from django_otp.oath import TOTP
from playwright.sync_api import expect

from containers_app.models import Checkpoint, Container, Operation, Team
from tests.builders import a_team
from tests.live.site import wait_for

from .conftest import PASSWORD, a_person_who_signs_in, press, sign_in
from .test_audit_story import create, take_checkpoint
from .test_pages import violations

pytestmark = [pytest.mark.live, pytest.mark.browser]

# What all teams share, and what says of nothing in particular that it has changed.
OF_THE_HOUSE = {"connected", "people", "hosts", "images"}
OPEN_STREAM = """async address => {
  window.heard = "";
  const answer = await fetch(address);
  if (!answer.ok) return answer.status;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  (async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) window.heard += part.value;
  })();
  return answer.status;
}"""


class Person:
    """Somebody who operates for one team, with a page to work on and one that listens."""

    def __init__(self, new_page, name, team):
        self.team = team
        a_person_who_signs_in(name, "operator", team=team)
        self.page = new_page()
        sign_in(self.page, name, PASSWORD)
        self.ear = self.page.context.new_page()
        self.ear.goto("/account/")  # a page of its own, whose stream no click ends
        assert self.ear.evaluate(OPEN_STREAM, "/events/") == 200
        wait_for(lambda: "connected" in self.heard(), f"{name} is connected")

    def heard(self):
        """The names of all signals so far; no message of the stream has anything else in it."""
        text = self.ear.evaluate("window.heard")
        whole = text[: text.rfind("\n\n") + 2]
        assert re.fullmatch(r"(retry: \d+\n\n|: still here\n\n|event: [\w-]+\ndata: 1\n\n)*", whole), whole
        return re.findall("event: (.*)", whole)

    def shown(self, address):
        self.page.goto(address)
        return self.page.locator("main").inner_text()


@pytest.fixture
def people(new_page, operator, site):
    operator.sample_image()
    red, blue = (
        Team.objects.filter(name=name).first() or a_team(name) for name in ("Red", "Blue")
    )  # a second run of the session finds them
    return Person(new_page, "rosa", red), Person(new_page, "bela", blue)


def test_two_teams_on_one_host_see_and_hear_of_their_own_alone(people, site):
    rosa, bela = people
    named = {rosa: "scarlet", bela: "azure"}
    before = len(bela.heard())

    create(rosa.page, site, "scarlet")
    first = take_checkpoint(rosa.page, "scarlet")
    quiet(first)
    wait_for(lambda: {"checkpoints", f"container-{first.container.pk}"} <= set(rosa.heard()), "rosa hears of her own")
    create(bela.page, site, "azure")  # by now all of that would have come
    second = take_checkpoint(bela.page, "azure")
    quiet(second)
    wait_for(lambda: {"checkpoints", f"container-{second.container.pk}"} <= set(bela.heard()), "bela hears of hers")

    own = {person: things(person.team) for person in people}
    assert own[rosa].isdisjoint(bela.heard()) and own[bela].isdisjoint(rosa.heard())
    numbered = {person: {name for name in person.heard() if re.search(r"-\d+$", name)} for person in people}
    assert numbered[rosa] <= own[rosa] and numbered[bela] <= own[bela]
    heard = bela.heard()[before:]
    first_own = next(at for at, name in enumerate(heard) if name in own[bela] | {"operations", "containers", "audit"})
    assert set(heard[:first_own]) <= OF_THE_HOUSE

    for person, other in ((rosa, bela), (bela, rosa)):
        for address in ("/", "/catalog/", "/operations/", "/audit/"):
            text = person.shown(address)
            assert named[person] in text and named[other] not in text, (address, text)
        assert named[other] not in person.shown(f"/search/?q={named[other]}").replace(f"“{named[other]}”", "")
        theirs = first if other is rosa else second
        for address in (
            f"/containers/{theirs.container.pk}/", f"/catalog/{theirs.pk}/", f"/operations/{theirs.operation_id}/",
            f"/catalog/{theirs.pk}/restore/", f"/containers/{theirs.container.pk}/log/",
        ):  # fmt: skip
            assert person.page.goto(address).status == 404, address
        assert person.page.evaluate(OPEN_STREAM, f"/events/?log={theirs.container.pk}") == 404

    share(rosa.page, first, "Blue")
    for person in people:
        assert "scarlet 1" in person.shown("/catalog/")
        expect(person.page.get_by_role("link", name="scarlet 1", exact=True).first).to_be_visible()
        assert person.page.goto(f"/catalog/{first.pk}/").status == 200
    assert bela.page.goto(f"/containers/{first.container.pk}/").status == 404
    assert "scarlet" not in bela.shown("/") and "azure" not in rosa.shown("/catalog/")


def quiet(checkpoint):
    """The container stands still and nothing is under way any more: what is heard later is of something else."""
    wait_for(
        lambda: (
            Container.objects.get(pk=checkpoint.container.pk).state == "exited"
            and not Operation.objects.filter(container=checkpoint.container, state__in=Operation.UNFINISHED).exists()
        ),
        f"{checkpoint.container} stands still",
    )


def things(team):
    """The signals that are of one thing of this team, with a number in their name."""
    containers = Container.objects.filter(team=team).values_list("pk", flat=True)
    operations = Operation.objects.filter(team=team).values_list("pk", flat=True)
    names = (f"{kind}-{pk}" for kind in ("container", "usage") for pk in containers)
    return {*names, *(f"operation-{pk}" for pk in operations)}


def share(page, checkpoint, team):
    page.goto(f"/catalog/{checkpoint.pk}/share/")
    page.get_by_label(team, exact=True).check()
    press(page, "Save", page)
    wait_for(lambda: Checkpoint.objects.get(pk=checkpoint.pk).shared_with.exists(), "it is shared")


def test_a_second_factor_is_set_up_and_then_asked_for(new_page, site, operator):
    """The picture is drawn under the strict policy, and what the page shows is what the sign-in wants."""
    a_person_who_signs_in("cora", "viewer")
    page = new_page()
    sign_in(page, "cora", PASSWORD)
    page.goto("/account/")
    page.get_by_role("link", name="Set it up").click()
    expect(page.locator(".picture svg")).to_be_visible()
    key = b32decode(page.locator(".enrol code").inner_text().replace(" ", ""))
    page.get_by_label("Code", exact=True).fill(app_code(key))
    page.get_by_role("button", name="Set it up").click()
    recovery = page.locator(".codes code").first.inner_text()

    page = new_page()
    page.goto("/sign-in/")
    page.get_by_label("Name").fill("cora")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/sign-in/code/")
    assert not violations(page)
    page.get_by_label("Code", exact=True).fill(recovery)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("navigation", name="Main").wait_for()


def app_code(key):
    """What an authenticator app with this key shows now."""
    totp = TOTP(key)
    totp.time = time.time()
    return f"{totp.token():06d}"
