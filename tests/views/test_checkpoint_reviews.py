"""The list of archives from elsewhere: those that wait first, by verdict, in a steady number of queries."""

import pytest

from containers_app.models import Checkpoint
from tests.builders import a_review
from tests.views.conftest import assert_same_queries, fragment

pytestmark = pytest.mark.django_db


def test_the_list_has_those_that_wait_first_and_filters(viewer):
    a_review(verdict="approved", file_name="old.tar")
    waits = a_review(file_name="new.tar")
    blocked = a_review(verdict="blocked", file_name="evil.tar", checkpoint=None)
    page = viewer.get("/catalog/reviews/").content.decode()
    assert page.index("new.tar") < page.index("evil.tar") < page.index("old.tar")
    only = viewer.get("/catalog/reviews/?state=blocked").content.decode()
    assert f"review_{blocked.pk}" in only and f"review_{waits.pk}" not in only
    assert fragment(viewer, "/catalog/reviews/", "review_table").status_code == 200


def test_it_takes_the_same_queries_with_many(viewer):
    a_review()
    assert_same_queries(viewer, "/catalog/reviews/", lambda: [a_review() for _ in range(9)])
    assert Checkpoint.objects.count() == 10
