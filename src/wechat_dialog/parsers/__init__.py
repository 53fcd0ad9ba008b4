"""What people type on a phone in Chinese, turned into values.

A parser is called with a text and the moment it arrived and returns a value, or raises `ValueError`
with a sentence for the user. Nothing here reads a clock. What is understood, what is refused and
why is one table, `docs/parsers.md`, and the tests read it.
"""

from .choices import match_choice, match_choices
from .identity import email, id_number, phone
from .kinds import ahead, parser_for
from .numbers import amount, count
from .parser import Parser
from .yes_no import yes_no

__all__ = [
    "Parser",
    "ahead",
    "amount",
    "count",
    "email",
    "id_number",
    "match_choice",
    "match_choices",
    "parser_for",
    "phone",
    "yes_no",
]
