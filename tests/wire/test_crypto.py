"""Ciphertext that only somebody with the key could have made wrong: protocol reference 6."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from tests.wire import vectors
from wechat_dialog.core.wire.crypto import Key, Seal, decrypt
from wechat_dialog.errors import AppIdMismatch, DecryptionFailed

KEY = vectors.KEY
KEYS = [Key(KEY)]
HEAD = vectors.RANDOM_IN + (2).to_bytes(4, "big") + b"hi" + vectors.APP_ID.encode()  # 40 bytes


def encrypted(framed: bytes) -> str:
    """These very bytes, padding and all, encrypted."""
    key = base64.b64decode(vectors.KEY + "=")
    encryptor = Cipher(AES(key), CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(framed) + encryptor.finalize()).decode()


def test_what_is_framed_right_is_read() -> None:
    assert decrypt(encrypted(HEAD + b"\x18" * 24), KEYS, vectors.APP_ID)[0] == b"hi"


@pytest.mark.parametrize(
    "padding",
    [
        pytest.param(b"\x00" * 23 + b"\x18", id="only the last byte of it is right"),
        pytest.param(b"\x17" + b"\x18" * 23, id="all but the first are right"),
        pytest.param(b"\x00" * 24, id="none at all"),
        pytest.param(b"\x28" * 40, id="longer than a block"),
    ],
)
def test_a_wrong_padding_is_refused(padding: bytes) -> None:
    with pytest.raises(DecryptionFailed, match="padding"):
        decrypt(encrypted(HEAD + padding), KEYS, vectors.APP_ID)


@pytest.mark.parametrize("length", [100, 2**31, 2**32 - 1])
def test_a_length_beyond_the_end_is_refused(length: int) -> None:
    framed = vectors.RANDOM_IN + length.to_bytes(4, "big") + HEAD[20:] + b"\x18" * 24
    with pytest.raises(DecryptionFailed, match="ends before"):
        decrypt(encrypted(framed), KEYS, vectors.APP_ID)


@pytest.mark.parametrize("app_id", ["", "wx", vectors.APP_ID + "0", "中"])
def test_the_app_id_must_be_the_whole_rest(app_id: str) -> None:
    sent = KEYS[0].encrypt(b"hi", app_id, vectors.RANDOM_IN)
    with pytest.raises(AppIdMismatch):
        decrypt(sent, KEYS, vectors.APP_ID)


@pytest.mark.parametrize("at", [0, 20, -1])
@pytest.mark.parametrize("stray", ["*", "\n", " ", "=", "中"])
def test_base64_with_anything_else_in_it_is_refused(at: int, stray: str) -> None:
    text = vectors.D.encrypted
    with pytest.raises(DecryptionFailed):
        decrypt(text[:at] + stray + text[at:], KEYS, vectors.APP_ID)


def test_with_two_keys_the_refusal_is_that_of_the_key_that_fitted() -> None:
    keys = [Key(vectors.KEY), Key(vectors.PREVIOUS_KEY)]
    with pytest.raises(AppIdMismatch):
        decrypt(vectors.E.encrypted, keys, vectors.APP_ID)
    with pytest.raises(AppIdMismatch):
        decrypt(vectors.E.encrypted, keys[::-1], vectors.APP_ID)


def test_random_bytes_are_sixteen() -> None:
    with pytest.raises(ValueError, match="15"):
        KEYS[0].encrypt(b"hi", vectors.APP_ID, bytes(15))


def test_what_is_sealed_is_read_with_the_same_secrets_only() -> None:
    seal = Seal("token", KEY)
    sealed = seal.close(b"735190")
    assert b"735190" not in sealed
    assert Seal("token", KEY).open(sealed) == b"735190"
    for other in (Seal("token", ""), Seal("other", KEY), Seal("token" + KEY)):
        with pytest.raises(DecryptionFailed):
            other.open(sealed)


@pytest.mark.parametrize("cut", [0, 1, 5, 13, 20])
def test_what_was_changed_or_cut_is_no_seal(cut: int) -> None:
    seal = Seal("token")
    sealed = seal.close(b"735190")
    for wrong in (sealed[: cut + 1], sealed[:-1], sealed[: cut + 1] + b"x" + sealed[cut + 2 :]):
        with pytest.raises(DecryptionFailed):
            seal.open(wrong)


def test_what_was_never_sealed_is_left_as_it_is() -> None:
    assert Seal("token").open(b'[1,{"Content":"a"}]') == b'[1,{"Content":"a"}]'


def test_one_text_is_sealed_in_one_way_and_two_are_not_alike() -> None:
    seal = Seal("token")
    assert seal.close(b"1") == seal.close(b"1")
    assert seal.close(b"1")[1:13] != seal.close(b"2")[1:13], "a nonce is used once"


def test_a_nonce_that_is_drawn_is_drawn_for_each_text() -> None:
    drawn = iter([b"a" * 12, b"b" * 12])
    seal = Seal("token", chance=lambda count: next(drawn)[:count])
    first, second = seal.close(b"1"), seal.close(b"1")
    assert first[1:13] != second[1:13]
    assert seal.open(first) == Seal("token").open(second) == b"1"
