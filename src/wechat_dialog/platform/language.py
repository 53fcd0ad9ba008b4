"""Texts for developers in Chinese and English: which language a terminal uses, and translations.

In the code, the texts of the simulator and the terminal are written in Chinese, the reasons of
errors in English; the other language is looked up here.
"""

from __future__ import annotations

import os
import re
from functools import cache

from .reasons import REASONS

__all__ = [
    "BEGIN_OUTCOMES",
    "ENGLISH",
    "HELP",
    "SIGNAL_OUTCOMES",
    "chinese_of_error",
    "in_chinese",
    "reason",
    "speaks_chinese",
    "tr",
]


def speaks_chinese() -> bool:
    """Whether the terminal's language is Chinese: LC_ALL, LC_MESSAGES or LANG begins with zh.

    LANGUAGE takes precedence, as in gettext, unless they are C, which is not a language.
    """
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((value for name in names if (value := os.environ.get(name))), "C")
    if locale.partition(".")[0] not in ("C", "POSIX"):
        locale = os.environ.get("LANGUAGE") or locale
    return locale.lower().startswith("zh")


def tr(text: str, *values: object) -> str:
    """Return a sentence in the terminal's language.

    Args:
        text: The sentence in Chinese, with `{0}` and so on for values; it stands in `ENGLISH`.
        values: The values that are filled in.
    """
    sentence = text if speaks_chinese() else ENGLISH.get(text, text)
    return sentence.format(*values) if values else sentence


def reason(text: str) -> str:
    """Return the reason of a fault, given in English, in the terminal's language."""
    return in_chinese(text) if speaks_chinese() else text


def in_chinese(text: str) -> str:
    """Return the reason of a fault in Chinese; unchanged if there is no translation."""
    for pattern, chinese in _patterns():
        if match := pattern.fullmatch(text):
            return chinese.format(*(in_chinese(part) if part else "" for part in match.groups()))
    return text


def chinese_of_error(error: Exception) -> str:
    """Return an error's message in Chinese: its own `chinese`, else by the table of reasons."""
    return getattr(error, "chinese", "") or in_chinese(str(error))


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(pattern, re.DOTALL), chinese) for pattern, chinese in REASONS]


HELP = """\
直接输入文字就是发消息（以 / 开头的文字写成 //）。
/tap 1                点第 1 个链接
/image 文件或网址      发一张图片
/voice [MEDIA_ID]     发一段语音
/location 纬度 经度 [地名]  发一个位置
/link 网址 [标题]      转发一篇文章
/event 名称 [KEY]     发生一个事件：/event subscribe
/click KEY            点自定义菜单的按钮
/scan 场景            已关注的用户扫带参数的二维码
/resend               同一条消息再发一遍（平台没听见时就这样）
/as 用户              换一个用户说话
/wait 61              让机器人的时间过去 61 秒，到点的事按顺序做
/signal 名称 [JSON]   从外面告诉对话一件事：/signal paid match=A1 {"fen": 990}
/journal              这个用户的对话现在怎样
/requests             最后一条消息的请求和回答
/resume               代码改好了：用出错的那条消息接着走
/restart              重新读代码，重新启动机器人（/kill 是突然结束它）
/quit                 结束（Ctrl-D 也行）"""
"""The commands of the terminal's chat."""

SIGNAL_OUTCOMES = {
    "taken": "有对话接着走了",
    "kept": "先存着，等对话来取",
    "repeated": "这个编号来过了，什么也没做",
}
"""What `bot.signal` returns, in words: for the terminal, the page and the command."""

BEGIN_OUTCOMES = {
    **SIGNAL_OUTCOMES,
    "taken": "新的对话开始了",
    "kept": "先存着，等这个用户手头的一轮完了就开始",
}
"""What `bot.begin` returns, in words."""

