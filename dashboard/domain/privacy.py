"""Patterns of personal data that must not get past the door (DOMAIN.md §9)."""

from __future__ import annotations

import re
import unicodedata

PRIVATE_HEADERS = (
    *("联系人", "联系电话", "联系方式", "电话", "手机", "手机号", "手机号码"),
    *("姓名", "身份证", "身份证号", "身份证号码"),
    *(
        "涉及人员",
        "当事人",
        "申请人",
        "投诉人",
        "举报人",
        "法人",
        "法人代表",
        "法定代表人",
        "户主",
        "患者",
        "住址",
        "家庭住址",
    ),
    *("phone", "tel", "telephone", "mobile", "contact", "contact person", "id number", "id card"),
)
"""Headers of table columns that are never read, whatever a table is for."""
_PRIVATE_PARTS = re.compile("电话|手机|身份证|证件号|联系方式|微信|姓名")
"""In a header these words mean a person's name or number, whatever stands around them: 法人联系电话, 负责人姓名."""

PSEUDONYM = "person_ref"
"""The field that holds a person's pseudonym, in every feed. It is made at the edge: no form asks for it, no page or
list of records shows it."""

# Not inside a run of hexadecimal digits: pseudonyms are often digests, and one in 300 of those would look like a phone.
_PHONE = re.compile(r"(?<![0-9a-fA-F])(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?![0-9a-fA-F])")
_ID = re.compile(r"(?<!\d)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"


def plain_header(header: str) -> str:
    """A table's header without what people vary: width, case, blanks."""
    return "".join(unicodedata.normalize("NFKC", header).casefold().split())


_PRIVATE = frozenset(plain_header(header) for header in PRIVATE_HEADERS)


def private_header(header: str) -> bool:
    """Whether a column of this header carries people's names or numbers and is dropped unread."""
    plain = plain_header(header)
    return plain in _PRIVATE or bool(_PRIVATE_PARTS.search(plain))


_CONTACT_PARTS = (
    ("phone", re.compile("电话|手机|联系方式|^(?:phone|tel|telephone|mobile)$")),
    ("name", re.compile("联系人|姓名|^(?:contact|contactperson)$")),
)


def contact_part(header: str) -> str:
    """``"phone"`` or ``"name"`` for a column that says whom to call; ``""`` for any other personal column."""
    plain = plain_header(header)
    return next((part for part, pattern in _CONTACT_PARTS if pattern.search(plain)), "")


def _is_id(number: str) -> bool:
    """Whether 18 characters carry the check digit of GB 11643-1999; serial numbers that look alike mostly do not."""
    total = sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False))
    return _CHECK[total % 11] == number[-1].upper()


def mask(text: str) -> str:
    """A text with phone and ID numbers masked; identity numbers are masked whether or not the check digit holds."""
    masked = _ID.sub(lambda found: f"{found[0][:2]}****************", text)
    return _PHONE.sub(lambda found: f"{found[0][:3]}********", masked)


def personal(text: str) -> str | None:
    """``"phone"`` or ``"id"`` when a text carries such a number, else ``None``."""
    if any(_is_id(found[0]) for found in _ID.finditer(text)):
        return "id"
    return "phone" if _PHONE.search(text) else None
