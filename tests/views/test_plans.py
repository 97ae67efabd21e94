"""What grows without end (operations, checkpoints, events) is found in indexes: no page reads through it row by row.

The plans are SQLite's, which follow from the statement and the indexes alone. PostgreSQL's depend on what is there.
"""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.builders import a_checkpoint, a_container, an_admin, an_event, an_operation, an_operator

GROWS = re.compile(
    r"SCAN (?:[UVW]\d|containers_app_(?:operation|checkpoint|auditevent|searchtext))\b(?! USING COVERING)"
)
IN_ORDER = "USING INDEX sqlite_autoindex_containers_app_auditevent_1"  # the history, as far as a page goes
PAGES = [
    "/", "/images/", "/hosts/", "/operations/tray/",
    "/catalog/", "/catalog/?q=redis", "/catalog/?tag=warm&verified=yes", "/catalog/?larger=100&smaller=200",
    "/catalog/?sort=name", "/catalog/?sort=largest", "/catalog/?favourite=yes", "/catalog/?of=a&image=b&who=c",
    "/audit/", "/audit/?q=redis", "/audit/?who=a&result=done", "/audit/?before=7",
]  # fmt: skip
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("sqlite" not in connection.settings_dict["ENGINE"], reason="SQLite's plans"),
]


@pytest.mark.parametrize("person", [an_admin, an_operator])
@pytest.mark.parametrize("page", PAGES)
def test_no_page_reads_through_what_grows(client, page, person):
    client.force_login(person())
    an_event(container=a_container(), checkpoint=a_checkpoint(), operation=an_operation())
    with CaptureQueriesContext(connection) as captured:
        assert client.get(page).status_code == 200
    assert [found for query in captured for found in scans(query["sql"])] == []


def scans(sql):
    """Steps of the statement's plan that go through all rows of what grows, each with the statement."""
    if not sql.startswith(("SELECT", "WITH")):
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return [(step[3], sql) for step in cursor.fetchall() if GROWS.match(step[3]) and IN_ORDER not in step[3]]
