"""Error messages of the command, the simulator and tests, in the terminal's language.

Errors are raised with English messages, since programs see them, too. What is printed is looked up
here. A key is a template in which `{0}` stands for any text, which is translated in turn if it
matches a template itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from wechat_dialog import errors
from wechat_dialog.platform.language import in_chinese, speaks_chinese

from .mistakes_in_chinese import GENERAL, MISTAKES
from .python_in_chinese import PYTHON, PYTHON_ERRORS
from .stores_in_chinese import STORES

__all__ = ["REFUSALS", "chinese_of", "refusal"]

NAMES = frozenset({*errors.__all__, "TypeError", "ValueError", "LookupError", "AttributeError"})
"""Errors that the library raises, and so has sentences for."""

CALL = re.compile(r"((?:chat|bot|steps)\.\S.*?) at (.+?:\d+): (.+)", re.DOTALL)
"""What is wrong with a call of this library, and its line."""

PLACE = re.compile(r"(\w+) at (.+?:\d+)(?:, called from (.+:\d+))?")
"""Where an error of an author's code was raised, as it is logged."""


DEEPEST = 8
"""How deep sentences stand in one another, and more. A text that only looks as if it went on, such
as one that repeats a sentence's beginning, would take minutes.
"""


def refusal(text: str) -> str:
    """Return an error's message in the terminal's language; unchanged if there is none."""
    return chinese_of(text) if speaks_chinese() else text


def chinese_of(text: str, deep: int = DEEPEST) -> str:
    """Return a message in Chinese; unchanged if it has no translation.

    Args:
        text: The message.
        deep: How many times more a part of it may be looked up.
    """
    if not deep:
        return text
    name, colon, sentence = text.partition(": ")
    if colon and name in NAMES:  # the error that a conversation was parked with
        return f"{name}: {chinese_of(sentence, deep - 1)}"
    if colon and name in PYTHON_ERRORS:
        return f"{name}: {_looked_up(sentence, _compiled(PYTHON), deep) or sentence}"
    if call := CALL.fullmatch(text):
        return f"{call[2]} 的 {call[1]}：{chinese_of(call[3], deep - 1)}"
    if translated := _looked_up(text, _patterns(), deep):
        return translated
    if place := PLACE.fullmatch(text):
        called = f"，从 {place[3]} 调用" if place[3] else ""
        return f"{place[1]}，在 {place[2]}{called}"
    return in_chinese(text)


def _looked_up(text: str, patterns: list[tuple[re.Pattern[str], str]], deep: int) -> str:
    for pattern, chinese in patterns:
        if match := pattern.fullmatch(text):
            return chinese.format(*(chinese_of(group, deep - 1) for group in match.groups()))
    return ""


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    return _compiled({**MISTAKES, **REFUSALS, **GENERAL})


def _compiled(table: Mapping[str, str]) -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(_pattern(text), re.DOTALL), chinese) for text, chinese in table.items()]


def _pattern(text: str) -> str:
    parts = re.split(r"({\d})", text)
    return "".join("(.+?)" if re.fullmatch(r"{\d}", part) else re.escape(part) for part in parts)


