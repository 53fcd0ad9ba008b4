"""The scripts as the proxies of managed Redis want them.

The cluster edition of Alibaba Cloud, for one, reads a script before it runs it, and refuses with
"bad lua script for redis cluster" one in which a key comes to `redis.call` otherwise than as
`KEYS[n]`: in a variable, through `unpack`, made of another (help.aliyun.com/document_detail/92942).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

import pytest

from wechat_dialog.stores.redis.scripts import Scripts

FOLDER = files("wechat_dialog.stores.redis") / "lua"
FILES = sorted(path.name for path in FOLDER.iterdir() if path.name.endswith(".lua"))
ALL = 1_000
KEYS = {
    "TIME": 0, "MGET": ALL, "DEL": ALL,
    **dict.fromkeys(
        ("GET", "SET", "EXISTS", "PEXPIRE", "PTTL", "RPUSH", "LRANGE", "LTRIM", "LLEN", "LINDEX",
         "HGET", "HSET", "HDEL", "HGETALL", "HVALS", "HKEYS", "ZADD", "ZREM", "ZSCORE", "ZRANGE",
         "ZRANGEBYSCORE", "ZREMRANGEBYSCORE"), 1
    ),
}  # fmt: skip
"""How many of a command's first arguments are keys."""


def calls(source: str) -> Iterator[list[str]]:
    """Give the arguments of every `redis.call`, each as it is written."""
    for found in re.finditer(r"redis\.call\(", source):
        arguments, depth, quoted = [""], 1, False
        for character in source[found.end() :]:
            quoted ^= character == "'"
            depth += 0 if quoted else (character in "([{") - (character in ")]}")
            if not depth:
                break
            if character == "," and depth == 1 and not quoted:
                arguments.append("")
            else:
                arguments[-1] += character
        yield [argument.strip() for argument in arguments]


def complaints(source: str) -> Iterator[str]:
    """Say what such a proxy would refuse."""
    source = re.sub(r"--.*", "", source)
    keys = 0
    for command, *arguments in calls(source):
        if not re.fullmatch("'[A-Z]+'", command):
            yield f"redis.call({command}, …): the command is not written out"
            continue
        for argument in arguments[: KEYS[command[1:-1]]]:
            keys += 1
            if not re.fullmatch(r"KEYS\[\d+\]", argument):
                yield f"redis.call({command}, …): {argument} is no KEYS[n]"
        if any("unpack" in argument for argument in arguments):
            yield f"redis.call({command}, …) unpacks"
    if len(re.findall(r"\bKEYS\b", source)) > keys:
        yield "KEYS stands elsewhere than where a command takes a key"
    if re.search(r"redis\.p?call(?!\()|redis\.pcall|redis\[|= *redis\b(?!\.)", source):
        yield "redis.call is called by another name"


@pytest.mark.parametrize("name", FILES)
def test_a_key_reaches_a_command_as_keys_by_number_and_in_no_other_way(name: str) -> None:
    assert list(complaints((FOLDER / name).read_text("utf-8"))) == []


@pytest.mark.parametrize("messages", [0, 1, 2, 7])
def test_a_script_made_for_several_messages_names_their_keys_by_number(messages: int) -> None:
    script = Scripts().forget(messages)
    assert list(complaints(script.source)) == []
    code = re.sub("--.*", "", script.source)
    named = {int(number) for number in re.findall(r"KEYS\[(\d+)\]", code)}
    assert named == set(range(1, 10 + messages))


@pytest.mark.parametrize(
    "source",
    [
        "local key = KEYS[1] return redis.call('GET', key)",
        "local i = 1 return redis.call('GET', KEYS[i])",
        "return redis.call('GET', KEYS[1] .. ':1')",
        "return redis.call('GET', ARGV[1])",
        "return redis.call('MGET', unpack(KEYS))",
        "return redis.call('RPUSH', KEYS[1], unpack(ARGV))",
        "local call = redis.call return call('GET', KEYS[1])",
        "return redis.call(ARGV[1], KEYS[1])",
    ],
)
def test_what_a_proxy_refuses_is_noticed(source: str) -> None:
    assert list(complaints(source)) != []
