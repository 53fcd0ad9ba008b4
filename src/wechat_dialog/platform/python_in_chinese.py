"""What Python says of a file that it cannot load, in Chinese, as far as beginners often meet it.

Only the sentence that sums an error up is translated. Below it Python's own words stay as they are,
so that they can be looked up.
"""

from __future__ import annotations

__all__ = ["PYTHON", "PYTHON_ERRORS"]

PYTHON_ERRORS = frozenset(
    [
        "SyntaxError",
        "IndentationError",
        "TabError",
        "ImportError",
        "ModuleNotFoundError",
        "NameError",
    ]
)
"""The errors whose sentences are here."""

PYTHON = {
    "expected ':'": "少了冒号 ':'",
    "invalid syntax": "语法不对；看看这一行和上一行",
    "invalid syntax. Perhaps you forgot a comma?": "语法不对；是不是少了逗号？",
    "invalid syntax. Maybe you meant '==' or ':=' instead of '='?":
        "语法不对；比较要写 '=='",
    "'{0}' was never closed": "'{0}' 没有配对的另一半",
    "unmatched '{0}'": "'{0}' 没有配对的另一半",
    "closing parenthesis '{0}' does not match opening parenthesis '{1}' on line {2}":
        "'{0}' 和第 {2} 行的 '{1}' 不配对",
    "closing parenthesis '{0}' does not match opening parenthesis '{1}'": "'{0}' 和 '{1}' 不配对",
    "unterminated string literal (detected at line {0})": "字符串没有结束的引号（到第 {0} 行）",
    "unterminated triple-quoted string literal (detected at line {0})":
        "三引号的字符串没有结束（到第 {0} 行）",
    "unterminated f-string literal (detected at line {0})": "字符串没有结束的引号（到第 {0} 行）",
    "invalid character '{0}' ({1})": "有全角或者特殊的字符 '{0}'（{1}）：换成半角的",
    "invalid non-printable character {0}": "有看不见的字符（{0}）：删掉，重新打一个空格",
    "expected an indented block after {0} on line {1}": "第 {1} 行（{0}）后面的要缩进",
    "expected an indented block": "这里要缩进",
    "unexpected indent": "多缩进了",
    "unindent does not match any outer indentation level": "缩进和上面哪一层都对不齐",
    "inconsistent use of tabs and spaces in indentation": "缩进里混用了制表符和空格：只用空格",
    "'yield from' inside async function": "async def 里不能写 yield from：写 await",
    "'await' outside async function": "普通函数里不能写 await：写 yield from，或者用 async def",
    "'await' outside function": "await 只能写在 async def 里",
    "'yield' outside function": "yield 只能写在函数里",
    "'return' outside function": "return 只能写在函数里；看看缩进",
    "'return' with value in async generator":
        "async def 里有 yield，就不能 return 一个值：把 yield 换成 await",
    "(unicode error) {0}": "文件不是 UTF-8 编码：另存为 UTF-8（{0}）",
    "Non-UTF-8 code starting with {0}": "文件不是 UTF-8 编码：另存为 UTF-8（{0}）",
    "source code cannot contain null bytes": "文件不是 UTF-8 编码：另存为 UTF-8",
    "source code string cannot contain null bytes": "文件不是 UTF-8 编码：另存为 UTF-8",
    "No module named {0}": "没有 {0} 这个模块：用 pip 安装它，或者改正名字",
    "cannot import name {0} from partially initialized module {1} "
    "(most likely due to a circular import) ({2})":
        "导入不了 {0}：{1} 和这个文件互相导入；是不是有个文件和它同名？（{2}）",
    "cannot import name {0} from {1} ({2}). Did you mean: {3}?":
        "{1} 里没有 {0}；是不是 {3}？（{2}）",
    "cannot import name {0} from {1} ({2})": "{1} 里没有 {0}；名字写对了吗？（{2}）",
    "name {0} is not defined. Did you mean: {1}?": "没有 {0} 这个名字；是不是 {1}？",
    "name {0} is not defined. Did you forget to import {1}?": "没有 {0} 这个名字；忘了导入 {1}？",
    "name {0} is not defined": "没有 {0} 这个名字",
}  # fmt: skip
"""Sentences of CPython 3.11 to 3.14 and their translations, as in `refusals.REFUSALS`."""
