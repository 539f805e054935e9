"""A snapshot as one self-contained HTML page in the design's measures: two A4 pages that print as such."""

from __future__ import annotations

from html import escape

from dashboard.snapshot.brief import Brief
from dashboard.snapshot.charts import LEGEND, RAMP, charts, map_svg
from dashboard.snapshot.sheet import Entry, Run, Section, Sheet, Table, sheet_of

STYLE = """
@page{size:A4;margin:0}*{box-sizing:border-box;margin:0;padding:0}
body{background:#fff;color:#16191D;font-family:"Noto Sans CJK SC","Noto Sans SC","Source Han Sans SC","PingFang SC","Microsoft YaHei",sans-serif;font-variant-numeric:tabular-nums lining-nums;font-size:12.5px;line-height:1.5;width:794px;margin:0 auto;-webkit-print-color-adjust:exact;print-color-adjust:exact}
svg{display:block;overflow:visible}.page{width:794px;min-height:1122px;padding:44px 60px 54px;position:relative;background:#fff;break-after:page}.page:last-child{break-after:auto}
.song,h2{font-family:"Noto Serif CJK SC","Source Han Serif SC","Noto Serif SC","STFangsong","FangSong","SimSun",serif}
.mh{display:flex;justify-content:space-between;font-size:13px;color:#434A53}
h1{font-size:33px;color:#A61E16;text-align:center;line-height:1.25;letter-spacing:.06em;margin:6px 0 10px}:lang(en) h1{letter-spacing:0}
.rule{border-top:2.5px solid #A61E16;border-bottom:.75px solid #A61E16;height:6px;margin-bottom:8px}
h2{font-size:16px;font-weight:700;margin:18px 0 7px;display:flex;justify-content:space-between;align-items:baseline;gap:16px}.p2 h2{margin:11px 0 4px;font-size:14.5px}h2 small{font-family:"Noto Sans CJK SC","Noto Sans SC",sans-serif;font-weight:400;font-size:11.5px;color:#626A74}
p.b{font-size:15.5px;line-height:1.9;text-indent:2em;text-align:justify}
.ks{display:grid;grid-template-columns:repeat(6,1fr);margin-top:14px;border-top:1px solid #B4BBC4;border-bottom:1px solid #B4BBC4}.ks>div{padding:9px 0 9px 11px;border-left:1px solid #E0E4E8}.ks>div:first-child{border:0;padding-left:0}
.ks span{font-size:12.5px;color:#434A53;display:block}.ks b{font-size:27px;line-height:1.25;display:block}.ks b small{font-size:12.5px;font-weight:400;color:#434A53;margin-left:3px}.ks .dl{font-size:12px}.ks i{font-style:normal;font-size:9px;margin-right:3px}
ol{list-style:none;font-size:15px;line-height:1.8}ol li{padding-left:1.3em;text-indent:-1.3em}
.cg{display:grid;grid-template-columns:1fr 1fr;gap:14px 24px}.cg h3{font-size:13px;margin-bottom:5px}.cg h3 span{font-weight:400;color:#626A74;font-size:11.5px;margin-left:6px}
.ft{position:absolute;left:60px;right:60px;bottom:22px;display:flex;justify-content:space-between;font-size:11px;color:#626A74;border-top:1px solid #E0E4E8;padding-top:6px}
table{border-collapse:collapse;width:100%}th{font-weight:400;font-size:11.5px;color:#434A53;text-align:right;padding:3px 0 3px 6px;border-top:1.5px solid #16191D;border-bottom:.75px solid #16191D;white-space:nowrap;line-height:1.25;vertical-align:top}th small{display:block;font-size:10.5px;color:#626A74}
td{text-align:right;padding:0 0 0 6px;height:21px;border-bottom:1px solid #E0E4E8;font-size:12.5px;white-space:nowrap}td em{font-style:normal;color:#626A74;font-size:11px}
.left{text-align:left}.center{text-align:center}td:first-child,th:first-child{padding-left:0}
.bar{display:inline-block;text-align:left;font-size:0;width:62px;height:9px;background:#ECEEF1;margin-right:8px;vertical-align:0}.bar i,.bar u{display:inline-block;vertical-align:top;height:9px;background:#7FAFC4}.bar u{background:#BF2A10!important}.stages .bar{width:96px;background:none}.stages .bar i{background:#B7BEC7}.stages b{margin-left:2px}
.fl{color:#B3260D;font-weight:700;text-decoration:underline;text-underline-offset:3px}.tot td{border-bottom:1.5px solid #16191D;border-top:.75px solid #16191D;font-weight:700;height:24px}.tot em{font-weight:400}
.note{font-size:11px;color:#626A74;margin-top:3px;line-height:1.5}.two{display:grid;grid-template-columns:300px 1fr;gap:30px;align-items:start}.half{display:grid;grid-template-columns:1fr 1fr;gap:28px;align-items:start}
.lg{display:flex;font-size:10.5px;color:#626A74;margin-top:3px}.lg div{width:56px;text-align:center}.lg i{display:block;height:7px;border:.5px solid #8FA3B0}
@media(max-width:800px){body{width:auto}.page{width:auto;padding:24px 16px 60px}.two,.half,.cg{grid-template-columns:1fr}.ks{grid-template-columns:repeat(3,1fr)}h1{font-size:24px}.ft{left:16px;right:16px}section{overflow-x:auto}}
"""


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
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{escape(sheet.title)} {sheet.file}</title>'
        f"<style>{STYLE}</style></head><body>{drawn}</body></html>\n"
    )


def _foot(sheet: Sheet, page: int, pages: int) -> str:
    zh = sheet.lang != "en"
    made = "镇哨自动生成" if zh else "Made by Townwatch"
    number = f"第 {page} 页，共 {pages} 页" if zh else f"Page {page} of {pages}"
    signer = f"，{sheet.signer}" if sheet.signer and zh else f", {sheet.signer}" if sheet.signer else ""
    return f'<div class="ft"><span>{escape(sheet.foot)}</span><span>{escape(made + signer)}</span><span>{number}</span></div>'


def _runs(runs: tuple[Run, ...]) -> str:
    return "".join(f"<b>{escape(run.text)}</b>" if run.bold else escape(run.text) for run in runs)


def _heading(section: Section) -> str:
    return f'<h2 id="{section.name}">{escape(section.title)}<small>{escape(section.remark)}</small></h2>'


def _first(brief: Brief, sheet: Sheet) -> str:
    parts = [
        f'<div class="mh"><span>{escape(sheet.number)}</span><span>{escape(sheet.date)}</span></div>',
        f'<h1 class="song">{escape(sheet.title)}</h1><div class="rule"></div>',
        f'<div class="mh"><span>{escape(sheet.office)}</span><span>{escape(sheet.signer)}</span><span>{escape(sheet.as_of)}</span></div>',
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
    parts += [block(name) for name in ("disputes", "corrections", "quality")]
    return "".join(parts)


def _section(section: Section) -> str:
    table = _table(section.table, section.name) if section.table is not None else ""
    note = f'<p class="note">{escape(section.note)}</p>' if section.note else ""
    lines = "".join(f'<p class="note">{_runs(line)}</p>' for line in section.lines)
    return f"{_heading(section)}{table}{note}{lines}"


def _table(table: Table, name: str) -> str:
    head = "".join(
        f'<th class="{column.align}">{escape(column.label)}{f"<small>{escape(column.unit)}</small>" if column.unit else ""}</th>'
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
