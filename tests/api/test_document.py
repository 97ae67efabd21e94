"""docs/api.md against the API: its addresses are there, its codes are those that are answered."""

import re
from pathlib import Path

from containers_app.api import api, problems

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()
PATHS = {
    re.sub(r"\{[a-z_]+\}", "1", path.removeprefix("/api/v1")): methods
    for path, methods in api.get_openapi_schema(path_prefix="/api/v1/")["paths"].items()
}


def test_every_address_of_its_commands_is_there():
    commands = re.findall(r'curl ((?:[^\n]*\\\n)*[^\n]*"\$api(/[^"?]*)[^\n]*)', TEXT)
    assert len(commands) > 8
    for command, path in commands:
        method = "put" if "-X PUT" in command else "post" if "--json" in command else "get"
        assert method in PATHS[re.sub(r"/([0-9]+|\$key)(?=/|$)", "/1", path)], command


def test_every_address_that_it_names_is_there():
    for method, path in re.findall(r"`(GET|POST) /api/v1(/[^`]*)`", TEXT):
        assert method.lower() in PATHS[re.sub(r"\{[a-z_]+\}", "1", path)]


def test_it_tells_every_code_that_programs_compare():
    told = {(int(status), code) for status, codes, _ in re.findall(r"\| (\d{3}) \| (.*?) \| (.*?) \|", TEXT)
            for code in re.findall(r"`([a-z-]+)`", codes)}  # fmt: skip
    known = {(status, code) for status, (code, _) in problems.STATUSES.items()}
    assert known - told == {(416, "range-not-satisfiable"), (500, "error"), (502, "command-failed")}
