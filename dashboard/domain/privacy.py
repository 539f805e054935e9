"""Patterns of personal data that must not get past the door (DOMAIN.md §9)."""

from __future__ import annotations

import re

# Not inside a run of hexadecimal digits: pseudonyms are often digests, and one in 300 of those would look like a phone.
_PHONE = re.compile(r"(?<![0-9a-fA-F])(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?![0-9a-fA-F])")
_ID = re.compile(r"(?<!\d)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"


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
