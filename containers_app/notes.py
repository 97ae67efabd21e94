"""Notes: Markdown that people write, as HTML that does no harm.

Links go out without our name (nofollow, noreferrer); pictures and HTML of their own have no place in a note, and its
headings stand below the page's. Knows no rows and no requests.
"""

import re
from functools import cache

import nh3
from markdown_it import MarkdownIt

TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h3", "hr", "li", "ol", "p", "pre", "s", "strong", "table", "tbody",
    "td", "th", "thead", "tr", "ul",
}  # fmt: skip
HEADING = "h3"  # below the page's h1 and the panel's h2, whatever level was written


@cache
def _parser():
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": False})
    return parser.enable(["table", "strikethrough"]).disable("image")


def html(text):
    """The note as HTML with TAGS alone; whatever else it has in it stands there as text."""
    tokens = _parser().parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = HEADING
    written = _parser().renderer.render(tokens, _parser().options, {})
    return nh3.clean(
        written,
        tags=TAGS,
        attributes={"a": {"href", "title"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
    )


def gist(text):
    """The note in a line of plain text: for lists, which have no room for more."""
    text = re.sub(r"!?\[([^\]\n]*)\]\([^)\s]*\)", r"\1", text)
    text = re.sub(r"^\s*(?:#{1,6}|>|[-*+]|\d+\.)\s+", "", text, flags=re.MULTILINE)
    return " ".join(re.sub(r"\*\*|__|~~|`", "", text).split())
