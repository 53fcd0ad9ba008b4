"""The door: what is let in, and how it is answered. Most of it is in `tests/conformance`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.cases import NOW, SAFE, sealed, xml
from tests.wire import vectors
from wechat_dialog import errors, messages, replies
from wechat_dialog.core.wire import xml as reader
from wechat_dialog.core.wire.codec import SUCCESS, Codec, Push
from wechat_dialog.core.wire.crypto import Key, decrypt

PLAIN = Codec(vectors.TOKEN)
SEALED = Codec(**SAFE)


@pytest.mark.parametrize(
    ("codec", "body", "query", "error"),
    [
        pytest.param(PLAIN, b" " * 65537, vectors.QUERY, errors.TooLarge, id="long"),
        pytest.param(PLAIN, b" " * 65537, "", errors.TooLarge, id="long, before any hashing"),
        pytest.param(PLAIN, b"", "", errors.BadSignature, id="no query"),
        pytest.param(PLAIN, b"", {"signature": "中"}, errors.BadSignature, id="no hexadecimal"),
        pytest.param(
            PLAIN,
            b"",
            {"signature": "\ud800", "timestamp": "\ud800", "nonce": "1"},
            errors.BadSignature,
            id="a surrogate",
        ),
        pytest.param(PLAIN, vectors.A.body, vectors.A.query, errors.EncryptedRefused, id="sealed"),
        pytest.param(SEALED, b"", vectors.QUERY, errors.PlaintextRefused, id="plain"),
        pytest.param(SEALED, b"<xml>", vectors.A.query, errors.BadMessage, id="half"),
        pytest.param(SEALED, xml(), vectors.A.query, errors.BadMessage, id="no Encrypt"),
        pytest.param(
            SEALED, vectors.C.body, vectors.A.query, errors.BadSignature, id="another's signature"
        ),
        pytest.param(SEALED, vectors.E.body, vectors.E.query, errors.AppIdMismatch, id="E"),
        pytest.param(SEALED, vectors.F.body, vectors.F.query, errors.DecryptionFailed, id="F"),
        pytest.param(SEALED, vectors.D.body, vectors.D.query, errors.BadMessage, id="D is no XML"),
    ],
)
def test_each_refusal_has_its_name(
    codec: Codec, body: bytes, query: str, error: type[errors.Refused]
) -> None:
    with pytest.raises(errors.Refused) as caught:
        codec.open(body, query, now=NOW)
    assert type(caught.value) is error


def test_a_plain_account_reads_the_plain_fields_of_a_compatible_push() -> None:
    push = PLAIN.open(xml(Content="hi", Encrypt="AAAA"), vectors.A.query, now=NOW)
    assert isinstance(push.message, messages.Text)
    assert push.key is None


def test_a_compatible_push_without_signature_is_refused() -> None:
    codec = Codec(**{**SAFE, "mode": "compatible"})
    query = "&".join(p for p in vectors.A.query.split("&") if not p.startswith("signature="))
    with pytest.raises(errors.BadSignature):
        codec.open(vectors.A.body, query, now=NOW)


@pytest.mark.parametrize(
    "query",
    [
        vectors.A.query.encode(),
        dict(pair.split("=") for pair in vectors.A.query.split("&")),
        vectors.A.query.replace("encrypt_type=aes", "encrypt%5Ftype=AES"),
        vectors.A.query + "&msg_signature=second&nonce=2",
    ],
    ids=["bytes", "mapping", "percent-encoded", "repeated"],
)
def test_a_query_may_come_in_any_form(query: str | bytes | dict[str, str]) -> None:
    assert SEALED.open(vectors.A.body, query, now=NOW).message.user == vectors.USER


@pytest.mark.parametrize("mode", ["compatible", "safe"])
@pytest.mark.parametrize("missing", ["aes_key", "app_id"])
def test_an_encrypted_mode_needs_key_and_app_id(mode: str, missing: str) -> None:
    with pytest.raises(errors.ConfigurationError, match="app_id"):
        Codec(**{**SAFE, "mode": mode, missing: ""})


def test_an_unknown_mode_is_a_configuration_error() -> None:
    with pytest.raises(errors.ConfigurationError, match="sfae"):
        Codec(**{**SAFE, "mode": "sfae"})


def test_an_empty_token_lets_nobody_in() -> None:
    codec = Codec("")
    with pytest.raises(errors.ConfigurationError):
        codec.open(vectors.PLAIN_BODY, vectors.QUERY, now=NOW)
    with pytest.raises(errors.ConfigurationError):
        codec.echo(vectors.ECHO_QUERY)


@pytest.mark.parametrize(
    ("now", "fits"), [(1700000001 + 300, True), (1700000001 - 301, False), (2e9, False)]
)
def test_a_push_may_be_so_old_and_no_older(now: float, fits: bool) -> None:
    codec = Codec(vectors.TOKEN, max_age=300)
    if fits:
        codec.open(vectors.PLAIN_BODY, vectors.QUERY, now=now)
    else:
        with pytest.raises(errors.Stale):
            codec.open(vectors.PLAIN_BODY, vectors.QUERY, now=now)


def test_the_current_key_is_tried_before_the_previous_and_the_one_that_fits_answers() -> None:
    codec = Codec(**{**SAFE, "previous_aes_key": vectors.PREVIOUS_KEY})
    current = codec.open(**sealed(xml(Content="a")), now=NOW)
    assert current.key is codec.open(vectors.A.body, vectors.A.query, now=NOW).key
    with pytest.raises(errors.BadMessage):  # F decrypts, and has no MsgType
        codec.open(vectors.F.body, vectors.F.query, now=NOW)


def test_one_encrypted_push_does_not_encrypt_the_answer_to_the_next() -> None:
    codec = Codec(**{**SAFE, "mode": "compatible"})
    codec.open(vectors.A.body, vectors.A.query, now=NOW)
    plain = codec.open(vectors.PLAIN_BODY, vectors.QUERY, now=NOW)
    assert b"Encrypt" not in codec.seal(plain, replies.Text("a"), now=NOW, random16=bytes(16))


def test_a_nonce_cannot_break_out_of_the_envelope() -> None:
    push = SEALED.open(vectors.A.body, vectors.A.query, now=NOW)
    odd = Push(push.message, "]]><x>", push.key)
    body = SEALED.seal(odd, replies.Text("a"), now=NOW, random16=bytes(16))
    assert b"<x>" not in body.replace(b"]]]]><![CDATA[><x>]]>", b"")


def test_neither_token_nor_key_is_in_a_repr() -> None:
    push = SEALED.open(vectors.A.body, vectors.A.query, now=NOW)
    shown = repr(SEALED) + repr(push) + repr(push.key) + repr(vars(SEALED)["_keys"])
    assert vectors.TOKEN not in shown
    assert vectors.KEY not in shown


@given(st.text(st.characters(codec=None)))
def test_any_text_is_answered_well_formed_or_not_at_all(text: str) -> None:
    for codec, query, body in (
        (PLAIN, vectors.QUERY, vectors.PLAIN_BODY),
        (SEALED, vectors.A.query, vectors.A.body),
    ):
        push = codec.open(body, query, now=NOW)
        sent = codec.seal(push, replies.Text(text), now=NOW, random16=vectors.RANDOM_OUT)
        if sent == SUCCESS:
            continue
        fields = _read(sent)
        assert fields["ToUserName"] == vectors.USER
        assert fields["Content"].strip()


def test_every_refusal_is_the_senders_fault_or_asks_to_be_asked_again() -> None:
    classes: list[type[errors.Refused]] = [errors.Refused, *errors.Refused.__subclasses__()]
    ours = {cls for cls in classes if cls.status == 503}
    assert ours == {errors.AskAgain, errors.Closing}
    assert all(400 <= cls.status < 500 for cls in classes if cls not in ours)


def _read(sent: bytes) -> dict[str, str]:
    """A reply's fields, decrypted if need be."""
    fields = reader.parse(sent)
    if "Encrypt" in fields:
        inner, _ = decrypt(fields["Encrypt"], [Key(vectors.KEY)], vectors.APP_ID)
        fields = reader.parse(inner)
    return fields


