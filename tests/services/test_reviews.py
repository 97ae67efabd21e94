"""Who lets an archive from elsewhere pass: by right, with a reason, not alone; and nothing is restored before."""

import pytest

from containers_app.errors import BadInput, Conflict, NotAllowed
from containers_app.models import AuditEvent
from containers_app.models.catalog import Provenance
from containers_app.runtime.types import RestoreOptions
from containers_app.services import audit, restores, reviews
from tests.builders import a_checkpoint, a_review, an_admin, an_operator

pytestmark = pytest.mark.django_db


def caller(user):
    return audit.Caller(user=user)


def restore(checkpoint):
    return restores.request_restore(
        by=caller(an_operator()), checkpoint=checkpoint, name="copy", options=RestoreOptions()
    )


@pytest.mark.parametrize("provenance", [Provenance.AWAITING, Provenance.REFUSED])
def test_what_nobody_approved_is_not_restored(provenance):
    with pytest.raises(Conflict, match="came from elsewhere"):
        restore(a_checkpoint(provenance=provenance))


@pytest.mark.parametrize("provenance", [Provenance.APPROVED, Provenance.WITHIN, Provenance.TRUSTED, Provenance.TAKEN])
def test_what_passed_is_restored(provenance):
    assert restore(a_checkpoint(provenance=provenance)).state == "queued"


def test_a_foreign_container_has_no_name_of_its_own_here():
    checkpoint = a_checkpoint(provenance=Provenance.APPROVED)
    assert restores.own_name(checkpoint)[0] is False
    with pytest.raises(Conflict, match="another installation"):
        restores.request_restore(by=caller(an_operator()), checkpoint=checkpoint, name="", options=RestoreOptions())


def test_an_approval_lets_it_pass_with_its_reason_in_the_history():
    review = a_review()
    reviews.decide(by=caller(an_admin("ada")), review=review, approve=True, reason="from our build farm")
    review.checkpoint.refresh_from_db()
    assert review.checkpoint.provenance == Provenance.APPROVED and not review.checkpoint.barred
    event = AuditEvent.objects.get(action="archive.approved")
    assert event.actor_name == "ada" and event.sentence.endswith("from our build farm")
    assert event.details["exceeds"] == ["It mounts /srv/data of the host at /data."]


def test_a_refusal_is_for_good():
    review = a_review()
    reviews.decide(by=caller(an_admin()), review=review, approve=False, reason="no")
    with pytest.raises(Conflict, match="does not wait"):
        reviews.decide(by=caller(an_admin()), review=review, approve=True, reason="yes")
    review.checkpoint.refresh_from_db()
    assert review.checkpoint.provenance == Provenance.REFUSED


def test_who_brought_it_in_does_not_approve_it_where_four_eyes_are_wanted():
    ada = an_admin()
    review = a_review(by=ada)
    with pytest.raises(NotAllowed, match="somebody else"):
        reviews.decide(by=caller(ada), review=review, approve=True, reason="mine")
    reviews.change_policy(by=caller(ada), **{**reviews.rules(reviews.policy()), "four_eyes": False})
    reviews.decide(by=caller(ada), review=review, approve=True, reason="mine")
    assert review.verdict == "approved"


def test_who_brought_it_in_may_refuse_it():
    ada = an_admin()
    assert reviews.decide(by=caller(ada), review=a_review(by=ada), approve=False, reason="x").verdict == "refused"


@pytest.mark.parametrize("reason", ["", "  ", "x" * 2001])
def test_a_decision_needs_a_reason_of_a_bearable_length(reason):
    with pytest.raises(BadInput):
        reviews.decide(by=caller(an_admin()), review=a_review(), approve=True, reason=reason)


def test_a_changed_policy_is_in_the_history_as_it_was_and_as_it_is():
    reviews.change_policy(by=caller(an_admin()), **{**reviews.rules(reviews.policy()), "bind_sources": ["/srv"]})
    event = AuditEvent.objects.get(action="import_policy.changed")
    assert (event.before, event.after) == ({"bind_sources": []}, {"bind_sources": ["/srv"]})
    assert reviews.policy().bind_sources == ["/srv"] and reviews.policy().always_ask


def test_a_policy_that_stays_as_it_is_is_no_event():
    reviews.change_policy(by=caller(an_admin()), **reviews.rules(reviews.policy()))
    assert not AuditEvent.objects.filter(action="import_policy.changed").exists()
