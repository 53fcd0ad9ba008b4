"""What identifies a person: mobile number, ID number, e-mail address."""

from __future__ import annotations

import re
from datetime import date, datetime

from .numerals import digits
from .parser import Parser
from .spoken import LONGEST, fold, narrow

__all__ = ["email", "id_number", "phone"]

_NOT_PHONE = "请回复11位手机号，例如 13800138000。"
_NOT_ID = "请回复18位身份证号。"
_NOT_EMAIL = "请回复邮箱地址，例如 name@qq.com。"

_PHONE = re.compile(r"(?:\+?86|0086)?(1[3-9][0-9]{9})")
_ID = re.compile(r"[1-9][0-9]{16}[0-9x]")
# GB/T 2260 province codes; 81-83 are the residence permits of people from Hong Kong, Macao and
# Taiwan; 9 and a province's first digit are the 2023 permanent residence card of foreigners.
_PROVINCE = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|9[1-8]")
_WEIGHTS = [pow(2, 17 - place, 11) for place in range(17)]  # GB 11643: ISO 7064, MOD 11-2
_CHECKS = "10x98765432"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_DOMAIN = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,58}[a-z0-9])"
)


def _read_phone(text: str, _now: datetime) -> str:
    phrase = re.sub(r"[-.()]", "", fold(text))
    match = _PHONE.fullmatch(digits(phrase) or phrase)
    if match is None:
        raise ValueError(_NOT_PHONE)
    return match[1]


def _read_id_number(text: str, now: datetime) -> str:
    number = fold(text).replace("-", "")
    if _ID.fullmatch(number) is None:
        raise ValueError(_NOT_ID)
    total = sum(int(figure) * weight for figure, weight in zip(number, _WEIGHTS, strict=False))
    valid = _PROVINCE.match(number) is not None and _CHECKS[total % 11] == number[17]
    if not (valid and _born(number, now.date())):
        raise ValueError("这个身份证号不对，请检查后重新回复。")
    return number.upper()


def _born(text: str, today: date) -> bool:
    """Whether the birth date exists and is neither before 1900 nor in the future."""
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    return date(1900, 1, 1) <= born <= today


def _read_email(text: str, _now: datetime) -> str:
    even = narrow(text) if len(text) <= 2 * LONGEST else ""
    local, _, domain = even.rpartition("@")
    # 。 is what a Chinese keyboard gives for a dot.
    domain = domain.rstrip(" 。.,，;；!？?、").replace("。", ".").lower()
    fits = _LOCAL.fullmatch(local) is not None and _DOMAIN.fullmatch(domain) is not None
    if not fits or len(local) > 64 or len(local) + 1 + len(domain) > 254:
        raise ValueError(_NOT_EMAIL)
    return f"{local}@{domain}"


phone: Parser[str] = Parser("phone", _read_phone)
"""A mainland mobile number: its 11 digits."""

id_number: Parser[str] = Parser("id_number", _read_id_number)
"""A resident identity number: 18 characters, the last a digit or X, checked."""

email: Parser[str] = Parser("email", _read_email)
"""An e-mail address (ASCII): the local part as written, the domain in lower case."""
