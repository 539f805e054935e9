"""A figure in words: its value, what it is made of, and how it is counted (DESIGN-UI-2 §3), from its declaration alone.

The words come from the KPI, the numbers from the figure on the screen, so they always agree. Nothing here queries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.domain.feed import Feed, Kpi, Words
from dashboard.domain.figure import FEW, Figure
from dashboard.queries import wording
from dashboard.queries.rules import rules_of

if TYPE_CHECKING:
    from dashboard.queries.board import Board

DETAILS: dict[str, Words] = {
    "open": Words("未到期", "open"),
    "unobservable": Words("无法判定", "unobservable"),
    "signal": Words("有信号", "with signal"),
    "pending": Words("待复测", "awaiting recheck"),
    "confirmed": Words("复测确认", "confirmed"),
    "transferred": Words("已转诊", "transferred"),
    "cleared": Words("已排除", "cleared"),
    "unresolved": Words("未复测", "never rechecked"),
    "green": Words("绿码", "green"),
    "yellow": Words("黄码", "yellow"),
    "red": Words("红码", "red"),
    "none": Words("无码", "none"),
    "must_pass": Words("绿码且体温正常的", "green and normal"),
    "issued": Words("签发", "issued"),
    "revoked": Words("收回", "revoked"),
    "stewards": Words("管家", "stewards"),
    "isolating": Words("隔离中", "isolating"),
    "without_evidence": Words("没有依据的", "without evidence"),
    "reached": Words("到这一步的密接", "contacts that came so far"),
    "contacts": Words("全部密接", "contacts"),
    "calls": Words("回访", "calls"),
    "shortfall": Words("还差", "short of"),
}
"""Counts that may stand beside a figure; the order is theirs in the figure."""

LEFT_OUT = ("open", "unobservable")

HEADS = {
    "definition": Words("定义", "Definition"),
    "numerator": Words("分子", "Numerator"),
    "denominator": Words("分母", "Denominator"),
    "left_out": Words("不计入", "Left out"),
    "beside": Words("其中", "Of which"),
    "source": Words("来源", "Source"),
    "rule": Words("规则", "Rule"),
    "apart": Words("人有重叠，不可相除", "Overlaps, never divided by"),
}


def value_text(figure: Figure, kpi: Kpi, lang: str) -> tuple[str, str]:
    """A figure's value as shown and its unit; a missing value is “—” without a unit."""
    value = figure.value
    if figure.suppressed:
        return wording.FEWER, kpi.measure.of(lang)
    if value is None:
        return wording.MISSING, ""
    sure = figure.qualifier
    if kpi.unit == "ratio":
        return wording.qualified(wording.decimal(value * 100, kpi.decimals), sure, lang), "%"
    unit = kpi.measure.of(lang)
    text = wording.count(value, lang) if kpi.unit == "count" else wording.decimal(value, kpi.decimals)
    return wording.qualified(text, sure, lang), wording.unit_for(text, unit)


def parts_text(figure: Figure, kpi: Kpi, board: Board, lang: str) -> str:
    """What stands in small print under a value: numerator and denominator, interval, or the counts beside it."""
    texts = []
    if kpi.unit == "ratio" and figure.denominator is not None:
        texts.append(f"{wording.count(figure.numerator or 0, lang)} / {wording.count(figure.denominator, lang)}")
    low, high = figure.detail.get("low"), figure.detail.get("high")
    if low is not None and high is not None:
        texts.append(f"95% {wording.decimal(low * 100, kpi.decimals)}–{wording.decimal(high * 100, kpi.decimals)}%")
    texts.extend(_beside(figure, lang))
    texts.extend(_places(figure, board, lang))
    return wording.join(texts, lang)


def _beside(figure: Figure, lang: str) -> list[str]:
    said = {key: figure.detail.get(key) for key in DETAILS}
    return [
        f"{DETAILS[key].of(lang)} {wording.FEWER if number == FEW else wording.count(number, lang)}"
        for key, number in said.items()
        if isinstance(number, int) or number == FEW
    ]


def _places(figure: Figure, board: Board, lang: str) -> list[str]:
    found = []
    for key in ("place", "checkpoint"):
        place = board.place(str(figure.detail.get(key, "")))
        if place is not None:
            found.append(place.name)
    if figure.detail.get("device"):
        found.append(wording.device(str(figure.detail["device"]), "" if figure.town == "all" else figure.town))
    return found


def explanation(figure: Figure, feed: Feed, kpi: Kpi, board: Board, lang: str) -> dict[str, Any]:
    """The help popover: rows in their fixed order, and the foot with the ``known_seq`` the figure includes."""
    rows: list[dict[str, Any]] = []

    def row(head: str, text: str, number: str = "") -> None:
        if text or number:
            rows.append({"head": HEADS[head].of(lang), "number": number, "text": text})

    row("definition", kpi.definition.of(lang))
    if kpi.numerator is not None:
        row("numerator", kpi.numerator.of(lang), _number(figure.numerator, lang))
    if kpi.denominator is not None:
        row("denominator", kpi.denominator.of(lang), _number(figure.denominator, lang))
    if kpi.left_out is not None:
        counts = [
            f"{DETAILS[key].of(lang)} {wording.count(figure.detail[key], lang)}"
            for key in LEFT_OUT
            if key in figure.detail
        ]
        row("left_out", kpi.left_out.of(lang), wording.join(counts, lang))
    else:
        row("beside", wording.join(_beside(figure, lang), lang))
    _, received = board.freshness(feed.name, figure.town)
    version = f"{'点位表' if lang != 'en' else 'places of'} {wording.day(board.pack.valid_from, lang)}"
    row("source", wording.join([feed.words.of(lang), version], lang))
    rows[-1]["aged"] = True
    row("rule", _rules(kpi, board, lang))
    if kpi.apart:
        names = [one.words.of(lang) for key in kpi.apart if (one := feed.kpi(key)) is not None]
        row("apart", wording.join(names, lang))
    return {
        "title": f"{kpi.words.of(lang)}怎么算" if lang != "en" else f"How “{kpi.words.en}” is counted",
        "rows": rows,
        "received": received,
        "seq": wording.count(board.seq, lang),
    }


def _rules(kpi: Kpi, board: Board, lang: str) -> str:
    """The declared words while nothing has been changed; what the region has set itself by its value and first day."""
    zh = lang != "en"
    rules = rules_of(board, kpi, lang)
    if kpi.rule is not None and not any(one.own for one in rules):
        since = wording.day(board.pack.since or board.pack.valid_from, lang)
        return kpi.rule.of(lang) + (f"；{since}起施行" if zh else f"; in force since {since}")
    texts = []
    for one in rules:
        text = f"{one.text} {one.value}"
        if one.since is not None:
            since = wording.day(one.since, lang)
            text += f"（{since}起）" if zh else f" (since {since})"
        if one.next_day is not None:
            later = wording.day(one.next_day, lang)
            text += f"，{later}起 {one.next_value}" if zh else f", from {later} {one.next_value}"
        texts.append(text)
    return ("；" if zh else "; ").join(texts)


def _number(value: float | int | None, lang: str) -> str:
    return wording.MISSING if value is None else wording.count(value, lang)
