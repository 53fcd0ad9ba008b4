"""Every sentence that an end user can see, in one place, settable:
`Bot(texts=Texts(waiting="…"))`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

__all__ = ["Texts"]


@dataclass(frozen=True, slots=True)
class Texts:
    """The library's sentences; what a dialog says is written by its author.

    Attributes:
        waiting: Answers the platform's last request while the turn still runs; followed by the link
            that fetches the answer.
        more: The tappable word that fetches held parts; users may also type it.
        more_before: Said before an answer with several parts whose first part is not a text.
        not_taken: Said before a question that the user could not have seen when they wrote.
        apology: Said when the dialog failed, or the store until the platform's last request was
            over.
        say_again: Said before a secret question that is asked again, since its answer was lost.
        changed: Said before the question at which a conversation continues after its code changed.
        restarted: Said before the first question when a conversation has to start again after its
            code changed.
        expired: Said before the answer to a message that came too late for its conversation; ""
            says nothing.
        cancelled: Said when the user cancelled, and the dialog itself said nothing.
        no_way_back: Said after a back word if there is nothing to take back.
        too_many: Said when the attempts at one question are used up, and the dialog itself said
            nothing.
        way_out: Said after every third answer in a row to one question that does not fit, if it can
            be cancelled; `{cancel}` is the first of the bot's cancel words. "" says nothing.
        text_wanted: Said when a text was expected and something else came.
        other_wanted: Said when another kind of message was expected that is not in `kind_wanted`.
        kind_wanted: The same by expected kind of message.
        choice_wanted: Said when an answer is not one of the options.
        yes_no_wanted: Said when an answer is neither yes nor no.
        yes: Label of the tappable yes.
        no: Label of the tappable no.
        next_page: Label of the option that shows further options.
        previous_page: Label of the option that goes back to earlier ones.
        page: The position in a long menu; `{page}` and `{pages}` are numbers.
        several: Said below a menu in which several options may be chosen.
        take: What a tap on such an option sends; `{label}` is its label, or 第2个.
        leave: What a tap on a ticked option sends.
        ticked: How a ticked option is shown.
        finish: The tappable word that submits the ticked options.
        finish_shown: How that word is shown; `{count}` is the number of ticks.
        whatever: Label of a default answer; `{answer}` is that answer.
        skip: Label of the option that leaves a form's field empty.
        keep: Label of the option that keeps a form's default; `{value}` is that value.
        nothing: Shown in a form's summary for a field that was left empty.
        form_ask: Asks for a form's field; `{title}` is the field's title.
        form_choose: Asks for a form's field by a menu.
        form_confirm: Label of the option that accepts a form.
        form_change: Label of the option that changes one field; `{title}` is the field's title.
        form_cancel: Label of the option that gives a form up.
        form_summary: First line of a form's summary.
        ai_generated: The line below AI-generated content (`Bot(ai_generated=True)`, or a reply's
            own flag); "" says nothing, for accounts whose texts say it themselves.
        refused: Replaces what the bot's reviewer refused or failed on; "" says nothing.
        page_wait: The link below `waiting` to the page that will show the answer (`Bot(pages=)`).
        page_whole: The link below the first part of an answer to the page that shows all of it.
        page_title: The page's title.
        page_writing: Shown on the page, below the content so far, while more is to come.
        page_end: Shown there when the answer is complete.
        page_stopped: Shown there when the page is no longer updated.
        page_question: Stands for the question at the end of the answer, which is in the chat, or
            is fetched there by `{more}`, the text `more`.
        page_other: Stands for a part of the answer that is not a text, and is in the chat.
        page_cut: Shown at the end of an answer that is too long for a page.
        page_gone: Shown if the page does not exist, or no longer exists.
    """

    waiting: str = "正在处理，请稍候…"
    more: str = "继续"
    more_before: str = "有几条内容给您，点一次看一条："
    not_taken: str = "（刚才那条没有作为回答，请先看：）"
    apology: str = "抱歉，出了点问题，请稍后再试。"
    say_again: str = "请再说一次。"
    changed: str = "（对话刚刚更新了，请从这里继续。）"
    restarted: str = "（对话刚刚更新了，需要重新开始。）"
    expired: str = ""
    cancelled: str = "已取消。"
    no_way_back: str = "已经不能再返回了。"
    too_many: str = "几次都没有看懂，先到这里吧。"
    way_out: str = "（不想继续的话，请回复“{cancel}”。）"
    text_wanted: str = "请用文字回答。"
    other_wanted: str = "请发送所要求的内容。"
    choice_wanted: str = "请从列出的选项里选一个。"
    yes_no_wanted: str = "请回答“是”或“否”。"
    yes: str = "是"
    no: str = "否"
    next_page: str = "下一页"
    previous_page: str = "上一页"
    page: str = "（{page}/{pages}）"
    several: str = "（可选几项：逐个点选，或直接回复序号，如：1、3）"
    take: str = "选{label}"
    leave: str = "不选{label}"
    ticked: str = "✓{label}"
    finish: str = "选好了"
    finish_shown: str = "选好了（已选 {count} 项）"
    whatever: str = "{answer}（默认）"
    skip: str = "跳过"
    keep: str = "默认（{value}）"
    nothing: str = "（无）"
    form_ask: str = "请填写{title}："
    form_choose: str = "请选择{title}："
    form_confirm: str = "确认"
    form_change: str = "修改{title}"
    form_cancel: str = "取消"
    form_summary: str = "请核对："
    ai_generated: str = "（以上内容由AI生成）"
    refused: str = "抱歉，这条内容暂时不能发送。"
    page_wait: str = "在网页上等回答"
    page_whole: str = "看全文"
    page_title: str = "回答"
    page_writing: str = "正在写，写好的会出现在这里"
    page_end: str = "写完了，可以回到对话继续聊。"
    page_stopped: str = "已不再自动更新，刷新可以再看。"
    page_question: str = "（最后还有一个问题，请回到对话里回答；没看到的话，回复“{more}”。）"
    page_other: str = "（这里有一条不是文字的内容，请回到对话里看。）"
    page_cut: str = "（太长了，后面的没有显示。）"
    page_gone: str = "这一页不存在，或者已经过期。"
    kind_wanted: Mapping[str, str] = field(
        default_factory=lambda: {
            "text": "请用文字回答。",
            "image": "请发送一张图片。",
            "voice": "请发送一段语音。",
            "video": "请发送一段视频。",
            "shortvideo": "请拍一段小视频发送。",
            "location": "请发送您的位置。",
            "link": "请发送一个链接。",
            "file": "请发送一个文件。",
        }
    )

    def __post_init__(self) -> None:
        """Check that every sentence can be shown, where it is set.

        Raises:
            TypeError: It is not a text.
            ValueError: It contains half a character, or braces that `str.format` does not fill.
        """
        sentences = [(each.name, getattr(self, each.name)) for each in fields(self)[:-1]]
        for name, text in [*sentences, *self.kind_wanted.items()]:
            if not isinstance(text, str):
                raise TypeError(f"Texts: {name}={text!r}: a text is wanted")
            try:
                filled = text.format(**_PLACES[name]) if name in _PLACES else text
                filled.encode()
            except (ValueError, LookupError, AttributeError) as error:
                places = ", ".join(f"{{{place}}}" for place in _PLACES.get(name, ())) or "none"
                raise ValueError(
                    f"Texts: {name}={text!r}: {type(error).__name__}; its places: {places}"
                ) from error


_PLACES: Mapping[str, Mapping[str, Any]] = {
    "page": {"page": 1, "pages": 2},
    "way_out": {"cancel": ""},
    "page_question": {"more": ""},
    "take": {"label": ""},
    "leave": {"label": ""},
    "ticked": {"label": ""},
    "finish_shown": {"count": 1},
    "whatever": {"answer": ""},
    "keep": {"value": ""},
    "form_ask": {"title": ""},
    "form_choose": {"title": ""},
    "form_change": {"title": ""},
}
"""Placeholders by sentence, with example values."""
