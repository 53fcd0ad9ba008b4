"""What the probe prints, in Chinese; its JSON report stays English."""

from __future__ import annotations

import re

from wechat_dialog.platform.language import in_chinese, speaks_chinese

__all__ = ["CASES", "REASONS", "translated"]


def translated(text: str) -> str:
    """Return a title, an outcome or a reason in the terminal's language."""
    return _chinese_of(text) if speaks_chinese() else text


def _chinese_of(text: str) -> str:
    if text in CASES:
        return CASES[text]
    if rule := re.fullmatch(r"(.+) \(protocol reference ([\d., ]+)\)", text, re.DOTALL):
        return f"{_chinese_of(rule[1])}（协议 {rule[2]}）"
    for pattern, chinese in REASONS.items():
        if match := re.fullmatch(pattern, text, re.DOTALL):
            return chinese.format(*map(_chinese_of, match.groups()))
    return in_chinese(text)


CASES = {
    "the URL check is answered with its echostr": "URL 验证得到它的 echostr",
    "a URL check with a wrong signature gets no echostr": "签名不对的 URL 验证得不到 echostr",
    "signed parts are sorted as text; echostr is decoded once, and no number":
        "签名的几段按文字排序；echostr 只解码一次，不当成数字",
    "a URL check that lacks a parameter is refused": "不完整的 URL 验证被拒绝",
    "a text is answered with a reply that the platform takes": "文字得到平台接受的回复",
    "a push with a wrong signature, or with none, is refused": "签名不对或没有签名的推送被拒绝",
    "openid, unknown parameters and the content type do not matter":
        "openid、不认识的参数和内容类型都没有影响",
    "an encrypted push is answered with an envelope that opens":
        "加密的推送得到解得开的加密回复",
    "an altered or missing msg_signature is refused, whatever signature says":
        "msg_signature 被改过或没有，就拒绝，不管 signature 是什么",
    "an altered ciphertext is refused": "改过的密文被拒绝",
    "paddings of up to 32 bytes are taken off": "最多 32 字节的填充都能去掉",
    "a ciphertext for another AppID is refused": "别的 AppID 的密文被拒绝",
    "a push with the previous key is answered with that key":
        "用之前的密钥加密的推送，回复也用那个密钥",
    "a ciphertext that cannot be decrypted is refused, though it is signed":
        "解不开的密文被拒绝，即使签名对",
    "a key with its unused bits set works": "密钥里没有用到的位不是 0 也行",
    "a malformed key lets no server start": "密钥格式不对，服务器就启动不了",
    "an account in safe mode refuses a plain push, though it is signed":
        "安全模式拒绝没有加密的推送，即使签名对",
    "in compatible mode the decrypted fields count": "兼容模式以解密出来的字段为准",
    'an answer without a reply (success, or "") is not encrypted':
        "不回复的回答（success 或空）不加密",
    "a blank text is no reply, never an empty Content": "空白的文字就是不回复，不会是空的 Content",
    "a push in JSON is answered in JSON": "JSON 的推送得到 JSON 的回复",
    "a reply cannot break out of its CDATA": "回复逃不出 CDATA",
    "characters that XML forbids are left out, the rest is kept": "去掉 XML 不允许的字符，其余保留",
    "a text that is too long is cut between characters": "太长的文字在两个字之间截断",
    "line breaks, emoji, emoticon codes and links arrive as written":
        "换行、emoji、表情代码和链接原样送到",
    "white space is kept in Content, and dropped around ids":
        "Content 里的空白保留，ID 两边的空白去掉",
    "a 64-bit MsgId is exact, and CreateTime may stand in CDATA":
        "64 位的 MsgId 一位不差，CreateTime 可以在 CDATA 里",
    "the sentence that stands for a sticker is no text of the user":
        "代替表情包的那句话不是用户的文字",
    "a voice with an empty transcript is taken": "识别结果为空的语音也接受",
    "a tapped menu line is taken, with its id and without":
        "点菜单里的一行，带不带编号都接受",
    "follows and scans are taken, however their scene is written":
        "关注和扫码都接受，场景值怎么写都行",
    "lists of pictures and notices are taken, however they are nested":
        "图片和通知的列表，怎样嵌套都接受",
    "messages that only look like copies are all handled": "只是看起来像重发的消息都处理",
    "a slow answer reaches a later copy of its message": "慢的回答由同一条消息之后的重发取到",
    "the third request is answered before its time is over": "第三次请求在到时之前得到回答",
    "a message is handled once, and every copy of it gets the reply":
        "一条消息只处理一次，每次重发都得到这个回复",
    "unknown messages, events and fields are taken": "不认识的消息、事件和字段都接受",
    "what is no message is refused, and no entity is expanded":
        "不是消息的被拒绝，不展开任何实体",
    "where a handler fails, the answer is success or an apology, in time":
        "处理函数出错时，及时回答 success 或一句抱歉",
    "a call with an expired token is repeated once, with a new one":
        "access token 过期的调用，换一个新的再试一次",
    # The table and the line below it.
    "case": "用例",
    "result": "结果",
    "passed": "通过",
    "FAILED": "失败",
    "failed": "失败",
    "skipped": "跳过",
    "plain": "明文",
    "compatible": "兼容",
    "safe": "安全",
    "nothing": "没有回答",
    # Why a case cannot be seen from outside.
    "it happens before the server is reached": "在访问服务器之前就决定了",
    "the account would have to be set up for JSON; this pushes XML":
        "帐号要设置成 JSON；这里推送的是 XML",
    "what a server calls by itself is not seen at its URL": "服务器自己调用什么，从 URL 上看不到",
    "the usual check fails as well: see 1": "普通的验证也不对：见 1",
    "it answers in plain, which compatible mode allows": "它回答明文，兼容模式允许这样",
    "no previous key is known: --previous-aes-key": "不知道之前的密钥：--previous-aes-key",
    "the account's key has none of its unused bits set": "帐号的密钥里没有用到的位都是 0",
    "it replies even to an unknown event": "它连不认识的事件也回复",
    "this text gets no reply": "这段文字没有回复",
    "a text with U+000B gets no reply": "带 U+000B 的文字没有回复",
    "a menu tap gets no reply": "点菜单没有回复",
    "it gets no reply, so its copies cannot be told apart": "没有回复，所以分不清重发",
    "every copy is answered alike, and so is every new message":
        "每次重发的回答都一样，每条新消息也一样",
    "it was not done before the third request: see 35": "第三次请求之前没有完成：见 35",
    "it was done before the third request; it has to take more than 10 s":
        "第三次请求之前就完成了；要超过 10 秒才行",
    "a probe cannot make a handler fail: name a text at which it does, --raising":
        "探测不能让处理函数出错：用 --raising 写一段会出错的文字",
    "a text that takes longer than 5 s has to be named with --slow":
        "用 --slow 写一段要超过 5 秒的文字",
    "its answer to a plain text is as wrong: see 5 or 8": "普通文字的回答也这样错：见 5 或 8",
    "its answer to a plain text is wrong already: see 5 or 8": "普通文字的回答已经不对：见 5 或 8",
    "seen only at a server whose reply repeats what it was told":
        "只有服务器的回复重复听到的话才看得到",
    "the right request is refused as well: see 1 and 5": "对的请求也被拒绝：见 1 和 5",
    # What was wrong.
    "the echostr is in the body": "正文里有 echostr",
    "it answers the sender named in plain": "它回答了明文里写的发送者",
    "a character is cut in two": "一个字被截成两半",
    "it repeats the sentence as if the user had written it": "它重复那句话，好像是用户写的",
    "the second user gets no reply": "第二个用户没有得到回复",
    "the second event of a second gets no reply": "同一秒的第二个事件没有得到回复",
    "a copy is answered as a new message would be": "重发得到的回答和新消息一样",
    "a copy gets no reply: the platform has not heard the first":
        "重发没有得到回复：平台没听到第一次的",
    "a later copy is answered otherwise": "之后的重发得到别的回答",
    "It refuses all that is signed: is --token the server's, and the URL whole?":
        "签过名的它都拒绝：--token 和服务器上的一样吗，URL 完整吗？",
}  # fmt: skip
"""What is said as it stands."""

