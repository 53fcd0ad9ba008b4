"""The platform's classic emoticons: their codes in a text, and their names.

Clients draw a code such as `/::)` and a bracketed name such as `[微笑]` as the same little picture
(protocol reference 5.7); here the name is shown.
"""

from __future__ import annotations

import re

__all__ = ["CODES", "NAMES", "PATTERN", "name_of"]

_TABLE = """
/::) 微笑 /::~ 撇嘴 /::B 色 /::| 发呆 /:8-) 得意 /::< 流泪 /::$ 害羞 /::X 闭嘴 /::Z 睡 /::'( 大哭
/::-| 尴尬 /::@ 发怒 /::P 调皮 /::D 呲牙 /::O 惊讶 /::( 难过 /::+ 酷 /:--b 冷汗 /::Q 抓狂 /::T 吐
/:,@P 偷笑 /:,@-D 愉快 /::d 白眼 /:,@o 傲慢 /::g 饥饿 /:|-) 困 /::! 惊恐 /::L 流汗 /::> 憨笑
/::,@ 悠闲 /:,@f 奋斗 /::-S 咒骂 /:? 疑问 /:,@x 嘘 /:,@@ 晕 /::8 疯了 /:,@! 衰 /:!!! 骷髅 /:xx 敲打
/:bye 再见 /:wipe 擦汗 /:dig 抠鼻 /:handclap 鼓掌 /:&-( 糗大了 /:B-) 坏笑 /:<@ 左哼哼 /:@> 右哼哼
/::-O 哈欠 /:>-| 鄙视 /:P-( 委屈 /::'| 快哭了 /:X-) 阴险 /::* 亲亲 /:@x 吓 /:8* 可怜 /:pd 菜刀
/:<W> 西瓜 /:beer 啤酒 /:basketb 篮球 /:oo 乒乓 /:coffee 咖啡 /:eat 饭 /:pig 猪头 /:rose 玫瑰
/:fade 凋谢 /:showlove 嘴唇 /:heart 爱心 /:break 心碎 /:cake 蛋糕 /:li 闪电 /:bome 炸弹 /:kn 刀
/:footb 足球 /:ladybug 瓢虫 /:shit 便便 /:moon 月亮 /:sun 太阳 /:gift 礼物 /:hug 拥抱 /:strong 强
/:weak 弱 /:share 握手 /:v 胜利 /:@) 抱拳 /:jj 勾引 /:@@ 拳头 /:bad 差劲 /:lvu 爱你 /:no NO /:ok OK
/:love 爱情 /:<L> 飞吻 /:jump 跳跳 /:shake 发抖 /:<O> 怄火 /:circle 转圈 /:kotow 磕头 /:turn 回头
/:skip 跳绳 /:oY 投降
"""

_WORDS = _TABLE.split()

CODES: dict[str, str] = dict(zip(_WORDS[::2], _WORDS[1::2], strict=True))
"""The names of emoticons by their codes."""

# Newer emoticons have names only, and no codes.
_NEWER = """
嘿哈 捂脸 奸笑 机智 皱眉 耶 吃瓜 加油 汗 天啊 社会社会 旺柴 好的 打脸 哇 翻白眼 666 让我看看 叹气
苦涩 裂开 合十 红包 發 福 破涕为笑 恐惧 失望 脸红 生病 无语 嗯 吐舌 笑脸 抱抱 蜡烛 庆祝 礼物
"""

NAMES = frozenset({*CODES.values(), *_NEWER.split()})
"""Every name that is drawn as an emoticon when in brackets."""

# Longest first, because some codes begin with others: `/:,@@` begins with `/:,@`.
PATTERN = "|".join(
    [
        *(re.escape(code) for code in sorted(CODES, key=len, reverse=True)),
        r"\[(?:" + "|".join(re.escape(name) for name in sorted(NAMES)) + r")\]",
    ]
)
"""A regular expression, without groups, for a text that is drawn as an emoticon."""


def name_of(matched: str) -> str:
    """Return the name of an emoticon that `PATTERN` matched."""
    return CODES.get(matched) or matched[1:-1]