@given(
    st.binary(max_size=300) | st.text().map(lambda text: xml(Content=text)),
    st.sampled_from(["", "raw", "aes", "AES", "x"]),
    st.sampled_from(["plain", "compatible", "safe"]),
)
def test_any_signed_body_is_a_message_or_one_error(
    body: bytes, encrypt_type: str, mode: str
) -> None:
    codec = Codec(**{**SAFE, "mode": mode})
    try:
        push = codec.open(body, vectors.QUERY + f"&encrypt_type={encrypt_type}", now=NOW)
    except errors.Refused:
        return
    assert push.message.user


@given(st.binary(max_size=200))
def test_any_encrypted_bytes_are_a_message_or_one_error(inner: bytes) -> None:
    try:
        push = SEALED.open(**sealed(inner), now=NOW)
    except errors.Refused:
        return
    assert push.message.user


@given(st.text() | st.dictionaries(st.text(), st.text()))
def test_any_query_is_refused(query: str | dict[str, str]) -> None:
    with pytest.raises(errors.Refused):
        PLAIN.open(vectors.PLAIN_BODY, query, now=NOW)


@pytest.mark.parametrize(
    ("token", "told"),
    [("another", False), ("secret ", True), ("se", True), ("令牌令牌", True), ("a" * 33, True)],
)
def test_a_token_that_no_console_takes_is_told_where_it_matters(token: str, told: bool) -> None:
    with pytest.raises(errors.BadSignature) as caught:
        Codec(token).echo(vectors.ECHO_QUERY)
    assert ("3 to 32 letters and digits" in str(caught.value)) == told


def test_a_token_is_text() -> None:
    with pytest.raises(errors.ConfigurationError, match="token is bytes"):
        Codec(b"MpDemoToken2024")  # type: ignore[arg-type]
