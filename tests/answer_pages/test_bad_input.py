"""What a model may write at worst, through a whole turn: the chat and the page get something that
is bounded, and nothing that acts.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.answer_pages.test_markup import HOSTILE, Reader
from wechat_dialog import Bot, Chat, replies
from wechat_dialog.core.store.pages import ROOM
from wechat_dialog.replies import kinds
from wechat_dialog.replies.links import TEXT_LIMIT
from wechat_dialog.testing import Talk

URL = "https://example.com/wx/p"
MB = 1024 * 1024
LINE = "**第一**，[下载](https://example.com/d)，`a < b`。" + "一步一步来，" * 60 + "\n\n"


def talk_of(text: str, *, plain: bool = False) -> Talk:
    """A talk with a bot whose model writes this."""
    bot = Bot(token="t", pages=URL)

    @bot.text("问")
    def ask(chat: Chat) -> replies.Sayable:
        return text if plain else replies.Markdown(text)

    return Talk(bot, strict=False)


BIG: dict[str, Callable[[], str]] = {
    "1 MB": lambda: LINE * (MB // len(LINE)),
    "1 MB in one line": lambda: "一二三四五六七八九十" * (MB // 10),
    "1 MB of links that lead nowhere": lambda: f"[{'一' * 300}](javascript:x) " * (MB // 320),
    "1 MB of HTML": lambda: f"<script>{'x' * 300}</script>\n" * (MB // 320),
    "1 MB of NUL": lambda: "a\x00\u202e" * (MB // 3),
    "10 000 quotes within each other": lambda: "> " * 10_000 + "a\n\n" + LINE * 100,
    "10 000 quotes, one deeper each": lambda: "".join(">" * n + " a\n" for n in range(140)) + LINE,
}


@pytest.mark.parametrize("plain", [False, True], ids=["Markdown", "str"])
@pytest.mark.parametrize("name", BIG)
def test_a_huge_answer_is_a_reply_and_a_page_of_their_sizes(name: str, plain: bool) -> None:
    talk = talk_of(BIG[name](), plain=plain)
    seen = talk("问")
    assert len(str(talk._seen.reply.content).encode()) <= TEXT_LIMIT  # type: ignore[union-attr]
    assert not re.search("[\x00-\x08\u202a-\u202e]", seen) or plain
    if talk.page is None:
        assert "quotes" in name, "what is left of it fits a reply"
        return
    assert talk.page.complete
    assert len(talk.page.encode()) <= ROOM
    harmless(talk.page.html)


def harmless(html: str) -> None:
    """What was written has neither a script nor a link that acts."""
    answer = html.partition('<div id="answer"')[2].partition(">")[2]
    answer = answer.rpartition('</div>\n<div id="below">')[0]
    reader = Reader()
    reader.feed(re.sub(r'<p class="note">[^<]*</p>', "", answer))  # what the page itself says
    reader.close()
    assert answer
    assert reader.open == []


@pytest.mark.parametrize("text", HOSTILE)
def test_in_the_chat_only_links_to_the_web_are_links(text: str) -> None:
    seen = talk_of(f"好。{text}\n\n再见")("问")
    for address in re.findall(r"""<a\s[^>]*?href\s*=\s*["']?([^"'>]*)""", seen, re.IGNORECASE):
        assert re.match(r"https?://[^/]", address, re.IGNORECASE), address
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", seen)
    assert "msgmenucontent" not in seen


def test_no_more_is_converted_than_is_kept() -> None:
    shown = replies.Markdown("一" * MB).shown
    assert len(shown.content) <= kinds.CONVERTED
    assert ROOM <= kinds.CONVERTED