REASONS = {
    r"not in (\w+) mode": "{0}模式下查不了",
    r"(.+) was answered within ([\d.]+) s": "{0} 在 {1} 秒内就有了回答",
    r"it left (\d+) requests in a row without an answer": "连续 {0} 次请求都没有回答",
    r"(.+) gets no reply: name a text that gets one with --say":
        "{0} 没有回复：用 --say 写一段有回复的文字",
    r"the probe itself broke on it: (.+)": "探测自己在这里出错了：{0}",
    r"told 'a', U\+000B, 'b', it answered (.+)": "听到 'a'、U+000B、'b'，它回答 {0}",
    r"told 'a', U\+000B, 'b': (.+)": "听到 'a'、U+000B、'b'：{0}",
    r"told (.+), it answered (.+)": "听到 {0}，它回答 {1}",
    r"answered (.+), not ('[^']*')": "回的是 {0}，不是 {1}",
    r"(.+) in an envelope": "{0} 也加了密",
    r"MsgId (\d+) is taken for (\d+)": "把 MsgId {0} 当成了 {1}",
    r"ToUserName is ('[^']*')": "ToUserName 是 {0}",
    r"HTTP status (\d+), not 4xx": "HTTP 状态是 {0}，不是 4xx",
    r"(.+); a status 4xx is due": "{0}；应该是状态 4xx",
}  # fmt: skip
"""Patterns of what is said with something filled in."""
