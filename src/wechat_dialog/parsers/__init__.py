"""What people type on a phone in Chinese, turned into values.

A parser is called with a text and the moment it arrived and returns a value, or raises `ValueError`
with a sentence for the user. Nothing here reads a clock. What is understood, what is refused and
why is one table, `docs/parsers.md`, and the tests read it.
"""

from wechat_dialog.parsers.choices import match_choice, match_choices
from wechat_dialog.parsers.identity import email, id_number, phone
from wechat_dialog.parsers.kinds import parser_for
from wechat_dialog.parsers.numbers import amount
from wechat_dialog.parsers.parser import Parser
from wechat_dialog.parsers.yes_no import yes_no

__all__ = [
    "Parser",
    "amount",
    "email",
    "id_number",
    "match_choice",
    "match_choices",
    "parser_for",
    "phone",
    "yes_no",
]
