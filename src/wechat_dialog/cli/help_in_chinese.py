"""What `--help` says, in Chinese.

Where the commands are defined, their texts are English. In a Chinese terminal the command is built
as usual, and then every text in it is looked up here, typer's own included.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any

__all__ = ["HELP", "put_into_chinese", "texts_of"]


def texts_of(command: Any) -> Iterator[str]:
    """Yield every text in a command's help, and in that of its subcommands."""
    for owner, name in _places(command):
        yield _plain(getattr(owner, name))


def put_into_chinese(command: Any) -> None:
    """Translate the help of a command and its subcommands into Chinese."""
    # A subcommand that is not called has only the first paragraph of its help.
    first_paragraphs = {
        english.partition("\n\n")[0]: chinese.partition("\n\n")[0]
        for english, chinese in HELP.items()
    }
    for owner, name in _places(command):
        text = _plain(getattr(owner, name))
        setattr(owner, name, HELP.get(text) or first_paragraphs.get(text, text))
    for each in _commands(command):
        each.get_usage = _usage_of(each.get_usage)
        each.get_help_option = _help_option_of(each.get_help_option)
        for parameter in each.params:
            _name_type(parameter)
    rich: Any = import_module("typer.rich_utils")
    for name, text in _PANELS.items():
        if hasattr(rich, name):
            setattr(rich, name, text)
    if hasattr(rich, "Columns"):
        vars(rich)["Columns"] = _side_by_side


def _commands(command: Any) -> Iterator[Any]:
    yield command
    for subcommand in getattr(command, "commands", {}).values():
        yield from _commands(subcommand)


def _places(command: Any) -> Iterator[tuple[Any, str]]:
    """Yield each object that has a help text, and the name of the attribute."""
    for each in _commands(command):
        for owner, name in [(each, "help"), *((p, "help") for p in each.params)]:
            if getattr(owner, name, None):
                yield owner, name
        for parameter in each.params:
            if isinstance(getattr(parameter, "show_default", None), str):
                yield parameter, "show_default"


def _plain(text: str) -> str:
    """Return a text with each paragraph on one line, so that a docstring's line breaks do not
    matter.
    """
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _usage_of(usage: Callable[[Any], str]) -> Callable[[Any], str]:
    def get_usage(context: Any) -> str:
        text = usage(context)
        for english, chinese in _USAGE.items():
            text = text.replace(english, chinese)
        return text

    return get_usage


