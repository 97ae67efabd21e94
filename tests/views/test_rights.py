"""Every page and every button has a declared right (views/rights.py), and everybody is tried on every one of them."""

import uuid

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone

from containers_app import access
from containers_app.models import AuditEvent, Checkpoint, Container, Operation, Role, SavedSearch, Team, Upload
from containers_app.services.checkpoint_images import NAME
from containers_app.views.rights import NEEDED, OWN, PUBLIC
from tests.builders import (
    a_checkpoint,
    a_container,
    a_host,
    a_member,
    a_person,
    a_review,
    a_role,
    a_team,
    an_image,
    an_operation,
    an_outsider,
)

pytestmark = pytest.mark.django_db

ROLES = ("viewer", "operator", "auditor", "admin")
POSTS = {  # what is pressed, not opened
    "checkpoint_pin", "checkpoint_favourite", "checkpoint_download", "operation_cancel", "sample_run", "host_selftest",
    "audit_export", "audit_verify", "person_recover", "person_second_factor", "person_sign_out",
    "team_remove", "role_remove",
    "upload_begin",
    "checkpoint_drill", "checkpoint_scrub",
    *(f"container_{verb}" for verb in ("start", "pause", "unpause", "init", "mount", "unmount")),
}  # fmt: skip


def routes():
    """{URL name: pattern} of every page; the API's are its own tests' (tests/api)."""
    return {entry.name: entry for entry in get_resolver().url_patterns if isinstance(entry, URLPattern)}


def test_every_page_has_a_declared_right_and_none_is_declared_that_is_not_there():
    assert set(routes()) == NEEDED.keys() | OWN | PUBLIC
    assert not (NEEDED.keys() & OWN or NEEDED.keys() & PUBLIC or OWN & PUBLIC)
    assert {right for needs in NEEDED.values() for right in needs.rights} <= access.RIGHTS.keys()


def the_things(team):
    """{kind: its primary key} of one of each, owned by `team`; what is the house's is anybody's."""
    container = a_container(team=team, config={"env": ["A=1"]})
    checkpoint = a_checkpoint(container=container, store="elsewhere")
    review = a_review(verdict="within")
    Operation.objects.filter(pk=review.operation_id).update(team=team)
    now = timezone.now()
    upload = Upload.objects.create(key=uuid.uuid4(), size=9, file_name="a.tar", begun_at=now, touched_at=now)
    image = an_image(checkpoint={NAME: "looper"})
    return {
        "container": container.pk,
        "checkpoint": checkpoint.pk,
        "operation": an_operation(container=a_container(team=team)).pk,
        "review": review.pk,
        "memory": an_operation(
            kind="memory_search", checkpoint=checkpoint, container=None, team=team, options={"pattern": "x"}
        ).pk,
        "image": image.pk,
        "host": a_host().pk,
        "upload": upload.key,
    }


def address(name, things):
    kwargs = routes()[name].pattern.converters
    values = {"work": "scrub", "key": things["upload"], "part": "files", "other": things["checkpoint"]}
    others = {"person": a_outsider_pk, "team": lambda: a_team().pk, "role": lambda: a_role("see").pk}
    if "pk" in kwargs:
        kind = NEEDED[name].kind or name.split("_")[0]
        values["pk"] = others[kind]() if kind in others else things[kind]
    return reverse(name, kwargs={key: values[key] for key in kwargs})


def a_outsider_pk():
    return an_outsider().pk


def signed_in(user):
    client = Client(raise_request_exception=False)
    client.force_login(user)
    client.user = user
    return client


def tried(needs):
    """{role: rights} of who tries a page: the built-in roles; its right alone, beside the one to look; all but it."""
    return {
        **{role.name: set(role.rights) for role in Role.objects.filter(name__in=ROLES)},
        f"only {needs.rights[0]}": {"see", needs.rights[0]},
        f"without {' '.join(needs.rights)}": access.RIGHTS.keys() - set(needs.rights),
    }


