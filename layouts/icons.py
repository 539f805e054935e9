"""Icons: one table of strokes, drawn by CSS masks so that an icon takes the colour of its text.

No icon is fetched from anywhere: ``python -m layouts.icons`` writes ``05-icons.css`` (one class per icon) and the mark.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from dash import html

from layouts.attributes import attributes

ASSETS = Path(__file__).resolve().parent.parent / "callbacks" / "assets"
STYLESHEET = ASSETS / "05-icons.css"
MARK_FILE = ASSETS / "mark.svg"

STROKES: dict[str, str] = {
    "patrol": (
        '<path d="M12 3l7 2.8v5.7c0 4.3-2.9 7.5-7 9.5-4.1-2-7-5.2-7-9.5V5.8z"/><path d="M8.8 11.8l2.3 2.3 4.2-4.4"/>'
    ),
    "temp": '<path d="M10 5a2 2 0 0 1 4 0v8.6a4 4 0 1 1-4 0z"/><path d="M12 9.5v7"/>',
    "dispute": ('<path d="M3.5 5h11v7.5H9L6 15.2v-2.7H3.5z"/><path d="M10 15.5v.8h5l3 2.7v-2.7h2.5V9h-3"/>'),
    "ent": '<path d="M4 20V10.5l5 3.2v-3.2l5 3.2V5h6v15z"/><path d="M8 16.7h1.2M12 16.7h1.2M16 16.7h1.2"/>',
    "gate": '<path d="M6 20.5V9.5M3.5 20.5h5M6 11l14.5-3.6v3.4L6 14.4"/>',
    "clock": '<circle cx="12" cy="12" r="8.3"/><path d="M12 7.3V12l3.2 2"/>',
    "check": '<path d="M5 12.6l4.6 4.6L19 7.6"/>',
    "user": '<circle cx="12" cy="8.2" r="3.7"/><path d="M4.8 20c.8-3.9 3.7-6 7.2-6s6.4 2.1 7.2 6"/>',
    "phone": (
        '<path d="M6.5 4h3l1.5 4-2 1.5a12 12 0 0 0 5.5 5.5l1.5-2 4 1.5v3c0 1-.8 2-2 2C11.5 19.5 4.5 12.5 4.5 6c0-1.2 '
        '1-2 2-2z"/>'
    ),
    "chev": '<path d="M9 6l6 6-6 6"/>',
    "chevd": '<path d="M6 9.5l6 6 6-6"/>',
    "plus": '<path d="M12 5v14M5 12h14"/>',
    "list": '<path d="M9 6.5h11M9 12h11M9 17.5h11"/><path d="M4.5 6.5h.6M4.5 12h.6M4.5 17.5h.6"/>',
    "map": '<path d="M3.5 6.5L9 4.5l6 2 5.5-2v13L15 19.5l-6-2-5.5 2z"/><path d="M9 4.5v13M15 6.5v13"/>',
    "bell": '<path d="M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15z"/><path d="M10 20.5h4"/>',
    "search": '<circle cx="10.8" cy="10.8" r="6"/><path d="M15.3 15.3L20 20"/>',
    "print": '<path d="M7 9V4h10v5M7 17H4.5V9h15v8H17M7 14h10v6.5H7z"/>',
    "lock": '<rect x="5.5" y="11" width="13" height="9.5" rx="1.5"/><path d="M8.5 11V8a3.5 3.5 0 0 1 7 0v3"/>',
    "layers": '<path d="M12 4l8.5 4.5L12 13 3.5 8.5z"/><path d="M3.5 12.5L12 17l8.5-4.5M3.5 16L12 20.5 20.5 16"/>',
    "down": '<path d="M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 19.5h14"/>',
    "info": '<circle cx="12" cy="12" r="8.3"/><path d="M12 11v5.2M12 7.8v.2"/>',
    "x": '<path d="M6.5 6.5l11 11M17.5 6.5l-11 11"/>',
    "screen": '<path d="M3.5 5h17v11h-17zM9 20h6M12 16v4"/>',
    "warn": '<path d="M12 4.5L21 19.5H3z"/><path d="M12 10v4.5M12 16.8v.2"/>',
    "versus": '<path d="M4.500 19V9h5v10zM14.500 19V5h5v14z"/>',
    "star": '<path d="M6.5 4.5h11V20L12 16l-5.5 4z"/>',
    "filter": '<path d="M4 6h16M7 12h10M10 18h4"/>',
    "file": '<path d="M6 3.5h8l4 4v13H6zM14 3.5v4h4"/>',
    "link": (
        '<path d="M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7L12 6.3"/>'
        '<path d="M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1"/>'
    ),
    "sort": '<path d="M8 5v14M4.5 15.5L8 19l3.500-3.500M13.5 7H20M13.5 12h5M13.5 17h3"/>',
    "replay": '<path d="M9 6L4.5 10.5 9 15M4.5 10.500H15a4.5 4.5 0 0 1 0 9h-3"/>',
}
"""Name -> paths in a 24 x 24 box, drawn with a round stroke of 1.75."""

MARK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    "<style>path{stroke:#16191d}circle{fill:#1f5aa8}"
    "@media (prefers-color-scheme:dark){path{stroke:#ebedef}circle{fill:#7cb6f1}}</style>"
    '<path d="M4 13L16 4l12 9M8 14v13.5M24 14v13.5" fill="none" stroke-width="2.6" stroke-linecap="round" '
    'stroke-linejoin="round"/><circle cx="16" cy="18.5" r="3.6"/></svg>\n'
)
"""The mark: a watch house with an open eye. Also the page's icon."""


def icon(name: str, size: float = 20, class_name: str = "") -> html.Span:
    """An icon in the colour of the text around it; ``size`` in px on the desk (in 1/16 rem, so it grows on the wall).

    It is decoration: the word stands beside it, or the control that holds it is named.
    """
    if name not in STROKES:
        raise KeyError(f"no icon named {name!r}; there are {', '.join(STROKES)}")
    side = f"{size / 16:g}rem"
    classes = f"tw-ic tw-ic-{name} {class_name}".strip()
    return html.Span(className=classes, style={"width": side, "height": side}, **attributes(aria_hidden="true"))


def stylesheet() -> str:
    """The text of ``05-icons.css``."""
    lines = [
        "/* Icons as masks. Written by `python -m layouts.icons`; edit layouts/icons.py instead. */",
        ".tw-ic { display: inline-block; flex: none; width: 1.25rem; height: 1.25rem; background: currentColor;",
        "  -webkit-mask: var(--tw-ic) center / contain no-repeat; mask: var(--tw-ic) center / contain no-repeat; }",
    ]
    for name, strokes in STROKES.items():
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#000" '
            f'stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">{strokes}</svg>'
        )
        lines.append(f'.tw-ic-{name} {{ --tw-ic: url("data:image/svg+xml,{quote(svg, safe=" /:=,")}"); }}')
    return "\n".join(lines) + "\n"


def write() -> None:
    """Write the stylesheet and the mark."""
    STYLESHEET.write_text(stylesheet(), "utf-8")
    MARK_FILE.write_text(MARK, "utf-8")


if __name__ == "__main__":
    write()
