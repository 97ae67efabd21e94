"""One operation: what it does, and why it failed."""

from tests.builders import a_checkpoint, a_container, a_host, ago, an_operation

from .conftest import fragment, queries, words

LOG = """(00.002) Running network-lock scripts
(00.008) Error (criu/sk-inet.c:191): inet: Connected TCP socket, consider using --tcp-established option.
(00.009) Error (criu/cr-dump.c:2111): Dumping FAILED.
"""


def page(client, operation):
    return client.get(f"/operations/{operation.pk}/")


def phases(*names):
    return [{"name": name, "at": ago(seconds=10 - place).isoformat()} for place, name in enumerate(names)]


def test_a_stranger_is_asked_to_sign_in(stranger):
    assert page(stranger, an_operation()).status_code == 302


def test_what_is_not_there_is_not_found(viewer):
    assert viewer.get("/operations/12345/").status_code == 404


def test_a_queued_one_says_what_it_waits_for_and_an_operator_can_cancel_it(operator, viewer):
    operation = an_operation()
    text = page(operator, operation).content.decode()
    assert "waits for the agent of local" in text and f"/operations/{operation.pk}/cancel/" in text
    assert f"/operations/{operation.pk}/cancel/" not in page(viewer, operation).content.decode()


def test_one_that_waits_for_an_agent_that_is_away_says_so(operator):
    operation = an_operation(container=None, kind="create", target_name="x", host=a_host(worker_seen_at=ago(hours=1)))
    assert "this begins when it is back" in words(page(operator, operation))


def test_one_that_runs_shows_phases_bytes_and_the_command(viewer):
    operation = an_operation(
        state="started",
        phases=phases("looking", "archiving"),
        progress_bytes=512 * 2**20,
        expected_bytes=2**30,
        commands=[["podman", "container", "checkpoint", "my looper"]],
    )
    response = page(viewer, operation)
    text = words(response)
    assert "512 MiB of about 1.00 GiB, about 9 s left" in text and "looking" in text
    assert 'data-copy="podman container checkpoint &#x27;my looper&#x27;"' in response.content.decode()
    assert f'hx-trigger="sse:operation-{operation.pk}"' in response.content.decode()


def test_more_bytes_than_expected_never_pass_the_end(viewer):
    values = dict(progress_bytes=3 * 2**20, expected_bytes=2**20)
    text = words(page(viewer, an_operation(state="started", phases=phases("archiving"), **values)))
    assert "3.0 MiB of about 3.0 MiB" in text and "left" not in text


def test_a_failure_leads_with_cause_and_remedy_then_the_line_that_matters_then_the_log(operator):
    operation = an_operation(
        state="failed",
        container=a_container(name="orders"),
        summary="Established TCP connections. orders was brought back.",
        cause="A process has an open connection.",
        remedy="Tick the option.",
        failure="tcp-established",
        criu_log=LOG,
        output="Error: criu failed",
        phases=phases("looking", "dumping memory", "bringing it back"),
        options={"flags": {"leave_running": True, "tcp_established": False}, "mode": "keep_running"},
    )
    text = words(page(operator, operation))
    order = [
        "Established TCP connections.",
        "Why. A process",
        "What to do. Tick",
        "sk-inet.c:191",
        "Error: criu failed",
    ]
    assert sorted(order, key=text.index) == order
    assert text.index("CRIU’s log", text.index("Error: criu failed")) < text.index("network-lock")
    assert (
        f"/containers/{operation.container.pk}/checkpoint/?mode=keep_running"
        in page(operator, operation).content.decode()
    )
    assert [phase["status"] for phase in page(operator, operation).context["phases"]] == ["done", "bad", "done"]


def test_a_failed_creation_can_be_tried_again_with_what_was_typed(operator):
    options = {"image": "x:1", "command": ["sh", "-c", "a b"], "publish": [], "env": []}
    operation = an_operation(kind="create", container=None, target_name="web", state="failed", options=options)
    assert (
        "/containers/new/?name=web&amp;image=x%3A1&amp;command=sh+-c+%27a+b%27"
        in page(operator, operation).content.decode()
    )


def test_what_came_of_it_is_a_link(viewer):
    checkpoint = a_checkpoint()
    text = page(viewer, checkpoint.operation).content.decode()
    assert f'href="/catalog/{checkpoint.pk}/"' in text and f'href="/containers/{checkpoint.container.pk}/"' in text


def test_values_of_the_environment_stay_out_of_the_command(viewer):
    operation = an_operation(state="succeeded", commands=[["podman", "create", "--env=TOKEN=s3cret", "x"]])
    text = page(viewer, operation).content.decode()
    assert "TOKEN=" in text and "s3cret" not in text


def test_hostile_output_is_text(viewer):
    operation = an_operation(state="failed", output="<script>x</script>\x1b[1m", criu_log="<img src=x>", summary="<b>")
    text = page(viewer, operation).content.decode()
    assert "<script>x" not in text and "<img src" not in text and "\x1b" not in text


def test_the_fragment_brings_a_title_that_tells_the_end(viewer):
    operation = an_operation(state="succeeded", container=a_container(name="looper"))
    text = fragment(viewer, f"/operations/{operation.pk}/", "operation_now").content.decode()
    assert "<title>Succeeded: Checkpoint looper" in text and "<html" not in text


def test_it_takes_few_queries(viewer):
    assert queries(viewer, f"/operations/{a_checkpoint().operation.pk}/") <= 12


def test_a_failure_that_an_option_cures_offers_it_with_one_click(operator, viewer):
    flags = {"tcp_established": False, "file_locks": True}
    operation = an_operation(
        state="failed", kind="checkpoint", failure="tcp-established-dump", options={"flags": flags, "mode": "copy"}
    )
    address = f"/containers/{operation.container_id}/checkpoint/?file_locks=on&amp;mode=copy&amp;tcp_established=on"
    response = page(operator, operation)
    assert "Try again with --tcp-established" in words(response) and address in response.content.decode()
    assert b"checked" in operator.get(address.replace("&amp;", "&")).content
    assert "Try again with" not in words(page(viewer, operation))


def test_what_was_foreseen_offers_its_cure_but_not_what_was_ticked_already(operator):
    checkpoint = a_checkpoint()
    values = dict(state="failed", kind="restore", checkpoint=checkpoint, failure="foreseen", container=None)
    for ticked in (False, True):
        flags = {"name": "copy", "publish": ["80:80"], "ignore_volumes": ticked}
        operation = an_operation(**values, result={"option": "ignore_volumes"}, options={"flags": flags})
        response = page(operator, operation)
        assert ("Try again with --ignore-volumes" in words(response)) == (not ticked)
    again = f"/catalog/{checkpoint.pk}/restore/?as_new=on&name=copy&publish=80%3A80&ignore_volumes=on"
    text = operator.get(again).content.decode()
    assert 'value="copy"' in text and "80:80</textarea>" in text


def test_everything_can_be_copied_for_a_bug_report(viewer):
    operation = an_operation(
        state="failed", output="Error: it broke", criu_log=LOG, commands=[["podman", "x y"]], summary="It failed."
    )
    text = page(viewer, operation).content.decode()
    assert "Copy everything, for a bug report" in text
    report = text.split('data-copy="')[-1] if "criu_version" not in text else text
    assert "criu_version: 4.2.1" in report and "podman &#x27;x y&#x27;" in report and "Error: it broke" in report
