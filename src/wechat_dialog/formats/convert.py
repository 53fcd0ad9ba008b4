"""A model's Markdown as a WeChat text.

The platform shows a text as it is: an asterisk is an asterisk. The one thing it draws is a link,
`<a href="https://…">` (protocol reference 5.5). So Markdown is parsed (markdown-it-py, in
`parsing`), and written again as people write in a chat (`writing`), with links made by `links`.

Proof: `tests/formats/`, with a corpus of answers and what each becomes.
"""

from __future__ import annotations

from . import characters, links
from .parsing import parse
from .writing import written

__all__ = ["wechat_text"]

_DONE = "\u2002"
"""A blank at the very end: this is converted, though parts of it read like Markdown."""


def wechat_text(markdown: str) -> str:
    r"""Write a text in Markdown as a WeChat text.

    Headings become 【…】, items • and ☐ ☑, numbers stay. A quote's lines begin with │, a rule is
    ———. A table of two columns becomes lines `a：b`; a wider one a group of lines `column：value`
    for each row. Code stays as it is, without its fence. Bold and italics are dropped, and of
    formulas the delimiters. `<br>` breaks the line; other HTML is shown as text.

    A link to http or https becomes `<a href="…">…</a>`; of any other (javascript:, data:,
    weixin://), and of one longer than 1500 bytes, the words are left. `<a href="http…">` passes;
    nothing else in the result begins a link, whatever the text held. Links that send words
    (`chat.choose`, `replies.links`) are not part of a text: they are added afterwards.

    Control characters and marks that turn the direction of writing are left out. The result may
    have any length: it is split when it is sent, and never within a link.

    It can be applied twice: `wechat_text(wechat_text(x)) == wechat_text(x)` for every `x`. Where
    the result would read as Markdown again (`# a comment` in code, a star that was escaped), it
    ends with a blank, U+2002, which says so; whatever is put together from results, or stripped of
    that blank, is read as Markdown again.

    Args:
        markdown: CommonMark with tables and ~~strikethrough~~, as far as models keep to it. May be
            empty. The time is linear in its length, and bounded for the parser: of a text with tens
            of thousands of lines or marks, the end is shown as it was written (`work`).

    Returns:
        The text, without line breaks around it; "" for nothing.

    Raises:
        ConfigurationError: markdown-it-py is not installed (`wechat-dialog[markdown]`).
    """
    text = characters.clean(markdown)
    if text.endswith(_DONE):
        return links.only_ours(text).strip("\n")
    result = _converted(text)
    return result if _converted(result) == result else result + _DONE


def _converted(text: str) -> str:
    document = parse(characters.fenced(text))
    return links.only_ours(characters.unfenced(written(document)))