ENGLISH = {
    # The terminal's chat.
    "和公众号聊天：输入 /help 看命令，/quit 结束。":
        "Chat with the account: /help for commands, /quit to end.",
    "你": "you",
    "没有 {0} 这个命令；要的是 {1}？": "there is no command {0}; do you want {1}?",
    "{0} 要这样写：{1}": "{0} is written: {1}",
    "/image 文件或网址": "/image FILE-OR-URL",
    "/location 纬度 经度 [地名]": "/location LATITUDE LONGITUDE [NAME]",
    "/link 网址 [标题]": "/link URL [TITLE]",
    "/event 名称 [KEY]": "/event NAME [KEY]",
    "/scan 场景": "/scan SCENE",
    "/as 用户": "/as USER",
    "/wait 秒数": "/wait SECONDS",
    "读不到图片 {0}": "cannot read the picture {0}",
    "没有第 {0} 个链接": "there is no link {0}",
    "这个链接在浏览器里打开：{0}": "this link opens in a browser: {0}",
    "还没有发过消息。": "Nothing was sent yet.",
    "现在是用户 {0}": "now as user {0}",
    "过去了 {0:g} 秒": "{0:g} seconds have passed",
    "到点做了 {0} 件事，说了什么发一条消息就能看到":
        "done, since it fell due: {0}; send a message to see what was said",
    "{0}，说了什么发一条消息就能看到": "{0}; send a message to see what it said",
    "/signal 名称 [match=…] [id=…] [JSON]": "/signal NAME [match=…] [id=…] [JSON]",
    "还没有请求。": "No requests yet.",
    "机器人重新启动了": "the bot was restarted",
    "机器人不是这里启动的，这里管不了它的时间、对话和进程":
        "the bot was not started here: its time, conversations and process are not ours",
    "第 {0} 次请求：{1}，再发一次…": "request {0}: {1}; sending again…",
    "机器人启动不了：": "the bot does not start: ",
    "（机器人的进程已被信号 {0} 结束；再启动一次…）":
        "(The bot's process was ended by signal {0}; starting it again…)",
    "（机器人的进程已退出，状态 {0}；再启动一次…）":
        "(The bot's process has ended with status {0}; starting it again…)",
    "（还没有启动好；正在执行 {0}：{1}）": "(not started yet; it is executing {0}: {1})",
    "（还没有回答；正在执行 {0}：{1}）": "(no answer yet; it is executing {0}: {1})",
    "（机器人的进程 {0:g} 秒内没有停下来，已强行结束）":
        "(The bot's process did not end within {0:g} s, and was killed)",
    "（机器人的进程 {0:g} 秒内没有停下来，已强行结束；当时正在执行 {1}）":
        "(The bot's process did not end within {0:g} s, and was killed; it was executing {1})",
    "，": ", ",
    "（无回复）": "(no reply)",
    "（无回复；现在没有进行中的对话）": "(no reply; no conversation is running now)",
    "第 {0} 次请求：{1}": "request {0}: {1}",
    "在等的对话 {0}：{1}": "conversation {0} waits: {1}",
    "有一个问题还没问出去": "it has a question that was not asked yet",
    "等信号 {0}": "for the signal {0}",
    "等到 {0:%m-%d %H:%M:%S}": "until {0:%m-%d %H:%M:%S}",
    "最晚 {0:%m-%d %H:%M:%S}": "{0:%m-%d %H:%M:%S} at the latest",
    "；": "; ",
    "欠着没说：{0}": "still to be said: {0}",
    "到点": "timer", "信号": "signal",
    "为什么：{0}": "why: {0}",
    "可点：": "to tap: ",
    "公众号": "account",
    "公众号：": "account: ",
    "公众号：图文": "account: article",
    "第 {0} 次请求，{1:.2f} 秒：": "request {0}, {1:.2f} s:",
    "问题：{0}": "problem: {0}",
    "（搁置了；改好代码以后输入 /resume，就用这条消息接着走）":
        "(parked; mend the code, then type /resume to go on with this very message)",
    "（搁置了；改好代码以后在网页上点“接着走”，就用这条消息接着走）":
        "(parked; mend the code, then press Resume on the page to go on with this very message)",
    "这条消息没有算数，对话还在原处：改好代码，输入 /restart，再发一次":
        "this message does not count, and the conversation is where it was: mend the code, type "
        "/restart, and send it again",
    "这条消息没有算数，对话还在原处：改好代码并保存，再发一次":
        "this message does not count, and the conversation is where it was: mend the code, save "
        "it, and send the message again",
    "；发“{0}”就结束它": "; “{0}” ends the conversation",
    "（{0}{1}）": "({0}{1})",
    "（停在断点：n 下一行，p 变量 看它的值，c 继续，h 帮助）":
        "(at a breakpoint: n next line, p NAME its value, c continue, h help)",
    "（停在断点；离开调试器以后再发下一次请求）":
        "(at a breakpoint; the next request is sent when the debugger is left)",
    "{0} 的 breakpoint() 跳过了，因为这里没有终端；在终端里运行 wechat-dialog chat {1}，"
    "就会停在那里":
        "breakpoint() at {0} is passed over: there is no terminal here; it stops there under "
        "wechat-dialog chat {1} in a terminal",
    "没有搁置的对话": "no conversation is parked",
    "接上了，发一条消息就能看到回答": "resumed; send a message to see the answer",
    "又出错了，还搁置着": "it broke again, and is still parked",
    "（步骤抛出的已经记下，改步骤没有用：在对话里捕获它）":
        " (what a step raised is recorded, so that mending the step is not enough: catch it in the "
        "dialog)",
    "没有进行中的对话": "no conversation is running",
    "对话 {0}，{1:%H:%M:%S} 开始": "conversation {0}, begun {1:%H:%M:%S}",
    "在等 {0}：{1}": "waits at {0}: {1}",
    "代码变了：{0}": "the code has changed: {0}",
    "还没取走：{0}": "not fetched yet: {0}",
    "出错搁置：{0}": "parked: {0}",
    "答": "answer", "步骤": "step", "步骤失败": "step failed", "撤回到": "back to",
    "插入": "interruption", "被终止": "killed",
    # The reports of tests.
    "第 {0} 段对话": "conversation {0}",
    # New bots.
    "{0} 已经有了；什么也没有写": "{0} is there already; nothing was written",
    "写不进 {0}：{1}": "cannot write to {0}: {1}",
    "建好了；接下来：{0}wechat-dialog chat bot:bot":
        "created; now: {0}wechat-dialog chat bot:bot",
    # Stored conversations.
    "{0:4} 条记录": "{0:4} records",
    "没有对话": "no conversations",
    "（有几个帐号的对话；写了 Bot(account=…)，就只看这个帐号的）":
        "(they are of several accounts; with Bot(account=…), only those of that one are read)",
    # signal and begin
    "有对话接着走了": "taken: a conversation has continued",
    "新的对话开始了": "taken: a new conversation has begun",
    "先存着，等这个用户手头的一轮完了就开始":
        "kept: it begins once the user's present turn is over",
    "先存着，等对话来取": "kept until a conversation waits for it",
    "这个编号来过了，什么也没做": "repeated: this id came before; nothing was done",
    "接上了；用户下次发消息时看到回答": "resumed; the user gets the answer with their next message",
    "又出错了，还搁置着；错在哪里见 `conversations show`":
        "it broke again, and is still parked; `conversations show` says where",
    "已结束": "ended",
    "什么也没有删": "nothing was removed",
    "把 {0} 的一切永远删掉？": "remove everything that is stored of {0}, for good?",
    "{0} 个进行中的（{1} 条记录）": "{0} running with {1} records",
    "{0} 个搁置的": "{0} parked",
    "等到 {0:%Y-%m-%d %H:%M}": "until {0:%Y-%m-%d %H:%M}",
    "数据": "data",
    "最近几条消息留下的": "what was left of the last messages",
    "已删除：{0}": "forgotten: {0}",
    "导出了 {0} 个对话": "exported {0} conversations",
    "，已隐去内容": ", redacted",
    "{0} 个对话": "{0} conversations",
    "（搁置着的 {0} 个没有重放：它们等人处理；改好代码以后用 `conversations resume` 接上，或者用 "
    "`conversations end` 结束）":
        "({0} that are parked were not replayed: they wait for an operator, to be resumed with "
        "mended code, `conversations resume`, or ended, `conversations end`)",
    "，从第 {0} 条记录起": " from record {0}",
    "：": ": ",
    "（会改等别的：不问用户。先照旧等；等的时间或信号来了，或者用户回答了，才改等新代码里的）":
        "(waits again: nobody is asked anything. It waits as before; once the time or signal that "
        "it waits for has come, or its user has answered, it waits for what the new code says)",
    "没有 {0} 这个存储：机器人没有在这里运行过；用 --store URL 说明它在哪里，"
    "或者在机器人运行的目录里执行":
        "there is no store {0}: the bot has not run here; say where it keeps it, --store URL, or "
        "run this in the folder in which the bot runs",
    "存储": "store",
    "重放": "replaying",
    "照旧": "unchanged", "会结束": "finished", "会重新问": "asks again",
    "会改等别的": "waits again", "会重来": "restarted", "会搁置": "parked",
    "读不了": "unreadable", "看不出来": "cannot tell",
    # The simulator's page, and the probe.
    "机器人没有在运行：": "the bot does not run: ",
    "（改好并保存，就会再启动）": "(mend and save it, and it is started again)",
    "机器人在运行了": "the bot runs",
    "（按 Ctrl-C 结束）": "(Ctrl-C ends it)",
    "谁能访问它，谁就能用它": "everybody who reaches it can use it",
    "这里没有屏幕；在你自己的电脑上运行 ssh -L {0}:127.0.0.1:{0} {1}@{2}，再在那里打开 "
    "http://127.0.0.1:{0}/":
        "no screen here; on your own machine: ssh -L {0}:127.0.0.1:{0} {1}@{2}, and open "
        "http://127.0.0.1:{0}/ there",
    "最多 {0} 个请求，发给 {1}，用户是 {2}，会关注又取消关注；发的文字像 {3}":
        "at most {0} requests to {1} as {2}, who follows and unfollows; texts like {3}",
    HELP: """\
Text is a message (one that begins with / is written //).
/tap 1                tap link 1
/image FILE-OR-URL    send a picture
/voice [MEDIA_ID]     send a recording
/location LATITUDE LONGITUDE [NAME]  send a place
/link URL [TITLE]     share an article
/event NAME [KEY]     let an event happen: /event subscribe
/click KEY            tap a button of the menu
/scan SCENE           a follower scans a QR code with a scene
/resend               the same message once more, as the platform does when it heard nothing
/as USER              speak as another user
/wait 61              let 61 seconds pass for the bot; what falls due is done in order
/signal NAME [JSON]   tell a conversation something: /signal paid match=A1 {"fen": 990}
/journal              where this user's conversation stands
/requests             requests and answers of the last message
/resume               the code is mended: go on with the message that broke it
/restart              read the code anew and restart the bot (/kill ends it on the spot)
/quit                 end (so does Ctrl-D)""",
}  # fmt: skip
"""The English translations of the texts that are written in Chinese in the code."""
