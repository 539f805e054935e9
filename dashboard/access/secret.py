"""Secrets are kept as digests, lists of codes as one text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def digest_of(secret: str) -> str:
    """SHA-256 of a secret of ours, in hex: they are long and random, so that one pass is enough."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def joined(codes: Iterable[str] | None) -> str:
    """Codes as a text; ``None`` is every one, and no code at all is none."""
    return "all" if codes is None else ",".join(sorted(codes))


def split(stored: str) -> frozenset[str] | None:
    """What :func:`joined` made."""
    return None if stored == "all" else frozenset(code for code in stored.split(",") if code)
