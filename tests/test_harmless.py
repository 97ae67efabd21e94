"""Hidden characters become visible ones: nothing steers a terminal, turns text around or begins a line of its own."""

import logging
import unicodedata

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from containers_app import htmx
from containers_app.harmless import LineFormatter, harmless, harmless_line
from tests.builders import a_user


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("looper", "looper"),
        ("Größe 日本語 👩\u200d💻 é", "Größe 日本語 👩\u200d💻 é"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("exe.\u202egnp", "exe.\\u202egnp"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("tab\tand\r\nline", "tab\tand\r\nline"),
    ],
)
def test_what_is_hidden_is_written_out(text, shown):
    assert harmless(text) == shown


def test_every_control_and_bidi_character_is_written_out_but_tabs_and_line_ends():
    bidi = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    for number in range(0x3000):
        char = chr(number)
        steers = unicodedata.category(char) == "Cc" or unicodedata.bidirectional(char) in bidi
        if steers and char not in "\t\n\r":
            assert harmless(char) != char, hex(number)


def test_a_line_stays_one():
    assert harmless_line("one\r\ntwo\u2028three") == "one\\x0d\\x0atwo\\u2028three"


def test_what_is_logged_cannot_begin_a_line():
    record = logging.makeLogRecord(
        {"msg": "refused %s", "args": ("x\n2026-01-01 ERROR forged\x1b[2J",), "levelname": "INFO"}
    )
    line = LineFormatter("%(levelname)s %(message)s").format(record)
    assert line == "INFO refused x\\x0a2026-01-01 ERROR forged\\x1b[2J"


@pytest.mark.parametrize(("kind", "changed"), [("text/html; charset=utf-8", True), ("application/json", False)])
def test_pages_have_no_hidden_character_and_files_are_left_as_they_are(kind, changed):
    answer = htmx.harmless_middleware(lambda request: HttpResponse("a\u202eb", content_type=kind))
    text = answer(RequestFactory().get("/")).content.decode()
    assert (text == "a\\u202eb") == changed


def test_a_page_with_hidden_characters_has_the_length_that_it_says(client, db):
    user = a_user("name\u202egnp")
    client.force_login(user)
    response = client.get("/")
    assert b"name\\u202egnp" in response.content and int(response["Content-Length"]) == len(response.content)