REFUSALS = {
    # The command line; typer's own sentences.
    "Missing command.": "还要写一个命令；加上 --help 就列出所有命令",
    "No such command {0}. Did you mean {1}?": "没有 {0} 这个命令；是不是 {1}？",
    "No such command {0}.": "没有 {0} 这个命令",
    "No such option: {0} Did you mean {1}?": "没有 {0} 这个选项；是不是 {1}？",
    "No such option: {0} (Possible options: {1})": "没有 {0} 这个选项；有这些：{1}",
    "No such option: {0}": "没有 {0} 这个选项",
    "Missing argument {0}.": "还缺参数 {0}",
    "Missing option {0}.": "还缺选项 {0}",
    "Got unexpected extra argument(s) ({0})": "多出了参数 {0}",
    "Got unexpected extra argument ({0})": "多出了参数 {0}",
    "Got unexpected extra arguments ({0})": "多出了参数 {0}",
    "Option {0} requires an argument.": "选项 {0} 后面要写一个值",
    "Option {0} does not take a value.": "选项 {0} 后面不写值",
    "Invalid value for {0}: {1}": "{0} 的值不对：{1}",
    "Input should be a valid integer, unable to parse string as an integer": "要一个整数",
    "Input should be a valid number, unable to parse string as a number": "要一个数",
    "Input should be less than or equal to {0}": "最大是 {0}",
    "Input should be greater than or equal to {0}": "最小是 {0}",
    "Value error, {0}": "{0}",
    "{0} is not a valid integer.": "{0} 不是整数",
    "{0} is not a valid float.": "{0} 不是数",
    "{0} is not in the range {1}.": "{0} 不在 {1} 之内",
    "{0} is not one of {1}.": "{0} 不是其中之一：{1}",
    # The system's.
    "No such file or directory": "没有这个文件或目录",
    "Permission denied": "没有权限",
    "Is a directory": "是一个目录",
    "Not a directory": "不是目录",
    "Address already in use": "已经被占用",
    "Cannot assign requested address": "不是这台机器的地址",
    # Which bot, and which account.
    "{0} names no module; write bot:bot, or bot.py":
        "{0} 里没有模块名；写 bot:bot，或者 bot.py",
    "no module {0} here ({1}) or installed": "这里（{1}）没有 {0} 这个模块，也没有安装",
    "{0} cannot be loaded:\n{1}": "{0} 加载不了：\n{1}",
    "{0} cannot be loaded, see {1}: {2}\n{3}": "{0} 加载不了，看 {1}：{2}\n{3}",
    "{0}\nwechat_dialog.errors.ConfigurationError: {1}": "{0}\n{1}",
    "{0}\nTypeError: {1}": "{0}\nTypeError: {1}",
    "--mode {0} needs --app-id and --aes-key: the console's":
        "--mode {0} 还要写 --app-id 和 --aes-key：照后台的抄",
    "{0} hides this library's own package of that name: remove the folder of 2017":
        "{0} 挡住了这个库里同名的包：把 2017 年的这个目录删掉",
    "{0} of module {1} is no bot; write module:name":
        "模块 {1} 里没有 {0} 这个机器人；写 模块:变量名",
    "{0} of module {1} is no bot; write {2}": "模块 {1} 里没有 {0} 这个机器人；写 {2}",
    "{0} is no Bot": "{0} 不是 Bot",
    "{0} is no Bot: a 2017 module has no timers": "{0} 不是 Bot：2017 年写法的模块没有定时",
    "the bot has no dialog {0}": "机器人没有 {0} 这个对话",
    "{0} is no JSON ({1}); a text is '\"…\"'": "{0} 不是 JSON（{1}）；文字要写成 '\"…\"'",
    "{0}: a JSON object is wanted, with the arguments by name":
        "{0}：要一个 JSON 对象，按名称写参数",
    "it does not start": "它启动不了",
    "{0} is no URL; write http://127.0.0.1:8000/": "{0} 不是 URL；写成 http://127.0.0.1:8000/ 这样",
    "mode {0}: one of {1}": "模式 {0} 不对：从 {1} 里选一个",
    "kind {0}: one of {1}": "帐号种类 {0} 不对：从 {1} 里选一个",
    "{0} mode needs the account's AppID: app_id": "{0} 模式需要公众号的 AppID：--app-id",
    "{0} has {1} characters; it must be the console's 43 letters and digits":
        "{0} 有 {1} 个字符；应该是后台的 43 个字母和数字",
    "the bot has no token; set the one of your account's console: Bot(token=…), or the "
    "environment's WECHAT_TOKEN, where `new` and 2017 modules read it":
        "机器人没有 token；写上公众号后台里的那个：Bot(token=…)，或者设置环境变量 WECHAT_TOKEN"
        "（`new` 写出的机器人和 2017 年写法的模块从那里读）",
    "cannot listen on {0} port {1}: {2}; choose others with --host and --port":
        "不能监听 {0} 的 {1} 端口：{2}；用 --host 和 --port 换别的",
    # Files and messages.
    "say APP, or --store URL, and FILE": "要写 APP 或者 --store URL，再写 FILE",
    "cannot read {0}: {1}": "读不了 {0}：{1}",
    "cannot write {0}: {1}": "写不了 {0}：{1}",
    "say what to send, by one of {0}": "要发什么？用其中一个：{0}",
    "{0} is no message: it has no {1}": "{0} 不是消息：没有 {1}",
    "{0} is no message: {1}": "{0} 不是消息：{1}",
    "{0} is no place: latitude and longitude, 23.13,113.35":
        "{0} 不是位置：写纬度和经度，23.13,113.35",
    "--menu {0}: {1}": "--menu {0} 不对：{1}",
    'a menu is {"button": […]} with a button at least':
        '菜单是 {{"button": […]}}，里面至少有一个按钮',
    "{0} buttons in one row, {1} are the limit": "一排有 {0} 个按钮，最多 {1} 个",
    "a button has no name": "有个按钮没有 name",
    "button {0} opens a sub-menu in a sub-menu": "按钮 {0} 在子菜单里又打开子菜单",
    "button {0} has no type and no sub_button": "按钮 {0} 既没有 type，也没有 sub_button",
    # Routes and dialogs.
    "{0} takes no chat, which every dialog is called with: write `def …(chat)`":
        "{0} 没有参数 chat，而每个对话函数都会得到它：写 `def …(chat)`",
    "{0} wants {1}, which {2} need not match, and then nothing fills it: give it a default, {3}":
        "{0} 要 {1}，而 {2} 匹配时不一定有它，那时就没有值：给它一个默认值，{3}",
    "{0} wants {1}, which nothing fills: {2} has no group {3}; give it a default":
        "{0} 要 {1}，而没有东西给它：{2} 里没有 {3} 这一组；给它一个默认值",
    "{0} wants {1}, which nothing fills: its route has no pattern; give it a default":
        "{0} 要 {1}，而没有东西给它：它的路由没有模式；给它一个默认值",
    "{0} takes no {1}, which is a group of {2}: add the parameter, or write (…) for {3}":
        "{0} 没有参数 {1}，而 {2} 里有这一组：加上参数，或者把 {3} 写成 (…)",
    "{0} is an async generator, which cannot be a dialog: write `await chat.ask(…)`":
        "{0} 是异步生成器，不能是对话函数：写 `await chat.ask(…)`",
    "{0} says that it answers {1}: a dialog answers a str, a reply of wechat_dialog.replies, or "
    "None for no reply":
        "{0} 说它返回 {1}：对话函数返回 str、wechat_dialog.replies 里的一种回复，"
        "或者 None（不回复）",
    "@text({0}) can never be reached: texts are compared without the white space around them; "
    "write {1}":
        "@text({0}) 永远轮不到：比较时会去掉文字两头的空白；写 {1}",
    "@{0} takes texts or compiled patterns, not {1}; write @bot.{2}(…)":
        "@{0} 里写文字或者编译好的正则，不是 {1}；写 @bot.{2}(…)",
    "on_divergence={0}: one of {1} is wanted": "on_divergence={0}：从 {1} 里选一个",
    "two fallbacks: {0} and {1}; only one can ever be reached":
        "有两个 fallback：{0} 和 {1}；只有一个轮得到",
    "two dialogs are named {0}: {1} and {2}; give one of them another name= or version=":
        "有两个对话都叫 {0}：{1} 和 {2}；给其中一个换个 name= 或 version=",
    "two dialogs are named {0}: {1} and {2}; give one of them another name=":
        "有两个对话都叫 {0}：{1} 和 {2}；给其中一个换个 name=",
    "{0} can never be reached: {1} takes all its messages first":
        "{0} 永远轮不到：它的消息都先被 {1} 拿走了",
    # What a bot is made with.
    "{0}={1}: a collection of words is wanted": "{0}={1}：要一组词",
    "timeout={0}: seconds above 0, or None for never":
        "timeout={0}：大于 0 的秒数；None 是永不过期",
    "longest_turn={0}: seconds above 0, or None for no limit":
        "longest_turn={0}：大于 0 的秒数；None 是没有上限",
    "max_age={0}: seconds above 0, or None for any": "max_age={0}：大于 0 的秒数；None 是不限",
    "on_divergence={0}: one of {1}": "on_divergence={0}：从 {1} 里选一个",
    "customer_messages=True needs app_id= and app_secret=":
        "customer_messages=True 需要 app_id= 和 app_secret=",
    "review={0}: a function is wanted": "review={0}：要一个函数",
    "drain={0}: seconds, 0 or more": "drain={0}：秒数，0 以上",
    "journal_limit={0}: a whole number, 2 or more": "journal_limit={0}：2 以上的整数",
    "live_dialogs={0}: a whole number, 0 or more": "live_dialogs={0}：0 以上的整数",
    "Window({0}={1}): seconds above 0": "Window({0}={1})：大于 0 的秒数",
    "Window({0}={1}): a whole number, 1 or more": "Window({0}={1})：1 以上的整数",
    "{0}={1}: seconds above 0": "{0}={1}：大于 0 的秒数",
    "{0}={1}: seconds, 0 or more": "{0}={1}：秒数，0 以上",
    "Limits({0}={1}): a whole number, 1 or more": "Limits({0}={1})：1 以上的整数",
    "time_zone={0} is no time zone: {1}; use a name like 'Asia/Shanghai'":
        "time_zone={0} 不是时区：{1}；写 'Asia/Shanghai' 这样的名字",
    'mode is {0}; it must be "plain", "compatible" or "safe"':
        'mode 是 {0}；应该是 "plain"、"compatible" 或 "safe"',
    "mode {0} needs aes_key and app_id, both from the console":
        "mode {0} 需要 aes_key 和 app_id，都在后台里",
    "token is {0}; a text is wanted": "token 是 {0}；要一段文字",
    'pages= needs markdown-it-py: pip install "wechat-dialog[pages]"':
        'pages= 需要 markdown-it-py：pip install "wechat-dialog[pages]"',
    "pages= needs a store that keeps them: see `core.store.pages`":
        "pages= 需要能存网页的存储：见 `core.store.pages`",
    "pages={0} is no address: {1}": "pages={0} 不是网址：{1}",
    "pages={0}: an address https://host/path is wanted (http:// on this machine only)":
        "pages={0}：要 https://域名/路径 这样的网址（http:// 只能是本机）",
    "pages={0}: a path of its own is wanted, such as https://{1}/wx/p, and nothing behind it":
        "pages={0}：要一个单独的路径，例如 https://{1}/wx/p，后面不能再有别的",
    "pages={0}: its host and path must be plain ASCII": "pages={0}：域名和路径只能是 ASCII",
    "data={0}: a TypedDict, a dataclass or a msgspec.Struct is wanted":
        "data={0}：要 TypedDict、dataclass 或者 msgspec.Struct",
    "data={0}: {1} must be there, but a new user has nothing: {2}":
        "data={0}：{1} 必须有，可是新用户什么都没有：{2}",
    "data={0}: {1}": "data={0} 不行：{1}",
    # Stored conversations.
    "{0} does not name exactly one parked conversation: what waits or runs continues by itself, "
    "and one of several is named by its id; `conversations list` shows all":
        "{0} 没有正好一段搁置的对话：在等的、进行中的自己会接着走，有几段就写编号；"
        "`conversations list` 列出所有的",
    "no conversation or user {0} in the store; `conversations list` shows all":
        "存储里没有 {0} 这个对话或用户；`conversations list` 列出所有的",
    "line {0} of the file: {1}; write it with `wechat-dialog conversations export`":
        "文件第 {0} 行：{1}；用 `wechat-dialog conversations export` 写出它",
    "it is empty": "是空的",
    "it is not an export of conversations": "不是导出的对话",
    "{0} is a symbolic link: name the file itself, or - for the output":
        "{0} 是符号链接：写文件本身，或者写 - 输出到标准输出",
    "conversation {0} was resumed, ended or forgotten meanwhile":
        "对话 {0} 这时已经被接上、结束或删除了",
    "the conversation was written by a newer wechat-dialog (journal format {0}), and is left "
    "untouched; run that version, or `conversations end` it there":
        "这个对话是更新的 wechat-dialog 写的（日志格式 {0}），没有动它；用那个版本运行，或者在那里"
        "用 `conversations end` 结束它",
    "nothing answers at {0}: {1}": "{0} 没有人回答：{1}",
    "no dialog {0} is registered": "没有登记 {0} 这个对话",
    "dialog {0} at record {1}: the journal has {2}, now it has ended; register the changed dialog "
    "under a new version=, or choose on_divergence=":
        "对话 {0} 第 {1} 条记录：日志里是 {2}，现在已经结束了；给改过的对话写上新的 version=，"
        "或者设置 on_divergence=",
    "dialog {0} at record {1}: the journal has {2}, now it does {3} ({4}:{5}); register the "
    "changed dialog under a new version=, or choose on_divergence=":
        "对话 {0} 第 {1} 条记录：日志里是 {2}，现在是 {3} ({4}:{5})；给改过的对话写上新的 "
        "version=，或者设置 on_divergence=",
    "dialog {0} at record {1}: the journal has {2}, now it does {3}; register the changed dialog "
    "under a new version=, or choose on_divergence=":
        "对话 {0} 第 {1} 条记录：日志里是 {2}，现在是 {3}；给改过的对话写上新的 version=，"
        "或者设置 on_divergence=",
    "the question {0}": "问题 {0}",
    "an answer to {0}": "对 {0} 的回答",
    "an answer that no longer fits ({0})": "已经不合适的回答（{0}）",
    "an answer that meant another of the options": "指另一个选项的回答",
    "a result of step {0} that no longer fits ({1})": "步骤 {0} 已经不合适的结果（{1}）",
    "the start of a conversation": "对话的开始",
    "step {0} with other arguments, which is called elsewhere now":
        "参数不同的步骤 {0}，现在在别处调用",
    "step {0} with other arguments": "参数不同的步骤 {0}",
    "step {0}": "步骤 {0}",
    "a gathering of {0}": "同时执行的步骤 {0}",
    "a gathering": "同时执行的几个步骤",
    "raise {0}": "抛出 {0}",
    "something that depends on a secret: it {0}": "取决于机密的东西：{0}",
    "ask in secret {0}": "保密的 ask {0}",
    "a race of {0}": "竞赛（{0}）",
    "a race": "竞赛",
    "a timer in branch {0} at {1}": "{1} 第 {0} 项的定时",
    # Quoted, since a sentence may begin with this word, too.
    "signal '{0}' in branch {1} at {2}": "{2} 第 {1} 项的信号 '{0}'",
    "a timer at {0}": "{0} 的定时",
    "a limit at {0}": "{0} 的时限",
    "signal '{0}' at {1}": "{1} 的信号 '{0}'",
    "signal '{0}'": "信号 '{0}'",
    "a timer": "定时",
    "{0}, a limit": "{0}、时限",
    "a limit": "时限",
    "{0}; and then it raises {1}": "{0}；然后抛出 {1}",
    **STORES,
    # What will probably not work.
    "the console takes no such token ({0} characters), only 3 to 32 letters and digits: copy the "
    "console's":
        "机器人的 token（{0} 个字符）后台不收，那里只能填 3 到 32 个英文字母和数字；照后台的抄",
    "ROUTER names functions that the module does not have: {0}":
        "ROUTER 里写了模块里没有的函数：{0}",
}  # fmt: skip
"""English templates and their translations; of two that match, the first is used."""
