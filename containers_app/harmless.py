"""Text from elsewhere made safe to read: what would steer a terminal or turn text around becomes a visible escape.

Containers choose their own names, labels and log lines; people choose notes. Knows text only, nothing of where it goes.
"""

import logging
import re

# Controls but tab and line ends; zero-width and bidi marks (UAX #9); line separators; invisible tags.
_HIDDEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f"
)
TERMINAL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])"
)  # ECMA-48 control sequences
HIDDEN = re.compile(f"[{_HIDDEN}]")
UNSEEN_IN_A_LINE = re.compile(f"[{_HIDDEN}\r\n]")


def harmless(text):
    """`text` with every hidden character written out: a right-to-left override is `\\u202e`. Lines stay lines."""
    return HIDDEN.sub(_written_out, text)


def harmless_line(text):
    """The same as one line."""
    return UNSEEN_IN_A_LINE.sub(_written_out, text)


def _written_out(match):
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


class LineFormatter(logging.Formatter):
    """Nothing that is logged can begin a line of its own; only a traceback has several."""

    def formatMessage(self, record):
        record.message = harmless_line(record.message)
        return super().formatMessage(record)
