"""A snapshot as one self-contained HTML page in the design's measures: two A4 pages that print as such."""

from __future__ import annotations

from html import escape
from pathlib import Path

from dashboard.snapshot.brief import Brief
from dashboard.snapshot.charts import LEGEND, RAMP, charts, map_svg
from dashboard.snapshot.sheet import Entry, Run, Section, Sheet, Table, sheet_of

STYLE = Path(__file__).with_name("page.css").read_text("utf-8")


def as_html(brief: Brief, lang: str = "zh", part: bool = False) -> str:
    """The page; ``part`` leaves out the document around it."""
    sheet = sheet_of(brief, lang)
    pages = [_first(brief, sheet), _second(brief, sheet)]
    drawn = "".join(
        f'<section class="page{" p2" if n > 1 else ""}">{body}{_foot(sheet, n, len(pages))}</section>'
        for n, body in enumerate(pages, start=1)
    )
    if part:
        return drawn
    tongue = "en" if lang == "en" else "zh-CN"
    return (
        f'<!doctype html><html lang="{tongue}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(sheet.title)} {sheet.file}</title>"
        f"<style>{STYLE}</style></head><body>{drawn}</body></html>\n"
    )


def _foot(sheet: Sheet, page: int, pages: int) -> str:
    zh = sheet.lang != "en"
    made = "镇哨自动生成" if zh else "Made by Townwatch"
    number = f"第 {page} 页，共 {pages} 页" if zh else f"Page {page} of {pages}"
    signer = f"，{sheet.signer}" if sheet.signer and zh else f", {sheet.signer}" if sheet.signer else ""
    spans = "".join(f"<span>{escape(one)}</span>" for one in (sheet.foot, made + signer, number))
    return f'<div class="ft">{spans}</div>'


def _runs(runs: tuple[Run, ...]) -> str:
    return "".join(f"<b>{escape(run.text)}</b>" if run.bold else escape(run.text) for run in runs)


def _heading(section: Section) -> str:
    return f'<h2 id="{section.name}">{escape(section.title)}<small>{escape(section.remark)}</small></h2>'


def _first(brief: Brief, sheet: Sheet) -> str:
    parts = [
        f'<div class="mh"><span>{escape(sheet.number)}</span><span>{escape(sheet.date)}</span></div>',
        f'<h1 class="song">{escape(sheet.title)}</h1><div class="rule"></div>',
        f'<div class="mh"><span>{escape(sheet.office)}</span><span>{escape(sheet.signer)}</span>'
        f"<span>{escape(sheet.as_of)}</span></div>",
    ]
    for name in ("overview", "points", "trends"):
        section = sheet.section(name)
        if section is None:
            continue
        parts.append(_heading(section))
        if name == "overview":
            parts.append(f'<p class="b song">{_runs(sheet.prose)}</p>{_strip(sheet)}')
        elif name == "points":
            parts.append(f'<ol class="song">{"".join(f"<li>{_runs(line)}</li>" for line in section.lines)}</ol>')
        else:
            drawn = "".join(
                f"<div><h3>{escape(title)}<span>{escape(remark)}</span></h3>{picture}</div>"
                for title, remark, picture in charts(brief, sheet.lang)
            )
            parts.append(f'<div class="cg">{drawn}</div>')
    follow = sheet.section("follow")
    if follow is not None:
        parts.append(_section(follow))
    return "".join(parts)


def _strip(sheet: Sheet) -> str:
    cells = "".join(
        f'<div data-kpi="{one.kpi}" data-value="{escape(one.value)}"><span>{escape(one.label)}</span>'
        f"<b>{escape(one.value)}<small>{escape(one.unit)}</small></b>"
        f'<span class="dl"><i>{one.arrow}</i>{escape(one.delta)}</span>'
        f"{f'<span class=dl>{escape(one.week)}</span>' if one.week else ''}</div>"
        for one in sheet.strip
    )
    return f'<div class="ks">{cells}</div>'


def _second(brief: Brief, sheet: Sheet) -> str:
    def block(name: str) -> str:
        section = sheet.section(name)
        return "" if section is None else _section(section)

    parts = [block("towns")]
    world = sheet.section("map")
    if world is not None:
        legend = "".join(
            f'<div><i style="background:{colour}"></i>{escape(word)}</div>'
            for colour, word in zip(RAMP, LEGEND, strict=True)
        )
        picture = f'{_heading(world)}{map_svg(brief, sheet.lang)}<div class="lg">{legend}</div>'
        parts.append(f'<div class="two"><div>{picture}</div><div>{block("stages")}</div></div>')
    else:
        parts.append(block("stages"))
    parts.append(f'<div class="half"><div>{block("patrol")}</div><div>{block("fevers")}</div></div>')
    parts += [block(name) for name in ("disputes", "corrections", "others", "quality")]
    return "".join(parts)


def _section(section: Section) -> str:
    table = _table(section.table, section.name) if section.table is not None else ""
    note = f'<p class="note">{escape(section.note)}</p>' if section.note else ""
    lines = "".join(f'<p class="note">{_runs(line)}</p>' for line in section.lines)
    return f"{_heading(section)}{table}{note}{lines}"


def _table(table: Table, name: str) -> str:
    head = "".join(
        f'<th class="{column.align}">{escape(column.label)}'
        + (f"<small>{escape(column.unit)}</small></th>" if column.unit else "</th>")
        for column in table.columns
    )
    rows = []
    for n, row in enumerate(table.rows):
        last = table.total and n == len(table.rows) - 1
        cells = "".join(_cell(entry, column.align) for entry, column in zip(row, table.columns, strict=True))
        rows.append(f'<tr class="tot">{cells}</tr>' if last else f"<tr>{cells}</tr>")
    return f'<table class="{name}"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _cell(entry: Entry, align: str) -> str:
    said = escape(entry.text)
    if entry.flag:
        said = f'<span class="fl">{said}</span>'
    elif entry.bold:
        said = f"<b>{said}</b>"
    if entry.bar is not None:
        dark = entry.dark or 0.0
        part = f'<u style="width:{dark * 100:.1f}%"></u>' if dark else ""
        said = f'<span class="bar">{part}<i style="width:{(entry.bar - dark) * 100:.1f}%"></i></span>{said}'
    if entry.small:
        said += f"<em>{escape(entry.small)}</em>"
    if entry.mark:
        said = f"{escape(entry.mark)} {said}"
    kpi = f' data-kpi="{entry.kpi}" data-value="{escape(entry.text)}"' if entry.kpi else ""
    return f'<td class="{align}"{kpi}>{said}</td>'


__all__ = ["as_html"]
