"""A snapshot as PDF (A4, tagged, fonts embedded as subsets) and as one long picture for phones, set by typst."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import typst

from dashboard.snapshot.brief import Brief
from dashboard.snapshot.charts import LEGEND, RAMP, charts, map_svg
from dashboard.snapshot.sheet import sheet_of

TEMPLATE = Path(__file__).with_name("brief.typ")
FONTS = "pylopdf_fonts_zh_cn"
"""Noto Sans SC and Noto Serif SC (OFL) as a package, for machines without Chinese fonts; they have no bold face."""
SANS = ("Noto Sans CJK SC", "Source Han Sans SC", "Noto Sans SC")
SERIF = ("Noto Serif CJK SC", "Source Han Serif SC", "Noto Serif SC")
PNG_DPI = 192.0


@lru_cache(maxsize=1)
def _folders() -> tuple[str, ...]:
    spec = find_spec(FONTS)
    return tuple(spec.submodule_search_locations or ()) if spec is not None else ()


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    """The machine's fonts and ours; searching for them takes as long as setting the pages does."""
    return typst.Fonts(font_paths=list(_folders()))


def _have(names: tuple[str, ...]) -> list[str]:
    known = set(_fonts().families())
    return [name for name in names if name in known] or [names[-1]]


def _compile(brief: Brief, lang: str, long: bool, form: str) -> bytes:
    data = {
        "sheet": msgspec.to_builtins(sheet_of(brief, lang)),
        "charts": [(title, remark) for title, remark, _ in charts(brief, lang)],
        "legend": list(LEGEND),
        "ramp": list(RAMP),
        "fonts": {"sans": _have(SANS), "serif": _have(SERIF)},
        "long": long,
    }
    files = {
        "main.typ": TEMPLATE.read_bytes(),
        "data.json": msgspec.json.encode(data),
        "map.svg": map_svg(brief, lang).encode(),
        **{f"chart{n}.svg": drawn.encode() for n, (_, _, drawn) in enumerate(charts(brief, lang))},
    }
    # Its stubs know paths and bytes only; a dictionary of files keeps everything in memory.
    compiled: Any = typst.compile
    found = compiled(
        files,
        format=form,
        ppi=PNG_DPI if form == "png" else None,
        font_paths=_fonts(),
        # The time in the file is the snapshot's, so that the same figures give the same bytes.
        timestamp=int(datetime.fromtimestamp(brief.at / 1000, UTC).timestamp()),
    )
    return bytes(found[0] if isinstance(found, list) else found)


def as_pdf(brief: Brief, lang: str = "zh") -> bytes:
    """The printed snapshot."""
    return _compile(brief, lang, False, "pdf")


def as_png(brief: Brief, lang: str = "zh") -> bytes:
    """One long picture, 1,588 pixels wide."""
    return _compile(brief, lang, True, "png")


__all__ = ["as_pdf", "as_png"]
