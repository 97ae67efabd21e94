"""A program with a token, and the shape of a problem."""

import json

from django.test import Client

FIELDS = {"type", "title", "status", "detail", "code", "remedy", "request_id", "errors"}


class Caller:
    """Calls the API with its token; paths begin after /api/v1."""

    def __init__(self, token, text):
        self.token, self.text, self.user = token, text, token.user
        self._client = Client(headers={"Authorization": f"Bearer {text}"}, raise_request_exception=False)

    def get(self, path, **values):
        return self._client.get(f"/api/v1{path}", values)

    def post(self, path, body=None, key=None):
        return self.call("POST", path, body, headers={"Idempotency-Key": key} if key else {})

    def call(self, method, path, body=None, **values):
        """With a body of JSON, or of bytes."""
        sent = {}
        if isinstance(body, bytes):
            sent = {"data": body, "content_type": "application/octet-stream"}
        elif body is not None:
            sent = {"data": json.dumps(body), "content_type": "application/json"}
        return self._client.generic(method, f"/api/v1{path}", **{**sent, **values})


def problem(response, status, code=None):
    """The response's problem, once it is seen to be one."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    found = response.json()
    assert found.keys() == FIELDS
    assert found["status"] == status and found["request_id"] == response["X-Request-ID"]
    assert code in (None, found["code"])
    assert found["type"] == f"/api/docs/#problem-{found['code']}"
    return found
