"""The vectors of protocol reference 6, byte for byte in both directions."""

from __future__ import annotations

import base64
import json

import pytest

from tests.wire import vectors
from tests.wire.vectors import Vector
from wechat_dialog.core.wire import signature
from wechat_dialog.core.wire.codec import Codec
from wechat_dialog.core.wire.crypto import Key, decrypt

every_vector = pytest.mark.parametrize(
    "vector", [pytest.param(vector, id=name) for name, vector in vectors.ALL.items()]
)


@every_vector
def test_the_message_encrypts_to_the_printed_text(vector: Vector) -> None:
    sealed = Key(vector.key).encrypt(vector.message.encode(), vector.app_id, vector.random16)
    assert sealed == vector.encrypted


@every_vector
def test_the_printed_text_decrypts_to_the_message(vector: Vector) -> None:
    message, _ = decrypt(vector.encrypted, [Key(vector.key)], vector.app_id)
    assert message.decode() == vector.message


@every_vector
def test_the_signature_is_the_printed_one(vector: Vector) -> None:
    signed = signature.sign(vector.token, vector.timestamp, vector.nonce, vector.encrypted)
    assert signed == vector.signature


@pytest.mark.parametrize(
    ("parts", "printed"),
    [
        (
            (vectors.TOKEN, "1700000000", "1234567890"),
            "91a10d7b3831729a1d50dd61a5d7dcd53a1019a6",
        ),
        (("zzToken", "1700000000", "999"), "cf21f4417018be66d1b1ad453186a60bd62f73e4"),
        ((vectors.TOKEN, vectors.TIMESTAMP, vectors.NONCE), vectors.SIGNATURE),
        ((vectors.OFFICIAL_TOKEN, *vectors.OFFICIAL_PLAIN[:2]), vectors.OFFICIAL_PLAIN[2]),
        (
            (vectors.OFFICIAL_TOKEN, "1714112445", "415670741"),
            vectors.OFFICIAL_SIGNATURE,
        ),
    ],
)
def test_a_signature_sorts_its_parts_as_text(parts: tuple[str, ...], printed: str) -> None:
    assert signature.sign(*parts) == printed


def test_the_official_check_of_the_url_is_answered() -> None:
    codec = Codec(vectors.OFFICIAL_TOKEN)
    assert codec.echo(vectors.OFFICIAL_ECHO) == "4375120948345356249"


def test_the_official_push_is_read_and_its_reply_has_the_printed_envelope() -> None:
    vector, reply = vectors.OFFICIAL_PUSH, vectors.OFFICIAL_REPLY
    codec = Codec(vector.token, app_id=vector.app_id, aes_key=vector.key, mode="safe")
    query = (
        f"signature={vectors.OFFICIAL_SIGNATURE}&timestamp={vector.timestamp}"
        f"&nonce={vector.nonce}&encrypt_type=aes&msg_signature={vector.signature}"
    )
    body = json.dumps({"ToUserName": "gh_97417a04a28d", "Encrypt": vector.encrypted}).encode()
    push = codec.open(body, query, now=0)
    assert push.message.raw == json.loads(vector.message)
    assert push.json
    assert push.key is not None
    envelope = codec.envelope(
        reply.message.encode(),
        push.key,
        push.nonce,
        now=int(reply.timestamp),
        random16=reply.random16,
        as_json=push.json,
    )
    assert json.loads(envelope) == {
        "Encrypt": reply.encrypted,
        "MsgSignature": reply.signature,
        "TimeStamp": 1713424427,
        "Nonce": "415670741",
    }


@pytest.mark.parametrize("last", "QRST")
def test_the_two_unused_bits_of_a_key_may_be_anything(last: str) -> None:
    key = Key(vectors.KEY[:-1] + last)
    sealed = key.encrypt(vectors.A.message.encode(), vectors.APP_ID, vectors.RANDOM_IN)
    assert sealed == vectors.A.encrypted


def test_the_iv_is_the_keys_first_half() -> None:
    # 6.1 prints both; a wrong IV would change only the random bytes, which nobody reads.
    sealed = base64.b64decode(vectors.A.encrypted)
    assert len(sealed) == 320
    encrypted = Key(vectors.KEY).encrypt(b"", vectors.APP_ID, vectors.RANDOM_IN)
    assert base64.b64decode(encrypted)[:16] == sealed[:16]
