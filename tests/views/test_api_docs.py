"""The API's page: made of its own document, without a script."""

import re

from containers_app.api import api, problems

from .conftest import words


def test_it_tells_of_every_route_its_right_and_its_fields(viewer):
    page = viewer.get("/api/docs/")
    text = words(page)
    for path, methods in api.get_openapi_schema()["paths"].items():
        for method, details in methods.items():
            assert f"{method.upper()} {path} {details['summary']}" in text
            assert f'id="{details["operationId"]}"' in page.content.decode()
    assert "Needs checkpoint : to take checkpoints." in text
    assert "frozen_time" in text and "µs that the processes stood still" in text
    assert "stop | keep_running | copy" in text


def test_a_problems_type_leads_to_its_words(viewer):
    page = viewer.get("/api/docs/").content.decode()
    for code, _ in problems.STATUSES.values():
        assert f'id="problem-{code}"' in page


def test_the_document_is_served_here_and_needs_no_token(client, db):
    answer = client.get("/api/v1/openapi.json")
    assert answer.status_code == 200 and answer.json()["openapi"] == "3.1.0"
    assert not re.search(r"https?://", answer.content.decode())
