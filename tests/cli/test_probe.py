"""`wechat-dialog probe`: a table for people, JSON for programs, and a status for both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import run, within
from tests.probe.model import Model


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    with Model().serving() as url:
        yield url


@pytest.fixture(scope="module")
def broken() -> Iterator[str]:
    with Model(broken="too long").serving() as url:
        yield url


def probe(folder: Path, url: str, *words: str) -> Any:
    return run(folder, "probe", url, "--token", "secret", *words)


def test_a_good_server_is_a_table_and_status_0(good: str, tmp_path: Path) -> None:
    done = probe(tmp_path, good)
    assert done.returncode == 0, done.stdout
    assert "24 passed, 0 failed" not in done.stdout  # 39 was not asked for
    assert "23 passed, 0 failed, 17 skipped" in done.stdout
    assert "--slow" in done.stdout
    assert f"requests to {good} as oProbe" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_failure_names_its_rule_and_shows_the_bytes(broken: str, tmp_path: Path) -> None:
    done = probe(tmp_path, broken, "--only", "24", "--only", "25")
    assert done.returncode == 1
    assert "1 passed, 1 failed, 0 skipped" in done.stdout
    assert "2048 are the limit (protocol reference 5.2)" in done.stdout
    assert "> POST /?signature=" in done.stdout
    assert "> <xml><ToUserName>" in done.stdout
    assert "< 200\n" in done.stdout


def test_json_has_the_same_for_a_program(broken: str, tmp_path: Path) -> None:
    done = probe(tmp_path, broken, "--only", "1", "--only", "24", "--only", "40", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["passed"], found["failed"], found["skipped"]) == (1, 1, 1)
    assert found["url"] == broken
    first, second, third = found["cases"]
    assert first == {
        "number": 1,
        "title": "the URL check is answered with its echostr",
        "outcome": "passed",
        "parts": [{"name": "", "outcome": "passed"}],
    }
    (part,) = second["parts"]
    assert (part["outcome"], part["rule"]) == ("failed", "5.2")
    (exchange,) = part["exchanges"]
    assert "中" * 1000 in exchange["sent"]
    assert "中" * 1000 in exchange["received"]
    assert third["parts"][0]["why"]


def test_a_wrong_token_is_said_once_and_in_words(good: str, tmp_path: Path) -> None:
    done = run(tmp_path, "probe", good, "--token", "wrong")
    assert done.returncode == 1
    assert "0 passed, 2 failed, 38 skipped" in done.stdout
    assert "is --token the server's" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("localhost",), "is no URL"),
        (("ftp://127.0.0.1/",), "is no URL"),
        (("http://127.0.0.1:9/",), "nothing answers at http://127.0.0.1:9/"),
        (("http://127.0.0.1:9/", "--mode", "secret"), "mode 'secret'"),
        (("http://127.0.0.1:9/", "--mode", "safe"), "--mode safe needs --app-id"),
        (("http://127.0.0.1:9/", "--previous-aes-key", "x"), "previous_aes_key has 1 characters"),
        (("http://127.0.0.1:9/", "--only", "41"), "--only"),
        (("http://127.0.0.1:9/", "--only", "x"), "--only"),
        ((), "URL"),
        (("http://127.0.0.1:9/", "--tokem", "x"), "--tokem"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence_and_status_2(
    words: tuple[str, ...],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert within("probe", *words, monkeypatch=monkeypatch) == 2
    out, told = capsys.readouterr()
    *announced, sentence = told.splitlines()
    assert (out, len(announced)) == ("", "nothing answers" in said)
    assert said in sentence
