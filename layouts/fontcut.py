"""Cuts the bundled font to the characters that the pages use: ``python -m layouts.fontcut REGULAR BOLD LICENCE``.

Windows intranets have no Noto font and fall to 微软雅黑, which has other widths; a whole Chinese font is 16 MB. So two
faces (400 and 700) are cut from Noto Sans CJK SC (OFL) to ASCII, punctuation and every Chinese character that occurs in
the repository's programs, packs and tables. A character that only data brings is drawn by the system's font behind it.

Sources: Debian's ``fonts-noto-cjk`` (``NotoSansCJK-Regular.ttc``, ``NotoSansCJK-Bold.ttc`` and its copyright file), or
any OTF, TTF or WOFF2 of Noto Sans SC. Needs ``fonttools`` and ``brotli`` (requirements-dev.txt).
"""

from __future__ import annotations

import argparse
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "callbacks" / "assets"
FONTS = ASSETS / "fonts"
STYLESHEET = ASSETS / "01-fonts.css"
FOLDERS = ("dashboard", "ingest", "geodata", "layouts", "callbacks")
SUFFIXES = {".py", ".js", ".css", ".csv", ".tsv", ".json", ".geojson", ".toml"}
DATA = {"fontcut.py", "names.py", "places.csv", "units.csv", "plan_jiashan.py", "firms.py"}
"""This file, and names of places and people (surnames, and those of scenarios too): hundreds of characters that a page
seldom shows are drawn by the system's font."""
CONSOLE = {"cli.py", "doctor.py", "suite.py", "processes.py", "reference.py", "commands"}
"""Programs and folders whose words are printed in a terminal and never on a page."""
LIMIT = 300 * 1024
"""Both faces together, bytes: half a second on a slow line."""

LATIN = "".join(chr(code) for code in range(0x20, 0x7F))
SIGNS = (
    "\u00a0°±²³·×÷–—‘’“”…‰−√≈≠≤≥℃←↑→↓↩■□▲△▼●○◆◇★✓✕①②③④⑤⑥⑦⑧⑨⑩"
    "　、。〈〉《》「」『』【】〔〕！（），．／：；？［］～￥％＋－＝"
)
FACES = {400: "townwatch-sans-400.woff2", 700: "townwatch-sans-700.woff2"}


def is_chinese(character: str) -> bool:
    """Whether a character is a Chinese one."""
    return "CJK UNIFIED" in unicodedata.name(character, "")


def characters(folders: Iterable[Path]) -> str:
    """Every character the font should have, sorted: Latin, signs, and the Chinese of all texts in the folders."""
    found: set[str] = set()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            elsewhere = path.name in DATA or CONSOLE & {path.name, path.parent.name} or path.match("scenarios/*")
            if path.suffix in SUFFIXES and path.is_file() and not elsewhere:
                found.update(character for character in path.read_text("utf-8", "ignore") if is_chinese(character))
    return "".join(sorted({*LATIN, *SIGNS, *found}))


def stylesheet(text: str) -> str:
    """The text of ``01-fonts.css``."""
    lines = ["/* The bundled font (OFL, fonts/OFL.txt). Written by `python -m layouts.fontcut`. */"]
    for weight, name in FACES.items():
        lines.append(
            f'@font-face {{ font-family: "Townwatch Sans"; font-style: normal; font-weight: {weight}; '
            f'font-display: swap; src: url("fonts/{name}") format("woff2"); }}'
        )
    lines.append(f"/* {len(text)} characters */")
    return "\n".join(lines) + "\n"


def cut(source: Path, text: str, target: Path) -> None:
    """Write ``target`` (WOFF2) with only ``text`` of ``source``; of a collection the simplified Chinese face."""
    from fontTools import subset

    options = subset.Options()
    options.flavor = "woff2"
    options.hinting = False
    options.desubroutinize = True
    # Without "locl": it would keep each character's Japanese, Korean and traditional forms too.
    options.layout_features = ["kern", "tnum", "lnum"]
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    options.font_number = _simplified(source)
    font = subset.load_font(str(source), options)
    cutter = subset.Subsetter(options)
    cutter.populate(text=text)
    cutter.subset(font)
    subset.save_font(font, str(target), options)


def _simplified(source: Path) -> int:
    if source.suffix.lower() not in (".ttc", ".otc"):
        return 0
    from fontTools.ttLib import TTCollection

    names = [str(font["name"].getDebugName(1)) for font in TTCollection(str(source), lazy=True).fonts]
    return next(index for index, name in enumerate(names) if name.endswith("CJK SC"))


def _licence(source: Path, licence: Path) -> str:
    """The licence with the copyright line that the font itself carries."""
    from fontTools.ttLib import TTFont

    font = TTFont(str(source), fontNumber=_simplified(source), lazy=True)
    owner = str(font["name"].getDebugName(0))
    text = licence.read_text("utf-8")
    return f"{owner}\n\n{text[text.index('This Font Software is licensed') :]}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write both faces, their stylesheet and the licence."""
    parser = argparse.ArgumentParser(
        prog="python -m layouts.fontcut", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("regular", type=Path, help="Noto Sans CJK SC, weight 400")
    parser.add_argument("bold", type=Path, help="Noto Sans CJK SC, weight 700")
    parser.add_argument("licence", type=Path, help="the font's licence text (OFL 1.1)")
    given = parser.parse_args(arguments)
    text = characters(ROOT / folder for folder in FOLDERS)
    FONTS.mkdir(exist_ok=True)
    for source, name in zip((given.regular, given.bold), FACES.values(), strict=True):
        cut(source, text, FONTS / name)
    size = sum((FONTS / name).stat().st_size for name in FACES.values())
    if size > LIMIT:
        parser.error(f"the two faces have {size} bytes, allowed are {LIMIT}: use fewer characters (now {len(text)})")
    STYLESHEET.write_text(stylesheet(text), "utf-8")
    (FONTS / "OFL.txt").write_text(_licence(given.regular, given.licence), "utf-8")
    print(f"{len(text)} characters, {size} bytes")


if __name__ == "__main__":
    main()