def the_cast(home, pages):
    """{role: somebody who has it in `home`, signed in} for all that try one of the pages."""
    roles = {role: rights for needs in pages for role, rights in tried(needs).items()}
    names = {role: role if role in ROLES else a_role(*rights).name for role, rights in roles.items()}
    return {role: signed_in(a_person(name, team=home)) for role, name in names.items()}


def answer_to(client, name, url, method=None):
    values = {"verb": "stop"} if name == "container_bulk" else {}
    if (method or ("POST" if name in POSTS else "GET")) == "POST":
        return client.post(url, values).status_code
    return client.get(url, values).status_code


def refused(status):
    return status in (403, 404)


@pytest.fixture(scope="class")
def houses(rolled_back):
    """For pages of one team (False) and of the house (True): one of each thing, and somebody of each role there."""
    with rolled_back():
        homes = {False: a_team(), True: Team.objects.get(is_default=True)}
        yield {
            house: (the_things(home), the_cast(home, [needs for needs in NEEDED.values() if needs.house == house]))
            for house, home in homes.items()
        }


@pytest.fixture(scope="class")
def strangers(houses):
    return [signed_in(an_outsider()), signed_in(a_person("admin", team=a_team()))]


class TestEveryPage:
    @pytest.mark.parametrize("name", NEEDED)
    def test_every_role_gets_what_its_rights_say(self, houses, name):
        needs = NEEDED[name]
        things, cast = houses[needs.house]
        wrong = []
        for role, rights in tried(needs).items():
            Upload.objects.update(by=cast[role].user)
            wrong += [f"{role}: {words}" for words in self.wrongs(cast[role], rights, name, things)]
        assert not wrong

    def wrongs(self, client, rights, name, things):
        needs, url = NEEDED[name], address(name, things)
        may = bool(set(needs.rights) & rights)
        status = answer_to(client, name, url)
        if status == 500 or refused(status) == may:
            yield f"{status}, and {'has' if may else 'lacks'} the right"
        elif not may and needs.kind not in {"", "upload"} and "see" in rights and not needs.house and status != 403:
            yield f"{status} instead of 403 for who may look"
        if needs.posts:
            status, may = answer_to(client, name, url, "POST"), {"see", needs.posts} <= rights
            if refused(status) == may:
                yield f"{status} to a press, and {'has' if may else 'lacks'} the right"

    @pytest.mark.parametrize("name", NEEDED)
    def test_strangers_get_nothing(self, houses, strangers, name):
        needs = NEEDED[name]
        url = address(name, houses[needs.house][0])
        expected = (404,) if needs.kind and not needs.house and needs.kind != "upload" else (403, 404)
        # An admin of another team creates there, reads that team's events, and sees every host.
        everybodys = (needs.kind == "host" and not needs.house) or not (needs.kind or needs.house)
        for client in strangers:
            if not (everybodys and client.user.memberships.exists()):
                assert answer_to(client, name, url) in expected, client.user
        assert Client().get(url).status_code == 302


@pytest.mark.parametrize("name", [name for name, needs in NEEDED.items() if needs.kind == "checkpoint"])
def test_a_shared_checkpoint_is_seen_restored_and_cloned_and_no_more(name):
    red, blue = a_team(), a_team()
    things = the_things(red)
    Checkpoint.objects.get(pk=things["checkpoint"]).shared_with.add(blue)
    url, may = address(name, things), bool(access.SHARED & set(NEEDED[name].rights))
    status = answer_to(signed_in(a_person("admin", team=blue)), name, url)
    assert status == 403 if not may else status < 500 and not refused(status), status


def test_a_refusal_is_in_the_history():
    container = a_container()
    client = Client()
    client.force_login(a_person("viewer", "vera"))
    assert client.post(f"/containers/{container.pk}/start/").status_code == 403
    event = AuditEvent.objects.filter(action="request.refused").get()
    assert event.container == container and event.actor_name == "vera" and event.actor_role == "viewer"


