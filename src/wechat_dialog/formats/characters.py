"""Which characters a text keeps, and how blanks at the start of a line come through the parser."""

from __future__ import annotations

import re

__all__ = ["BLANK", "WIDE_BLANK", "clean", "fenced", "unfenced"]

# Noncharacters, which `clean` takes out of every text, so that no text has its own.
BLANK = "\ufdd0"
WIDE_BLANK = "\ufdd1"

_LEFT_OUT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufdd0-\ufdef"
    "\ufffe\uffff\ud800-\udfff]"
)

_INDENTED = re.compile("^([ \t]*)(\u3000+)", re.MULTILINE)


def clean(text: str) -> str:
    """Leave out what no reader sees: controls, marks that turn the direction, half characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _LEFT_OUT.sub("", text)


def fenced(text: str) -> str:
    """Keep ideographic blanks that indent a line from being taken for white space."""
    return _INDENTED.sub(lambda match: match[1] + WIDE_BLANK * len(match[2]), text)


def unfenced(text: str) -> str:
    """Turn the placeholders of `fenced` back into blanks."""
    return text.replace(BLANK, " ").replace(WIDE_BLANK, "\u3000")
