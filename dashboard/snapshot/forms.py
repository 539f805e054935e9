"""Every form of a snapshot from its one figures object."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dashboard.snapshot.brief import Brief, as_json
from dashboard.snapshot.html import as_html


def _pdf(brief: Brief, lang: str) -> bytes:
    # A web process that only reads the archive need not load the typesetter.
    from dashboard.snapshot.typeset import as_pdf

    return as_pdf(brief, lang)


def _png(brief: Brief, lang: str) -> bytes:
    from dashboard.snapshot.typeset import as_png

    return as_png(brief, lang)


def _xlsx(brief: Brief, lang: str) -> bytes:
    from dashboard.snapshot.xlsx import as_xlsx

    return as_xlsx(brief, lang)


def _docx(brief: Brief, lang: str) -> bytes:
    from dashboard.snapshot.docx import as_docx

    return as_docx(brief, lang)


FORMS: Mapping[str, tuple[str, Callable[[Brief, str], bytes]]] = {
    "json": ("application/json", lambda brief, lang: as_json(brief)),
    "html": ("text/html; charset=utf-8", lambda brief, lang: as_html(brief, lang).encode()),
    "pdf": ("application/pdf", _pdf),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _xlsx),
    "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", _docx),
    "png": ("image/png", _png),
}
"""Ending -> (media type, how it is made)."""
TYPESET = ("pdf", "png")


def all_forms(brief: Brief, lang: str = "zh") -> dict[str, bytes]:
    """Ending -> bytes, all of them."""
    # The typesetter works outside the interpreter: meanwhile the other forms are made.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="typeset") as aside:
        later = {name: aside.submit(FORMS[name][1], brief, lang) for name in TYPESET}
        made = {name: make(brief, lang) for name, (_, make) in FORMS.items() if name not in later}
        made |= {name: one.result() for name, one in later.items()}
    return {name: made[name] for name in FORMS}


def write_all(forms: Mapping[str, bytes], out: Path, stem: str) -> list[Path]:
    """Write the forms into a folder ``out/stem`` that appears whole or not at all; an earlier one is replaced."""
    out.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=out, prefix=f".{stem}-"))
    try:
        for name, body in forms.items():
            with (fresh / f"{stem}.{name}").open("wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
        fresh.chmod(0o755)
        final = out / stem
        if final.exists():
            old = Path(tempfile.mkdtemp(dir=out, prefix=f".{stem}-old-"))
            final.rename(old / stem)
            fresh.rename(final)
            shutil.rmtree(old)
        else:
            fresh.rename(final)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return sorted((out / stem).iterdir())


__all__ = ["FORMS", "all_forms", "write_all"]
