"""The probe against servers that break one rule each: it names that rule, and no other."""

from __future__ import annotations

import pytest

from tests.probe.model import PREVIOUS, RAISING, SLOW, Model, account
from wechat_dialog.platform.account import Mode
from wechat_dialog.platform.probe.probe import PARTS, Result, planned, probe
from wechat_dialog.platform.probe.prober import Prober

USER = "oProber"


def results_of(model: Model, url: str, **more: str | float) -> tuple[list[Result], Prober]:
    settings = {"raising": RAISING, "previous_aes_key": PREVIOUS, **more}
    with Prober(account(model.mode), url, USER, **settings) as prober:  # type: ignore[arg-type]
        return list(probe(prober)), prober


def failures(results: list[Result]) -> dict[str, str]:
    """The rule that each failed part names, by the part's number and name."""
    return {
        f"{result.number} {part.name}".strip(): part.rule
        for result in results
        for part in result.of("failed")
    }


def run(model: Model, **more: str | float) -> dict[str, str]:
    with model.serving() as url:
        results, prober = results_of(model, url, **more)
        assert len(prober.exchanges) <= planned(prober)
    return failures(results)


# Mode, defect, the parts that fail, the rule they name.
MUTANTS: list[tuple[Mode, str, str, str]] = [
    ("plain", "echo in JSON", "1", "1"),
    ("plain", "forged check", "2", "1"),
    ("plain", "echo in refusal", "2", "1"),
    ("plain", "sorted as numbers", "3 sorted as text", "1"),
    ("plain", "echo decoded twice", "3 decoded once", "1"),
    ("plain", "echo is a number", "3 no number", "1"),
    ("plain", "no echostr is a visitor", "4 without echostr", "1"),
    ("plain", "unsigned check", "4 without signature|4 without timestamp|4 without nonce", "1"),
    ("plain", "users swapped", "5", "5.1"),
    ("plain", "empty Content", "5", "5.2"),
    ("plain", "JSON answer", "5", "5.3"),
    ("plain", "forged", "6 wrong", "2"),
    ("plain", "unsigned", "6 missing", "2"),
    ("plain", "openid", "7 no openid", "2"),
    ("plain", "parameters", "7 unknown parameter", "2"),
    ("plain", "content type", "7 Content-Type", "2"),
    ("safe", "nonce", "8", "6"),
    ("safe", "plain answer", "8", "2"),
    ("safe", "msg_signature missing", "9 missing", "2"),
    ("safe", "msg_signature", "9 altered|9 missing", "2"),
    ("safe", "padding of 16", "11 32 bytes|11 19 bytes", "6"),
    ("safe", "AppID", "12", "6"),
    ("safe", "previous key", "13", "6"),
    ("safe", "downgrade", "17 no encrypt_type|17 encrypt_type=raw", "2"),
    ("compatible", "plain fields", "18", "2"),
    ("safe", "success sealed", "19", "6"),
    ("compatible", "success sealed", "19", "6"),
    ("plain", "blank Content", "20", "5.2"),
    ("plain", "CDATA of replies", "22", "8"),
    ("plain", "control characters", "23", "8"),
    ("plain", "too long", "24", "5.2"),
    ("plain", "cut in two", "24", "5.2"),
    ("plain", "emoji", "25 emoji", "5.5, 5.7"),
    ("plain", "links", "25 link|25 menu line", "5.5, 5.7"),
    ("plain", "escaped", "25 link|25 menu line", "5.5, 5.7"),
    ("plain", "white space in ids", "26 ids", "8"),
    ("plain", "stripped", "26 Content", "8"),
    ("plain", "CDATA", "27 CreateTime in CDATA", "8"),
    ("plain", "MsgId is a float", "27 exact", "8"),
    ("plain", "sticker", "28", "3"),
    ("plain", "voice", "29 missing", "3"),
    ("plain", "menu lines", "30 with its id", "5.6"),
    ("plain", "EventKey", "31 EventKey missing", "4"),
    ("plain", "scenes", "31 qrscene_", "4"),
    ("plain", "lists", "32 two lists", "4"),
    ("plain", "MsgId alone", "33 two users, one MsgId", "5.4"),
    ("plain", "events by second", "33 two events in one second", "5.4"),
    ("plain", "copies", "36 message|36 at once|36 event", "5.4"),
    ("plain", "copies dropped", "36 message|36 at once|36 event", "5.4"),
    ("safe", "copies", "36 message|36 at once|36 event", "5.4"),
    ("plain", "unknown message", "37 message", "8"),
    ("plain", "unknown event", "37 event", "8"),
    ("plain", "unknown fields", "37 fields", "8"),
    ("plain", "empty body", "38 empty", "8"),
    ("plain", "DOCTYPE", "38 entity|38 DOCTYPE", "8"),
    ("plain", "raises", "39", "5.3"),
]


@pytest.mark.parametrize(("mode", "defect", "parts", "rule"), MUTANTS)
def test_exactly_the_broken_rule_is_named(mode: Mode, defect: str, parts: str, rule: str) -> None:
    assert run(Model(mode, defect)) == dict.fromkeys(parts.split("|"), rule)


def test_a_server_that_breaks_at_a_wrong_msg_signature_fails_wherever_there_is_one() -> None:
    assert run(Model("safe", "mismatch")) == {"9 altered": "2", "10": "6"}


def test_a_server_that_breaks_at_odd_ciphertexts_fails_at_each() -> None:
    assert run(Model("safe", "ciphertext")).keys() == {
        "12",
        *(f"14 {part.name}" for part in PARTS[14]),
    }


@pytest.mark.parametrize("mode", ["plain", "compatible", "safe"])
def test_a_server_that_keeps_every_rule_fails_nothing(mode: Mode) -> None:
    assert run(Model(mode)) == {}


SOON = 0.3  # seconds, in place of five


@pytest.mark.parametrize(
    ("defect", "failed", "passed"),
    [
        ("slow", {}, {34}),
        ("slow anew", {"34": "5.3"}, set[int]()),
        ("slower", {}, {35}),
        ("never", {"35": "5.3"}, set[int]()),
    ],
)
def test_a_slow_answer_is_waited_for_as_the_platform_does(
    defect: str, failed: dict[str, str], passed: set[int]
) -> None:
    model = Model(broken=defect)
    with model.serving() as url, Prober(account(), url, USER, slow=SLOW, window=SOON) as prober:
        results = list(probe(prober, {34, 35}))
    assert failures(results) == failed
    assert {result.number for result in results if result.outcome == "passed"} == passed


def test_every_part_that_can_be_seen_is_in_the_table() -> None:
    broken = {part for _, _, parts, _ in MUTANTS for part in parts.split("|")}
    broken |= {f"14 {part.name}" for part in PARTS[14]} | {"9 altered", "10", "34", "35"}
    # Parts that only vary another's bytes: what breaks one of them breaks its sister.
    varied = {"15", "25 line break", "29 empty", "30 without", "31 EventKey empty", "31 SCAN"}
    varied |= {"32 one picture", "32 two in one list", "32 one notice"}
    varied |= {f"38 {part.name}" for part in PARTS[38]}
    everything = {f"{number} {part.name}".strip() for number in PARTS for part in PARTS[number]}
    assert everything == broken | varied