class TestTwoTeamsOnOneHost:
    """Each sees its own alone, wherever there is a list, a number or a name."""

    @pytest.fixture
    def teams(self):
        made = {}
        for name in ("red", "blue"):
            team = a_team(name)
            container = a_container(team=team, name=f"{name}-web")
            a_checkpoint(container=container, name=f"{name} warm")
            an_operation(container=a_container(team=team, name=f"{name}-busy"))
            client = Client()
            client.user = a_person("operator", team=team)
            client.force_login(client.user)
            made[name] = client
        return made

    @pytest.mark.parametrize(
        "url",
        [
            "/", "/catalog/", "/operations/", "/operations/tray/", "/search/?q=e", "/hosts/", "/images/", "/audit/",
            "/containers/bulk/?verb=kill&all=on", "/containers/prune/", "/policies/", "/catalog/reviews/",
        ],
    )  # fmt: skip
    def test_pages(self, teams, url):
        for mine, other in (("red", "blue"), ("blue", "red")):
            response = teams[mine].get(url)
            assert response.status_code == 200 and f"{other}-" not in response.content.decode()
            assert f"{other} warm" not in response.content.decode()
        if url not in {"/hosts/", "/images/", "/audit/", "/policies/", "/containers/prune/", "/catalog/reviews/"}:
            assert "blue" in response.content.decode()

    def test_numbers(self, teams):
        html = teams["red"].get("/").content.decode()
        assert 'id="count_container">2<' in html and 'id="count_checkpoint">1<' in html
        assert 'id="count_operation">1<' in html

    def test_an_action_on_all_hits_ones_own_alone(self, teams):
        key = "4f0c5a4e-2a43-4b9c-9d6a-8f2f0e3c1a77"
        mine = [row.pk for row in Container.objects.all()]
        teams["red"].post(
            "/containers/bulk/", {"verb": "stop", "container": mine, "request_key": key, "host": ""}
        )  # fmt: skip
        asked = Operation.objects.filter(batch=key)
        assert [row.container.name for row in asked] == ["red-web"]

    def test_a_person_of_both_sees_both(self, teams):
        a_member(teams["red"].user, "viewer", team=Team.objects.get(name="blue"))
        html = teams["red"].get("/").content.decode()
        assert "red-web" in html and "blue-web" in html


def test_a_change_of_role_is_felt_at_the_next_click():
    container, client = a_container(), Client()
    vera = a_person("viewer")
    client.force_login(vera)
    assert client.get(f"/containers/{container.pk}/kill/").status_code == 403
    a_member(vera, "operator")
    assert client.get(f"/containers/{container.pk}/kill/").status_code == 200
    vera.memberships.all().delete()
    assert client.get(f"/containers/{container.pk}/").status_code == 404


def test_a_shared_checkpoint_is_cloned_into_the_team_of_whoever_clones_it():
    red, blue = a_team(), a_team()
    checkpoint = a_checkpoint(container=a_container(team=red, name="web", state="exited"))
    checkpoint.shared_with.add(blue)
    client = Client()
    client.force_login(a_person("operator", team=blue))
    assert client.get(f"/catalog/{checkpoint.pk}/").status_code == 200
    assert client.get(f"/containers/{checkpoint.container_id}/").status_code == 404
    form = {"request_key": "1f0c5a4e-2a43-4b9c-9d6a-8f2f0e3c1a77", "host": checkpoint.host_id}
    in_place = client.post(f"/catalog/{checkpoint.pk}/restore/", form)
    assert in_place.status_code == 409 and b"another team" in in_place.content
    client.post(f"/catalog/{checkpoint.pk}/restore/", {**form, "as_new": "on", "name": "web-blue"})
    assert Operation.objects.get(target_name="web-blue").team == blue


def test_saved_searches_are_ones_own(client):
    client.force_login(a_person("viewer"))
    other = SavedSearch.objects.create(user=a_person("viewer"), name="mine", query="q=a")
    assert client.post(f"/catalog/searches/{other.pk}/delete/").status_code == 404
