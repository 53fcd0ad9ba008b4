"""Whether a short answer is a yes or a no, or neither.

A list of words and the particles that may follow them; nothing is guessed: 好了 ("enough"),
是吧, 不错 and 不确定 are refused, for a wrong yes costs the user more than a second question.
"""

from __future__ import annotations

import re

from .spoken import narrow, spoken

__all__ = ["yes_no"]

_YES_WORDS = (
    "是 是的 对 对的 好 好的 嗯 恩 嗯哼 唔 行 可以 可 成 要 需要 想 想要 愿意 确定 确认 没问题 "
    "没错 没毛病 同意 当然 当然可以 当然要 必须 有 正确 真 收到 得 "
    "ok okay okey k y yes yeah yep yup sure true 1"
)
_NO_WORDS = (
    "不 不是 不是的 不对 不要 不用 不行 不可以 不可 不能 不好 不想 不想要 不愿意 不同意 不需要 "
    "不必 不成 否 没 没有 无 别 取消 拒绝 错 假 n no nope nah false 0"
)
_YES = frozenset(_YES_WORDS.split())
_NO = frozenset(_NO_WORDS.split()) | {"算了"}  # 算 alone is no answer
# With 吧 or 嘛 these are questions or doubts: 是吧, 没有吧.
_DOUBTED_WORDS = "是 对 有 没 没有 不是 不对 没错 正确 确定 收到"
_DOUBTFUL = frozenset(_DOUBTED_WORDS.split())
# 了 turns 好 into "enough" and 对 into "by the way", but 不要 into a politer 不要.
_YES_PARTICLES = re.compile(r"[的呀啊哦噢喔哈啦哒滴呢嘛吧呐嘞咧勒]{0,2}")
_NO_PARTICLES = re.compile(r"[了啦呀啊哦噢喔哈呢嘛吧的呐]{0,2}")
_THANKS = re.compile(r"(?:谢谢|多谢|谢了|谢啦|thanks|thx)(?:你|您|啦|了|哦|啊)?")
_SIGNS = {
    **dict.fromkeys(["👍", "👌", "🆗", "✅", "✔", "🙆", "⭕"], True),
    **dict.fromkeys(["👎", "❌", "🙅", "✖", "🚫"], False),
    # Emoticons as WeChat sends them: old ones as ASCII codes, new ones by name.
    **dict.fromkeys(["/:strong", "/:ok", "[强]", "[ok]", "[好的]"], True),
    **dict.fromkeys(["/:weak", "/:no", "[弱]", "[no]", "[拒绝]"], False),
}
_SKIN = re.compile("[\U0001f3fb-\U0001f3ff]|\u200d[♀♂]")
_ASKING = re.compile(r"[?？]\s*$|[吗么]\W*$")
_SEPARATOR = re.compile(r"[,，、。.;；!！~～\s]+")
_REFUSED = "请回复“是”或“否”。"
_LONGEST = 30


def yes_no(text: str) -> bool:
    """Return True for a yes, False for a no.

    Width, case, punctuation, polite particles (好的呀), repetition (对对对), a thank-you behind it
    and several answers that agree (对，是的) make no difference. Also takes 1 and 0, thumbs and
    ticks, and WeChat's own emoticons for them.

    Raises:
        ValueError: It is not clearly one of the two: other words, a question (好吗？), both.
    """
    even = _SKIN.sub("", narrow(text)) if len(text) <= _LONGEST else ""
    if _ASKING.search(even):
        raise ValueError(_REFUSED)
    phrase = spoken(_SKIN.sub("", text)) if even else ""
    parts = [phrase] if phrase in _SIGNS else [part for part in _SEPARATOR.split(phrase) if part]
    answers = {_part(part) for part in parts if _THANKS.fullmatch(part) is None}
    answer = answers.pop() if len(answers) == 1 else None
    if answer is None:
        raise ValueError(_REFUSED)
    return answer


def _part(part: str) -> bool | None:
    part = _THANKS.sub("", part) if len(part) > 2 else part
    part = _once(part)
    if part in _SIGNS:
        return _SIGNS[part]
    for words, particles, answer in ((_YES, _YES_PARTICLES, True), (_NO, _NO_PARTICLES, False)):
        for size in range(min(len(part), 6), 0, -1):
            stem, behind = _once(part[:size]), part[size:]
            if stem in words and particles.fullmatch(behind):
                return None if stem in _DOUBTFUL and re.search("[吧嘛呢]", behind) else answer
    return None


def _once(part: str) -> str:
    """对对对 is 对, 好的好的 is 好的; letters and digits are left alone, as 11 is not 1."""
    for size in (1, 2, 3):
        unit = part[:size]
        if not unit.isascii() and unit * (len(part) // size) == part:
            return unit
    return part
