"""Patterns of personal data that must not get past the door (DOMAIN.md §9)."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from dashboard.domain import names

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

Personal = Literal["phone", "id", "name"]
PERSONAL_WORDS: dict[Personal, tuple[str, str]] = {
    "phone": ("手机号或电话号码", "phone numbers"),
    "id": ("身份证号", "ID numbers"),
    "name": ("姓名", "names of persons"),
}
"""What must not stand in a text, in Chinese and English."""
NAME_MASK = "********"

PSEUDONYM = "person_ref"
"""The field that holds a person's pseudonym, in every feed. It is made at the edge: no form asks for it, no page or
list of records shows it."""

# Not inside a run of hexadecimal digits: pseudonyms are often digests, and one in 300 of those would look like a phone.
_PHONE = re.compile(
    r"(?<![0-9a-fA-F])(?:\+?86[- ]?)?1[3-9]\d(?:(?:[- ]?\d{4}){2}|([.·—–‐])\d{4}\1\d{4})(?![0-9a-fA-F])"
    # A landline with its hyphen or brackets; bare digits may be the code of anything.
    r"|(?:(?<![0-9A-Za-z.-])0\d{2,3}-|[(（]0\d{2,3}[)）] ?)[2-9]\d{6,7}(?![0-9A-Za-z.-]*\d)"
    r"|[一幺][三四五六七八九](?:[〇零一二两三四五六七八九幺]{9})"
)
_ID = re.compile(r"(?<!\d)[1-9]\d{5}([- ]?)(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\1\d{3}[\dXx](?!\d)")
_DENSE = re.compile(r"\d[\d .·—–‐)）-]{10}|[一幺][三四五六七八九][〇零一二两三四五六七八九幺]")
"""No number of a person is in a text that has none of these."""
_WIDE = str.maketrans("０１２３４５６７８９－＋．Ｘ　", "0123456789-+.X ")
"""Character for character: a place in the one text is the same place in the other."""
_WIDE_DIGITS = frozenset("０１２３４５６７８９")
_harmless: set[str] = set()
HARMLESS_KEPT = 16_384
"""How many texts that carry nothing are remembered."""
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
    """Whether 18 characters, divided or not, carry the check digit of GB 11643-1999; serial numbers that look alike
    mostly do not."""
    plain = number.replace(" ", "").replace("-", "")
    total = sum(int(digit) * weight for digit, weight in zip(plain, _WEIGHTS, strict=False))
    return _CHECK[total % 11] == plain[-1].upper()


def mask(text: str) -> str:
    """A text with phone and ID numbers, and what it calls somebody's name, masked; identity numbers are masked whether
    or not the check digit holds."""
    if not text.isascii():
        text = _narrow(text)
    masked = _ID.sub(lambda found: f"{found[0][:2]}****************", text)
    masked = _PHONE.sub(lambda found: f"{found[0][:3]}********", masked)
    for start, end in reversed(names.spans(masked)):
        masked = f"{masked[:start]}{NAME_MASK}{masked[end:]}"
    return masked


def personal(text: str) -> Personal | None:
    """What of a person a text carries, or ``None``."""
    plain = text if text.isascii() else _narrow(text)
    if _DENSE.search(plain) is not None:
        if any(_is_id(found[0]) for found in _ID.finditer(plain)):
            return "id"
        if _PHONE.search(plain):
            return "phone"
    return "name" if names.spans(plain) else None


def personal_again(text: str) -> Personal | None:
    """:func:`personal` for what comes again and again: units, places, firms. Only what carries nothing is kept."""
    if text in _harmless:
        return None
    what = personal(text)
    if what is None:
        if len(_harmless) >= HARMLESS_KEPT:
            _harmless.clear()
        _harmless.add(text)
    return what


def names_somebody(code: str) -> bool:
    """Whether an id holds an identity number or what is said to be a name; other numbers in it are its own."""
    if len(code) >= 18 and any(_is_id(found[0]) for found in _ID.finditer(code)):
        return True
    return bool(names.spans(code))


def _narrow(text: str) -> str:
    """A text whose digits are as a telephone has them, where it has any that are not."""
    return text.translate(_WIDE) if not _WIDE_DIGITS.isdisjoint(text) else text
