"""A pipeline with a token of just its scopes, over HTTP to the running site: it checkpoints, waits, restores, reads."""

import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from containers_app.models import AuditEvent
from containers_app.services import tokens
from tests.builders import a_member
from tests.live.conftest import fresh, numbers

pytestmark = pytest.mark.live

SCRIPT = Path(__file__).parent / "pipeline.sh"


@pytest.fixture
def account(operator):
    """A service account with the operator's role in the default team."""
    name = f"ci-{time.monotonic_ns()}"
    return a_member(tokens.add_service_account(by=operator.by, name=name, purpose="a pipeline"), "operator")


def a_token(operator, account, *scopes):
    """(the Token, its text) of that account."""
    return tokens.create(by=operator.by, user=account, name="nightly", scopes=scopes, days=1)


def call(site, text, path, method="GET"):
    """(status, JSON) of a request to the API."""
    request = urllib.request.Request(
        f"{site.url}api/v1{path}", method=method, headers={"Authorization": f"Bearer {text}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=70) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_pipeline_checkpoints_waits_restores_and_reads_the_history(site, operator, account):
    looper = operator.create("looper")
    numbers(site, "looper", at_least=3)
    _, text = a_token(operator, account, "see", "checkpoint", "restore", "read_audit")
    env = {**os.environ, "FREEZEFRAME_URL": site.url.rstrip("/"), "FREEZEFRAME_TOKEN": text, "CI_JOB": account.username}
    done = subprocess.run([SCRIPT, str(looper.pk)], env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    taken, restored, *events = done.stdout.splitlines()
    assert taken.startswith("Checkpointed looper") and "in place" in restored
    assert events[:2] == [
        f"{account}, token nightly, checkpoint.restored",
        f"{account}, token nightly, checkpoint.taken",
    ]
    before = site.logs("looper")
    assert numbers(site, "looper", at_least=len(before) + 2) and fresh(looper).state == "running"
    assert looper.checkpoints.get().tags.get().name == "pipeline"

    status, refusal = call(site, text, f"/containers/{looper.pk}/kill", "POST")
    assert (status, refusal["remedy"]) == (403, "It needs a token with the scope operate.")


def test_many_wait_at_once_and_nobody_else_waits_for_them(site, operator, account):
    looper = operator.create("looper")
    _, text = a_token(operator, account, "see", "exec")
    status, asked = call_exec(site, text, looper)
    assert status == 202
    answers = []
    waiting = [
        threading.Thread(target=lambda: answers.append(call(site, text, f"/operations/{asked['id']}/wait?timeout=30")))
        for _ in range(50)
    ]
    for thread in waiting:
        thread.start()
    began = time.monotonic()
    assert call(site, text, "/hosts")[0] == 200
    assert time.monotonic() - began < 3
    for thread in waiting:
        thread.join()
    assert [(status, answer["state"]) for status, answer in answers] == [(200, "succeeded")] * 50
    status, answer = call(site, text, f"/operations/{asked['id']}/wait?timeout=60")
    assert answer["finished"] and answer["output"] == "ready\n"


def test_what_a_revoked_token_asked_for_is_refused_on_the_agent(site, operator, account):
    looper = operator.create("looper")
    token, text = a_token(operator, account, "see", "exec")
    site.end("worker")
    _, asked = call_exec(site, text, looper)
    tokens.revoke(by=operator.by, token=token)
    site.start_worker()
    operation = operator.ended(looper.operations.get(pk=asked["id"]))
    assert operation.state == "failed" and not operation.commands
    event = AuditEvent.objects.filter(operation=operation, result__in=("failed", "refused")).first()
    assert event.authenticated == "token nightly" and call(site, text, "/hosts")[0] == 401


def call_exec(site, text, container):
    body = json.dumps({"command": ["/bin/sh", "-c", "sleep 3; echo ready"]}).encode()
    request = urllib.request.Request(
        f"{site.url}api/v1/containers/{container.pk}/exec", data=body, method="POST",
        headers={"Authorization": f"Bearer {text}", "Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status, json.load(answer)
