"""The probe's cases about authentication: URL checks, signatures, ciphertexts, malformed bodies.

Cases 1 to 19, and 38, of protocol reference 10.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from wechat_dialog.core.wire import xml
from wechat_dialog.core.wire.crypto import Key
from wechat_dialog.core.wire.signature import sign
from wechat_dialog.platform.account import encrypt, open_answer
from wechat_dialog.platform.answer_check import Broken, judge

from .checklist import MALFORMED_CIPHERTEXTS, NO_MESSAGES
from .exchange import Exchange, Failed, Fields, Skipped
from .parts import ENCRYPTED, Parts
from .prober import Prober

__all__ = ["PARTS"]

PARTS = Parts()
part = PARTS.add

# The URL check. ------------------------------------------------------------------------


@part(1, requests=0)
def _check(p: Prober) -> None:
    _echoed(p.check, p.echo)


def _echoed(exchange: Exchange, echo: str) -> None:
    if exchange.problem:
        raise Failed("", exchange.problem, exchange)
    if exchange.status != 200:
        raise Failed("", f"HTTP status {exchange.status}, not 200", exchange)
    if exchange.received != echo.encode():
        raise Failed("", f"answered {exchange.received[:60]!r}, not {echo!r}", exchange)


@part(2)
def _check_forged(p: Prober) -> None:
    query = {**p.signed(), "echostr": p.echo}
    exchange = p.get({**query, "signature": _altered(query["signature"])})
    p.refused(exchange)
    if p.echo.encode() in exchange.received:
        raise Failed("", "the echostr is in the body", exchange)


def _compared_with_check(p: Prober) -> None:
    try:
        _echoed(p.check, p.echo)
    except Failed:
        raise Skipped("the usual check fails as well: see 1") from None


@part(3, "sorted as text")
def _check_sorted(p: Prober) -> None:
    # "999" sorts after timestamp and token as text, and before the timestamp as a number.
    _compared_with_check(p)
    _echoed(p.get({**p.signed(nonce="999"), "echostr": p.echo}), p.echo)


@part(3, "decoded once")
def _check_decoded(p: Prober) -> None:
    _compared_with_check(p)
    signed = "&".join(f"{name}={value}" for name, value in p.signed().items())
    _echoed(p.get(f"{signed}&echostr=a%2Bb%20c%2525"), "a+b c%25")


@part(3, "no number")
def _check_text(p: Prober) -> None:
    _compared_with_check(p)
    echo = f"00{secrets.randbelow(10**9)}"
    _echoed(p.get({**p.signed(), "echostr": echo}), echo)


def _check_without(name: str) -> Callable[[Prober], None]:
    def ask(p: Prober) -> None:
        query = {**p.signed(), "echostr": p.echo}
        del query[name]
        exchange = p.get(query)
        p.refused(exchange)
        if p.echo.encode() in exchange.received:
            raise Failed("", "the echostr is in the body", exchange)

    return ask


for _name in ("echostr", "signature", "timestamp", "nonce"):
    part(4, f"without {_name}")(_check_without(_name))


# Signatures and ciphertexts. -----------------------------------------------------------


@part(5, requests=0, modes=("plain",))
def _answered(p: Prober) -> None:
    p.replied(p.first)


@part(6, "wrong", modes=("plain",))
def _forged(p: Prober) -> None:
    query, body, _ = p.sealed(p.text())
    p.refused(p.post(query, body, and_={"signature": _altered(query["signature"])}))


@part(6, "missing", modes=("plain",))
def _unsigned(p: Prober) -> None:
    p.refused(p.push(p.text(), without="signature"))


def _altered(signature: str) -> str:
    return ("1" if signature[0] != "1" else "2") + signature[1:]


@part(7, "no openid")
def _without_openid(p: Prober) -> None:
    p.accepted(p.push(p.text(), without="openid"))


@part(7, "unknown parameter")
def _unknown_parameter(p: Prober) -> None:
    p.accepted(p.push(p.text(), and_={"unknown": "中", "empty": ""}))


@part(7, "Content-Type")
def _content_type(p: Prober) -> None:
    p.accepted(p.push(p.text(), content_type="application/octet-stream"))


@part(8, requests=0, modes=ENCRYPTED)
def _enveloped(p: Prober) -> None:
    p.replied(p.first)
    if p.first.opened == p.first.received:
        raise Skipped("it answers in plain, which compatible mode allows")


@part(9, "altered", modes=ENCRYPTED)
def _msg_signature_altered(p: Prober) -> None:
    query, body, plain = p.sealed(p.text())
    altered = {"msg_signature": _altered(query["msg_signature"])}
    p.refused(p.post(query, body, plain=plain, and_=altered))


@part(9, "missing", modes=ENCRYPTED)
def _msg_signature_missing(p: Prober) -> None:
    p.refused(p.push(p.text(), without="msg_signature"))


@part(10, modes=ENCRYPTED)
def _ciphertext_altered(p: Prober) -> None:
    query, body, plain = p.sealed(p.text())
    encrypted = str(xml.parse(body)["Encrypt"]).encode()
    altered = (b"B" if encrypted[:1] != b"B" else b"C") + encrypted[1:]
    p.refused(p.post(query, body.replace(encrypted, altered), plain=plain))


@part(11, "32 bytes", modes=ENCRYPTED)
def _padding_of_32(p: Prober) -> None:
    p.accepted(p.push(p.text(), padding=32))


@part(11, "19 bytes", modes=ENCRYPTED)
def _padding_of_19(p: Prober) -> None:
    p.accepted(p.push(p.text(), padding=19))


def _with_ciphertext(p: Prober, encrypted: str, outer: Fields | None = None) -> Exchange:
    """Push a ciphertext with a valid signature."""
    query = {**p.signed(), "openid": p.user, "encrypt_type": "aes"}
    query["msg_signature"] = sign(p.account.token, query["timestamp"], query["nonce"], encrypted)
    outer = outer or {"ToUserName": p.account.id}
    return p.post(query, xml.build({**outer, "Encrypt": encrypted}).encode())


@part(12, modes=ENCRYPTED)
def _of_another(p: Prober) -> None:
    plain = p.padded(xml.build(p.text()).encode())
    app_id = "wxffffffffffffffff"
    encrypted = Key(p.account.aes_key).encrypt(plain, app_id, secrets.token_bytes(16))
    p.refused(_with_ciphertext(p, encrypted))


@part(13, modes=ENCRYPTED)
def _previous_key(p: Prober) -> None:
    if not p.previous_aes_key:
        raise Skipped("no previous key is known: --previous-aes-key")
    p.usual()
    before = p.with_key(p.previous_aes_key)
    exchange = _with_ciphertext(p, encrypt(before, p.padded(xml.build(p.text()).encode())))
    if exchange.status != 200:
        raise Failed("", exchange.problem or f"HTTP status {exchange.status}, not 200", exchange)
    try:
        judge(open_answer(before, exchange.received), p.user, p.account.id)
    except Broken as broken:
        raise Failed("", broken.why, exchange) from None


@part(14, "another key", modes=ENCRYPTED)
def _another_key(p: Prober) -> None:
    stranger = p.with_key(secrets.token_hex(21) + "A")
    p.refused(_with_ciphertext(p, encrypt(stranger, xml.build(p.text()).encode())))


def _malformed(encrypted: str) -> Callable[[Prober], None]:
    return lambda p: p.refused(_with_ciphertext(p, encrypted))


for _name, _encrypted in MALFORMED_CIPHERTEXTS.items():
    part(14, _name, modes=ENCRYPTED)(_malformed(_encrypted))


@part(15, requests=0, modes=ENCRYPTED)
def _odd_key(p: Prober) -> None:
    if "AEIMQUYcgkosw048".find(p.account.aes_key[-1]) >= 0:
        raise Skipped("the account's key has none of its unused bits set")
    p.accepted(p.first)


@part(17, "no encrypt_type", modes=("safe",))
def _downgraded(p: Prober) -> None:
    p.refused(p.post({**p.signed(), "openid": p.user}, xml.build(p.text()).encode()))


@part(17, "encrypt_type=raw", modes=("safe",))
def _downgraded_raw(p: Prober) -> None:
    query = {**p.signed(), "openid": p.user, "encrypt_type": "raw"}
    p.refused(p.post(query, xml.build(p.text()).encode()))


@part(18, modes=("compatible",))
def _decrypted_counts(p: Prober) -> None:
    p.usual()
    encrypted = encrypt(p.account, p.padded(xml.build(p.text()).encode()))
    exchange = _with_ciphertext(p, encrypted, p.text(FromUserName=f"{p.user}x"))
    try:
        p.reply(exchange)
    except Failed as failed:
        if p.user + "x" in exchange.opened.decode("utf-8", "replace"):
            raise Failed("", "it answers the sender named in plain", exchange) from None
        raise Failed("", failed.why, exchange) from None


@part(19, modes=ENCRYPTED)
def _plain_success(p: Prober) -> None:
    exchange = p.push(p.event("probe_event"))
    if exchange.received != exchange.opened and exchange.opened in (b"", b"success"):
        raise Failed("", f"{exchange.opened!r} in an envelope", exchange)
    if p.accepted(exchange):
        raise Skipped("it replies even to an unknown event")


# Bodies that are no message. ---------------------------------------------------------


def _no_message(text: str) -> Callable[[Prober], None]:
    def ask(p: Prober) -> None:
        message = p.text()
        body = text.format(
            account=p.account.id, user=p.user, now=message["CreateTime"], number=message["MsgId"]
        )
        if body:
            exchange = p.push(body.encode())
        else:
            query, _, _ = p.sealed(message)
            exchange = p.post(query, b"")
        if len(body) > xml.MAX_BYTES and exchange.problem.startswith("no connection"):
            return  # the server closed the connection before the whole body was sent
        if exchange.status == 200 and exchange.opened in (b"", b"success"):
            return  # allowed, as the signature is valid (protocol reference 10)
        p.refused(exchange)

    return ask


for _name, _text in NO_MESSAGES.items():
    part(38, _name)(_no_message(_text))
