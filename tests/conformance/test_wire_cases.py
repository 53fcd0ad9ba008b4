"""The table of protocol reference 10, run against the codec alone."""

from __future__ import annotations

import pytest

from tests.conformance.cases import CASES, NOW, SAFE, Case
from tests.wire import vectors
from wechat_dialog.core.wire.codec import Codec
from wechat_dialog.errors import ConfigurationError, Refused
from wechat_dialog.replies import to_reply


def exchange(case: Case) -> tuple[int, bytes]:
    """Status and body of the response a codec gives."""
    codec = Codec(**case.account)
    try:
        if case.method == "GET":
            return 200, codec.echo(case.query).encode()
        push = codec.open(case.body, case.query, now=NOW)
    except Refused as refused:
        return refused.status, b""
    case.seen(push.message)
    reply = to_reply(case.answer(push.message))
    return 200, codec.seal(push, reply, now=NOW, random16=vectors.RANDOM_OUT)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}: {case.title}")
def test_case(case: Case) -> None:
    status, body = exchange(case)
    assert status == 200 if case.status == 200 else 400 <= status < 500
    case.response(body)


@pytest.mark.parametrize("setting", ["aes_key", "previous_aes_key"])
@pytest.mark.parametrize(
    "key", [vectors.KEY[:-1], vectors.KEY + "A", vectors.KEY[:-1] + "+", vectors.KEY[:-1] + "中"]
)
def test_case_16_a_malformed_key_is_a_configuration_error(setting: str, key: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{setting} ") as caught:
        Codec(**{**SAFE, setting: key})
    assert key not in str(caught.value)
