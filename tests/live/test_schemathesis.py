"""The API called in every way that its document allows, and in many that it does not, by schemathesis, in this process.

Made-up requests are the same in every run, and are undone; nothing leaves the process. It stands here because it takes
long, not because it needs a host.
"""

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.api.conftest import agent_that_sends_archives  # noqa: F401
from tests.api.examples import MAKERS
from tests.builders import a_token, an_admin, an_event, an_operation

pytestmark = pytest.mark.django_db

EXAMPLES = 5  # made-up requests of each route and each kind, good and bad
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, negative_data_rejection, missing_required_header, unsupported_method, ignored_auth,
]  # fmt: skip


schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", WSGIHandler())


@pytest.fixture
def there(db, monkeypatch):
    """{noun: the number of one that is there}, and the headers of an administrator's token."""
    monkeypatch.setattr("containers_app.api.frame.FAILURES", 10**6)  # tokens that open nothing are tried on purpose
    an_event()
    rows = {noun: MAKERS[noun]("checkpoint_archive", {}) for noun in ("image", "checkpoint", "verification")}
    container = rows["checkpoint"].container
    rows |= {"host": container.host, "container": container, "operation": an_operation(state="succeeded")}
    numbers = {f"{noun}_id": row.pk for noun, row in rows.items()}
    return numbers, {"Authorization": f"Bearer {a_token(an_admin())[1]}"}


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_api_keeps_what_its_document_says(case, there):
    numbers, headers = there
    for name, value in case.path_parameters.items():
        if name in numbers and isinstance(value, int) and 0 < value < 2**63:
            case.path_parameters[name] = numbers[name]
    case.call_and_validate(headers=headers, checks=CHECKS)
