"""Notes: Markdown comes out as HTML of a few harmless tags, whatever was written."""

from html.parser import HTMLParser

import pytest

from containers_app import notes


def test_what_people_write_is_shown_as_they_mean_it():
    html = notes.html(
        "Warm after **import**, see `run 7`:\nnext\n\n- one\n- [why](https://e.example/x)\n\n|a|b|\n|-|-|\n|1|2|"
    )
    assert (
        "<strong>import</strong>" in html and "<code>run 7</code>" in html and "<br>" in html and "<td>1</td>" in html
    )
    assert '<a href="https://e.example/x" rel="nofollow noopener noreferrer">why</a>' in html


def test_headings_stand_below_the_pages_own():
    assert notes.html("# One\n\n###### Six") == "<h3>One</h3>\n<h3>Six</h3>\n"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "![picture](https://e.example/x.png)",
        "[x](javascript:alert(1))", "[x](data:text/html,hi)", "<a href='//e' style='x'>x</a>", "<style>p{}</style>",
        '[x](https://e "onmouseover=alert(1)")', "<https://e.example/\"onclick=x>", "&lt;script&gt;", "<svg><script>x",
    ],
)  # fmt: skip
def test_nothing_that_does_harm_comes_out(text):
    html = notes.html(text)
    assert not any(word in html for word in ("<script", "<img", "<style", "<svg", 'href="javascript', 'href="data'))
    assert attributes_in(html) <= {"href", "rel", "title"}


def attributes_in(html):
    found, parser = set(), HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.update(name for name, _ in attributes)
    parser.feed(html)
    return found


def test_any_length_of_nesting_comes_out():
    assert len(notes.html("> " * 2000 + "deep" + "*" * 5000)) > 0


def test_the_gist_is_one_line_without_marks():
    note = "# Warm\n\n- after **import** of `run_7`\n> see [why](https://e.example/)\n1. <b>"
    assert notes.gist(note) == "Warm after import of run_7 see why <b>"
