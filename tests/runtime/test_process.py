"""Starting commands: bounded, timed, with a small environment, and processes that are named for good."""

import os
import subprocess
import sys

import pytest

from containers_app.errors import CommandFailed, Unavailable
from containers_app.runtime import process


def python(code):
    return [sys.executable, "-c", code]


def test_a_command_gives_its_exit_code_and_both_outputs():
    done = process.run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), timeout=20)
    assert (done.exit_code, done.stdout, done.stderr) == (3, "out\n", "err\n")


def test_a_program_that_is_not_there_says_what_to_do():
    with pytest.raises(Unavailable) as caught:
        process.run(["no-such-program-here"], timeout=5)
    assert "script/setup" in caught.value.remedy


def test_a_command_that_outlasts_its_time_is_ended():
    with pytest.raises(CommandFailed, match="did not end within"):
        process.run(python("import time; time.sleep(60)"), timeout=0.5)


def test_our_secrets_are_not_handed_on(monkeypatch):
    monkeypatch.setenv("FREEZEFRAME_SECRET_KEY", "hush")
    monkeypatch.setenv("DATABASE_URL", "postgres://user:hush@host/db")
    assert "hush" not in process.run(python("import os; print(dict(os.environ))"), timeout=20).stdout


def test_standard_error_is_kept_from_its_end():
    done = process.run(python("import sys; sys.stderr.write('x' * 300000 + 'the end')"), timeout=20)
    assert len(done.stderr) == process.STDERR_LIMIT and done.stderr.endswith("the end")


def test_a_process_is_alive_under_its_own_name_only():
    me = process.identity(os.getpid())
    assert process.alive(me)
    assert not process.alive({**me, "started": me["started"] + 1})
    assert not process.alive({})


def test_an_ended_process_has_no_name():
    done = process.start(python("pass"))
    done.wait()
    assert process.identity(done.pid) == {}


def test_ending_a_process_spares_another_with_the_same_number():
    child = process.start(python("import time; time.sleep(60)"))
    try:
        name = process.identity(child.pid)
        process.end({**name, "started": name["started"] - 1})
        assert child.poll() is None
        process.end(name)
        assert child.wait(timeout=10) == -9
    finally:
        child.kill()


def test_resident_memory_is_that_of_the_process_and_its_children():
    assert process.resident_bytes(os.getpid()) > 1024 * 1024
    assert process.resident_bytes(2**30) == 0


def test_a_bounded_command_keeps_the_end_of_both_its_streams():
    result = process.run_bounded(["sh", "-c", "seq 1 100000; echo error >&2; exit 3"], timeout=10, limit=20)
    assert result.exit_code == 3 and result.stdout.endswith("99999\n100000\nerror\n") and len(result.stdout) <= 20


@pytest.mark.parametrize("words", ["yes", "echo begun; sleep 60", "echo begun; exec >&- 2>&-; sleep 60"])
def test_a_bounded_command_that_does_not_end_is_ended_and_its_output_kept(words):
    with pytest.raises(CommandFailed) as caught:
        process.run_bounded(["sh", "-c", words], timeout=1, limit=100)
    assert caught.value.exit_code is None and caught.value.stderr


def test_what_carries_a_mark_in_its_environment_is_ended_and_nothing_else():
    mark, env = f"FREEZEFRAME_EXEC=test-{os.getpid()}", dict(os.environ)
    marked = subprocess.Popen(["sleep", "60"], env={**env, **dict([mark.split("=")])})
    other = subprocess.Popen(["sleep", "60"], env={**env, "OTHER": mark})
    try:
        assert process.end_marked(mark) == 1
        assert marked.wait(timeout=5) == -9 and other.poll() is None
    finally:
        other.kill()
        other.wait()
