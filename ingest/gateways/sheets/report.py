"""An import's report as people and programs read it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from dashboard.domain.feed import Feed, Words
from dashboard.domain.imports import Report, RowError
from dashboard.feeds import feed_named
from ingest.gateways.sheets.columns import accepted_headers, field_words
from ingest.gateways.sheets.grid import Grid
from ingest.gateways.sheets.reading import DELIMITERS
from ingest.gateways.sheets.rows import Checked

LISTED = 50
"""Wrong cells that a printed report lists; the rest are counted."""
KEPT = 2000
"""Wrong cells that a kept report lists; the error file has them all."""


def problem_of(feed: Feed, grid: Grid, town: str) -> Words | None:
    """Why no row can go in: a required column is missing, and a file without it would be nothing but errors."""
    present = {name for _, name in grid.read}
    if {"id", "void"} <= present:
        return None
    needed = ["at"]
    placed = {"town", feed.place_field} & present or {"lon", "lat"} <= present or "lonlat" in present or town
    if not placed:
        needed.append("town")
    if "nothing" not in present:
        needed += [field.name for field in feed.fields if field.required]
    missing = [name for name in needed if name not in present]
    if not missing:
        return None
    which = "；".join(
        f"{field_words(feed, name)[0]}（列名可写 {'、'.join(accepted_headers(feed, name))}）" for name in missing
    )
    return Words(f"缺少必需的列：{which}", f"missing column: {', '.join(missing)}")


def report_of(
    name: str, feed: Feed, source: str, grid: Grid, checked: Checked, town: str = "", problem: Words | None = None
) -> Report:
    """The report of a checked sheet."""
    errors = checked.errors
    return Report(
        file=name,
        feed=feed.name,
        source=source,
        kind=grid.kind,
        columns=grid.columns,
        counts=checked.counts,
        rejected=tuple(errors),
        named=grid.named,
        encoding=grid.encoding,
        delimiter=grid.delimiter,
        sheet=grid.sheet,
        sheets=grid.sheets,
        header_row=grid.header_row,
        claimed=grid.claimed,
        hidden=grid.hidden,
        superseded=sum(1 for line in checked.lines if line.stale),
        town=town,
        problem=problem,
    )


def shortened(report: Report) -> Report:
    """A report as it is kept: with no more than :data:`KEPT` wrong cells, the rest counted."""
    if len(report.rejected) <= KEPT:
        return report
    return replace(report, rejected=report.rejected[:KEPT], unlisted=len(report.rejected) - KEPT)


def printed(report: Report) -> str:
    """What the command line says."""
    feed, counts = feed_named(report.feed), report.counts
    how = f"{report.encoding}，{DELIMITERS[report.delimiter]}分隔" if report.delimiter else f"工作表“{report.sheet}”"
    lines = [
        f"{report.file} → {feed.words.zh} {feed.name}，来源 {report.source}，{how}",
        f"共 {counts.rows} 行：接收 {counts.good}（新增 {counts.added}，更正 {counts.corrected}，未变"
        f" {counts.unchanged}），退回 {counts.rejected}"
        f" · {counts.rows} rows: {counts.good} accepted ({counts.added} new, {counts.corrected} corrected,"
        f" {counts.unchanged} unchanged), {counts.rejected} rejected",
    ]
    if report.claimed:
        lines.append(
            f"表上写 {report.claimed:,} 行，实有 {counts.rows:,} 行 · the sheet claims {report.claimed:,} rows"
        )
    if report.hidden:
        lines.append(f"其中 {report.hidden} 行在表里是隐藏的，照样读 · {report.hidden} hidden rows were read too")
    if report.superseded:
        lines.append(
            f"{report.superseded} 行与旧版本相同，现有的更正或撤回不变"
            f" · {report.superseded} rows say what an older version said: the newer one stays"
        )
    if report.rejected:
        lines.append("退回的行已留存，用 ./townwatch dead-letters list 查看、改正 · kept as dead letters")
        lines.append("行 · 列 · 字段 · 得到 · 允许")
        lines += [_line(feed, one) for one in report.rejected[:LISTED]]
        more = report.places - min(LISTED, len(report.rejected))
        if more:
            lines.append(f"还有 {more} 处未列出 · {more} more")
    if report.ignored:
        names = "、".join(f"{one.letter} {one.header}" for one in report.ignored)
        lines.append("没有用到的列 · columns ignored：" + names)
    if report.personal:
        names = "、".join(f"{one.letter} {one.header}" for one in report.personal)
        lines.append("个人信息列，未读取 · personal columns, dropped unread：" + names)
    if report.contacts:
        lines.append(f"其中 {report.contacts} 行的联系人和电话加密存入联系方式库 · contacts sealed into the vault")
    if not report.named:
        by = "、".join(field_words(feed, name)[0] for name in feed.natural_key if name != "stage") or "整行内容"
        lines.append(f"没有编号列，按{by}识别，重复导入不会变 · rows are known by their natural key")
    return "\n".join(lines)


def _line(feed: Feed, one: RowError) -> str:
    zh, _ = field_words(feed, one.field)
    name = f"{zh} {one.field}" if feed.field(one.field) else zh
    return f"{one.row} · {one.column or '—'} · {name} · {one.got} · {one.allowed.zh}"


def document(report: Report) -> dict[str, Any]:
    """What the API says of an import's rows."""
    counts = report.counts
    return {
        "file": report.file,
        "feed": report.feed,
        "source": report.source,
        "rows": counts.rows,
        "claimed": report.claimed or None,
        "accepted": counts.good,
        "added": counts.added,
        "corrected": counts.corrected,
        "unchanged": counts.unchanged,
        "superseded": report.superseded,
        "rejected_rows": counts.rejected,
        "rejected": [
            {
                "row": one.row,
                "column": one.column,
                "field": one.field,
                "id": one.id,
                "got": one.got,
                "allowed": one.allowed.zh,
                "allowed_en": one.allowed.en,
                "message": one.message,
                "fix": None if one.fix is None else one.fix.value,
            }
            for one in report.rejected
        ],
        "unlisted": report.unlisted,
        "sheet": report.sheet or None,
        "sheets": [{"name": one.name, "rows": one.rows, "hidden": one.hidden} for one in report.sheets],
        "hidden_rows": report.hidden,
        "columns": [
            {"column": one.letter, "header": one.header, "field": one.field, "state": one.state}
            for one in report.columns
            if one.header
        ],
        "unknown": [{"column": one.letter, "header": one.header} for one in report.unknown],
        "ignored": [{"column": one.letter, "header": one.header} for one in report.ignored],
        "dropped": [{"column": one.letter, "header": one.header} for one in report.personal],
        "contacts": report.contacts,
        "problem": None if report.problem is None else f"{report.problem.zh} · {report.problem.en}",
    }