def _help_option_of(option: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def get_help_option(context: Any) -> Any:
        help_option = option(context)
        if help_option is not None:
            help_option.help = "显示这些说明"
            _name_type(help_option)
        return help_option

    return get_help_option


def _name_type(parameter: Any) -> None:
    """Name what is written behind an option in Chinese; behind a switch nothing is."""
    shown = getattr(parameter, "display_type_rich", None)
    if shown is None or getattr(parameter, "is_named", False):
        return

    def display_type_rich(ctx: Any) -> Any:
        name = shown(ctx=ctx)
        return _TYPES.get(name, name)

    parameter.display_type_rich, parameter.is_named = display_type_rich, True


def _side_by_side(parts: Iterable[Any]) -> Any:
    """Return an option's help and default as one text, which goes on in the next line.

    rich takes what has no space in it for one word, and would cut a Chinese sentence at the end of
    the line.
    """
    text = import_module("rich.text").Text
    joined = text(" ", overflow="fold").join(
        part if isinstance(part, text) else text(str(part)) for part in parts
    )
    return import_module("rich.columns").Columns([joined])


_TYPES = {
    "<bool>": None,
    "<str>": "文字",
    "<path>": "路径",
    "<int>": "整数",
    "<int range>": "整数",
    "<float>": "数",
    "<float range>": "数",
}
_USAGE = {
    "Usage:": "用法：",
    "[OPTIONS]": "[选项]",
    "COMMAND [ARGS]...": "命令 [参数]...",
}
_PANELS = {
    "ARGUMENTS_PANEL_TITLE": "参数",
    "OPTIONS_PANEL_TITLE": "选项",
    "COMMANDS_PANEL_TITLE": "命令",
    "DEFAULT_STRING": "[默认：{}]",
    "REQUIRED_LONG_STRING": "[必填]",
}

HELP = {
    "Conversations on a WeChat Official Account.": "微信公众号里的对话。",
    "print the version": "显示版本",
    # serve
    "Serve a bot with uvicorn.\n\nAt SIGTERM no new connection is taken, requests are answered, "
    "turns under way end and are recorded, and the store is closed.":
        "用 uvicorn 运行机器人。\n\n收到 SIGTERM 后不再接受新的连接；已到的请求会得到回答，进行中的"
        "轮次走完并记录下来，然后关闭存储。",
    "module:bot, or a 2017 dialog module": "模块:变量，例如 bot:bot；或者 2017 年写法的对话模块",
    "address to listen on": "监听的地址",
    "processes": "进程数",
    "time that running turns have to end after SIGTERM": "收到 SIGTERM 后，进行中的轮次还有多少秒",
    "the bot's, 15": "机器人的，15",
    # work, signal, begin
    "Do what falls due, and answer no message: timers, reminders, signals that were only posted."
    "\n\nFor bots with `timers=False`, and beside any other. At SIGTERM turns under way end and "
    "are recorded.":
        "只做到点的事，不回答消息：定时、提醒、只投递了的信号。\n\n给 `timers=False` 的机器人用，"
        "也可以在别的机器人旁边用。收到 SIGTERM 后，进行中的轮次走完并记录下来。",
    "Tell a user's conversations that something has happened, as `bot.signal` does.\n\nJSON is the "
    "signal's data; null if left out.":
        "告诉用户的对话发生了一件事，和 `bot.signal` 一样。\n\nJSON 是信号的数据；不写就是 null。",
    "Begin a conversation that no message began, as `bot.begin` does.\n\nJSON is an object with "
    "the dialog's arguments by name.":
        "开始一段不由消息开始的对话，和 `bot.begin` 一样。\n\n"
        "JSON 是一个对象，按名称写对话的参数。",
    "the user's OpenID": "用户的 OpenID",
    "the signal's name": "信号的名称",
    "such as an order's number": "比如订单号",
    "makes a repetition harmless for a week": "一个星期之内重复的只算一次",
    "the account's original id, gh_…": "帐号的原始 ID，gh_…",
    "the dialog's name": "对话的名称",
    "lowest level on stderr": "标准错误里写到哪一级",
    "log every request but health checks, without queries":
        "记下每个请求（健康检查除外），不含查询参数",
    # check
    "Replay stored conversations against this code: a gate before a deployment.\n\nExit status 1 "
    "if any would be restarted or parked, or cannot be read.":
        "用现在的代码重放存着的对话：部署之前问一声。\n\n有对话会重来、会搁置或者读不了，"
        "退出状态就是 1。",
    "module:bot": "模块:变量，例如 bot:bot",
    "URL of the store; the bot's own if not given": "存储的 URL；不写就是机器人自己的",
    "a file that `export` wrote": "`export` 写出的文件",
    "asking or waiting again counts as a failure too": "会重新问、会改等别的也算失败",
    "one JSON object, for a pipeline": "输出一个 JSON 对象，给流水线用",
    # simulate
    "Talk to a bot on a web page that looks like the phone, with its journal beside it.":
        "在一个像手机一样的网页上和机器人聊，旁边是它的日志。",
    "module:bot, or the URL of a server": "模块:变量，例如 bot:bot；或者服务器的 URL",
    "8765, or any if that is taken": "8765；被占用时任选一个",
    "open the page in a browser": "在浏览器里打开网页",
    "the account's token; for a URL": "公众号的 Token；给 URL 用",
    "for compatible and safe mode; for a URL": "兼容模式和安全模式需要；给 URL 用",
    "plain, compatible or safe; for a URL":
        "plain（明文）、compatible（兼容）或 safe（安全）；给 URL 用",
    "what the account may do: unverified, subscription, service, sandbox":
        "帐号能做什么：unverified（未认证）、subscription（公众号）、service（服务号）、"
        "sandbox（测试号）",
    "the account's menu: JSON, as for the menu API": "公众号的菜单：JSON，写法和菜单接口一样",
    "seconds for an answer; WeChat's are 5": "等回答多少秒；微信是 5 秒",
    # chat
    "Chat with a bot in the terminal, over real HTTP; lines from a pipe work too.\n\nA bot of "
    "yours runs in a process of its own, with conversations and a clock of its own. The options "
    "about the account are for a URL.":
        "在终端里和机器人聊，走真实的 HTTP；也可以从管道输入。\n\n机器人在单独的进程里运行，有自己"
        "的对话和时钟。关于帐号的选项只给 URL 用。",
    # Which account; chat, send and probe.
    "the account's token, as in its console": "公众号的 Token，和后台填的一样",
    "its AppID; for compatible and safe mode": "它的 AppID；兼容模式和安全模式需要",
    "its EncodingAESKey; for compatible and safe mode":
        "它的 EncodingAESKey；兼容模式和安全模式需要",
    "plain, compatible or safe": "plain（明文）、compatible（兼容）或 safe（安全）",
    "its original id": "它的原始 ID",
    "who sends": "谁发的",
    "the URL of a server": "服务器的 URL",
    # send
    "Send one signed message to a server and print what its sender sees.\n\nExit status 1 if that "
    "is the fault notice, which is explained on stderr.":
        "给服务器发一条签过名的消息，显示发送者看到的回答。\n\n如果那是“该公众号提供的服务出现故障”，"
        "退出状态就是 1，原因写到标准错误。",
    "a text": "文字",
    "a text, also as TEXT": "文字，和 TEXT 一样",
    "a picture": "图片",
    "a recording": "语音",
    "a film": "视频",
    "a place: 23.13,113.35, or 23.13,113.35,广州": "位置：23.13,113.35，或者 23.13,113.35,广州",
    "a shared article": "转发的文章",
    "a tap on a menu's button": "点菜单上的按钮",
    "a scan of a QR code": "扫二维码",
    "any event: subscribe, …": "任何事件：subscribe 等",
    "that event's EventKey": "这个事件的 EventKey",
    "XML as it stands; - is standard input": "原样的 XML；- 是标准输入",
    "the same message so often, as the platform does": "同一条消息发几遍，像平台那样",
    "requests and answers, on stderr": "请求和回答，写到标准错误",
    # probe
    "Ask a server the conformance checklist: what it does right and wrong, seen from outside.\n\n"
    "It may be written in any language. A case is passed, failed (with the rule and the bytes) or "
    "skipped (with the reason why it cannot be seen). Exit status 1 if a case failed.":
        "用检查清单检查一个服务器：从外面看，它哪里对，哪里不对。\n\n服务器用什么语言写都行。每一项要么"
        "通过，要么失败（附规则和字节），要么跳过（附看不出来的原因）。有一项失败，"
        "退出状态就是 1。",
    "the previous key, if the server knows it (case 13)": "上一个密钥，如果服务器知道（第 13 项）",
    "who sends; a new one for every run if not given": "谁发的；不写就每次换一个新用户",
    "a text the server answers": "服务器会回答的一句话",
    "a text that it answers after 5 s (34, 35)": "5 秒以后才回答的一句话（第 34、35 项）",
    "a text at which its handler fails (39)": "让它的处理函数出错的一句话（第 39 项）",
    "this case; may be repeated": "只检查这一项；可以写几次",
    "for programs: JSON on stdout": "给程序用：标准输出里是 JSON",
    # new, demo
    "Begin a bot of your own: bot.py, test_bot.py and README.md.":
        "开始写自己的机器人：bot.py、test_bot.py 和 README.md。",
    "Try the example bot, on the embedded store: on a web page, or in the terminal.\n\nIf the "
    "input is not a terminal and no option asks for the page, its lines are messages.":
        "试用示例机器人，用内置的存储：在网页上，或者在终端里。\n\n输入不是终端、也没有提到网页时，"
        "每一行输入就是一条消息。",
    "chat in the terminal, as lines from a pipe do": "在终端里聊，和从管道输入一样",
    # conversations
    "List, show, resume and end stored conversations.": "查看存着的对话，并处理它们。",
    "List conversations: running, put aside, parked.": "列出对话：进行中的，放在一边的，搁置的。",
    "Print a conversation as a transcript, with where it broke.":
        "显示一段对话：谁说了什么，错在哪里。",
    "an OpenID, or a conversation's id": "OpenID，或者对话的编号",
    "Resume a parked conversation, with the message that broke it.\n\nIf it breaks again it stays "
    "parked, and the exit status is 1.":
        "接上搁置的对话，从出错的那条消息接着走。\n\n如果又出错，还搁置着，退出状态是 1。",
    "End conversations; clean-up steps of a running one are run.":
        "结束对话；进行中的会执行它的清理步骤。",
    "Remove everything that is stored of a user, for good; clean-up steps are run.":
        "永远删掉存着的一个用户的一切；会执行清理步骤。",
    "an OpenID, or the user's key": "OpenID，或者用户在存储里的键",
    "do not ask": "不再确认",
    "Write all conversations to a file, for `check --from`.\n\nWith --redact, say APP too: it is "
    "needed to know what its questions quote.":
        "把所有对话写进一个文件，给 `check --from` 用。\n\n用 --redact 时要写 APP：要靠它知道问题里"
        "引用了什么。",
    "FILE - is the output": "FILE 写 - 就是标准输出",
    "leave out what users wrote and steps returned": "隐去用户写的和步骤返回的内容",
}  # fmt: skip
"""The commands' texts and their translations."""
