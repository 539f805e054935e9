"""The page 巡逻: which visits were owed, made and missed, by town, beat and hour, where, and which place waits longest.

The parts are in ``dashboard.queries.patrols``; this module puts them together and gives the answer in the first line.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from dashboard.access.policy import Permission
from dashboard.domain.day import minute_of
from dashboard.domain.feed import Words
from dashboard.domain.figure import Figure, Freshness
from dashboard.feeds import KPIS
from dashboard.queries import desk, wording
from dashboard.queries.asked import Asked
from dashboard.queries.explain import value_text
from dashboard.queries.figures import ALL
from dashboard.queries.patrols.beats import matrix_of
from dashboard.queries.patrols.picture import FEED, FILTERS, LAPSED, MET, OPEN, UNSEEN, Picture, beat_text
from dashboard.queries.patrols.places import detail, gap_list, gaps_of, map_of, register_of
from dashboard.queries.patrols.tables import COMPARED, TITLES, tables
from dashboard.queries.rows import STATES
from dashboard.queries.view import View

if TYPE_CHECKING:
    from dashboard.queries.board import Board

SEARCH = Words("点位、巡段、组", "Places, beats, units")


def build(asked: Asked, scope: str) -> dict[str, Any]:
    """Everything the page draws."""
    board, lang = asked.board, asked.lang
    picture = Picture(asked)
    coverage = picture.figure("patrol_coverage")
    gaps = gaps_of(picture)
    return desk.document(
        asked,
        picture.narrowed,
        feed=FEED,
        headline=headline(picture, coverage),
        sub=_sub(asked),
        tables=[(name, words.of(lang)) for name, words in TITLES.items()],
        tiles=_tiles(picture, coverage),
        helps=_helps(picture, coverage),
        compare=desk.comparison(asked, figures(asked), desk.other_side(asked, figures), picture.dims)
        if asked.versus
        else None,
        search=SEARCH,
        title="巡逻" if lang != "en" else "Patrols",
        share=_share(picture, coverage),
        matrix=matrix_of(picture),
        map=map_of(picture, gaps),
        gaps=gap_list(picture, gaps),
        register=register_of(picture, gaps),
        words=_words(lang),
        empty=_empty(board, picture, lang),
    )


def figures(asked: Asked) -> list[Figure]:
    """The figures of one side of a comparison."""
    picture = Picture(asked)
    return [picture.figure(kpi) for kpi in COMPARED]


def _empty(board: Board, picture: Picture, lang: str) -> str:
    if picture.rows and not picture.narrowed.rows:
        return "没有符合筛选的巡逻义务" if lang != "en" else "No obligation passes the filters"
    return "" if picture.rows else ("今天没有巡逻义务" if lang != "en" else "Nothing is owed today")


def headline(picture: Picture, coverage: Figure) -> list[dict[str, str]]:
    """Closed and visited, lapsed, and where most of it is."""
    asked, zh = picture.asked, picture.asked.lang != "en"
    lang = asked.lang
    if asked.when.live and asked.board.freshness(FEED)[0] == Freshness.SILENT:
        return [{"text": "还没有收到巡逻记录" if zh else "No patrol record has come", "tone": "stale"}]
    closed, met = int(coverage.denominator or 0), int(coverage.numerator or 0)
    lapsed = closed - met
    waiting, unseen = int(coverage.detail.get("open", 0)), int(coverage.detail.get("unobservable", 0))
    if not closed:
        # Of towns that have not reported there is no figure, yet what they owe is known.
        states = Counter(row.state for row in picture.counted if picture.means(row.town))
        waiting, unseen = states[OPEN], states[UNSEEN]
        if not waiting and not unseen:
            return [{"text": "没有巡逻义务" if zh else "Nothing is owed", "tone": "plain"}]
        text = f"还没有到期的，{waiting} 处未到期" if zh else f"Nothing is due yet; {waiting} open"
        if not waiting:
            text = f"到期的 {unseen} 处都无法判定" if zh else f"All {unseen} closed ones are unobservable"
        return [{"text": text, "tone": "plain"}]
    c, m = wording.count(closed, lang), wording.count(met, lang)
    said = [{"text": f"应结 {c} 处已巡 {m} 处" if zh else f"{m} of {c} closed visits made", "tone": "plain"}]
    if not lapsed:
        said.append({"text": "没有漏巡" if zh else "none lapsed", "tone": "plain"})
        if unseen:
            said.append({"text": f"{unseen} 处无法判定" if zh else f"{unseen} unobservable", "tone": "watch"})
        return said
    n = wording.count(lapsed, lang)
    said.append({"text": f"漏巡 {n} 处" if zh else f"{n} lapsed", "tone": "alert"})
    where = _concentrated(picture, lapsed)
    if where:
        said.append({"text": where, "tone": "plain"})
    return said


def _concentrated(picture: Picture, lapsed: int) -> str:
    """The one or two towns (of one town: beats) that hold at least half of what lapsed."""
    board, lang = picture.asked.board, picture.asked.lang
    zh = lang != "en"
    one = picture.town != ALL
    counts: Counter[str] = Counter(
        (row.beat if one else row.town) for row in picture.counted if row.state == LAPSED and picture.means(row.town)
    )
    if len(counts) < 2:
        return ""
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:2]
    if sum(count for _, count in top) * 2 < lapsed:
        return ""
    if one:
        names = [beat_text(board, code, lang) for code, _ in top]
    else:
        names = [_short(board.pack.town_by_code[code].name) for code, _ in top]
    total = sum(count for _, count in top)
    joined = wording.listed(names, lang)
    if total == lapsed:
        return f"都在{joined}" if zh else f"all in {' and '.join(names)}"
    if zh:
        return f"{joined}两{'段' if one else '镇'}占 {total} 处"
    return f"{total} of them in {' and '.join(names)}"


def _short(name: str) -> str:
    for ending in ("街道", "镇", "乡"):
        if name.endswith(ending) and len(name) > len(ending) + 1:
            return name.removesuffix(ending)
    return name


def _sub(asked: Asked) -> list[str]:
    board, lang = asked.board, asked.lang
    if asked.when.kind == "span":
        return []
    texts = [wording.date_line(board.day, lang)]
    only = asked.one("shift")
    shift = next((one for one in board.pack.shifts if one.code == only), None)
    if shift is None and asked.when.live:
        shift = board.pack.shift_at(minute_of(board.now, board.zone))
    if shift is not None:
        name = shift.name if lang != "en" else shift.name_en or shift.name
        texts.append(f"{name} {_clock(shift.start)}–{_clock(shift.end)}")
    if asked.when.kind in ("now", "as_of"):
        texts.append(wording.as_of(board.now, board.zone, lang))
    return texts


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


WHOLE_TOWN = ("shift", "hour", "beat", "unit")
"""Filters that figures of a whole town's day do not follow."""


def _tiles(picture: Picture, coverage: Figure) -> list[dict[str, Any]]:
    asked, lang = picture.asked, picture.asked.lang
    zh = lang != "en"
    before = picture.before()
    dims = picture.dims

    def earlier(kpi: str) -> Figure | None:
        return before.figure(kpi) if before is not None else None

    units = picture.figure("units_on_duty")
    dark = sum(1 for track in picture.tracks.values() for unit in track.units if unit.on_duty and not unit.signal)
    unit_dims = {key: value for key, value in dims.items() if key in ("beat", "unit")}
    whole = _whole_town(asked)
    cells = picture.figure("cells_seen")
    tiles = [
        desk.tile(asked, coverage, earlier("patrol_coverage"), dims=dims),
        desk.tile(
            asked,
            units,
            dims=unit_dims,
            note=_signal_text(int(units.value or 0), dark, lang),
        )
        | ({"status": "watch"} if dark and asked.when.live else {}),
    ]
    for kpi in ("person_times", "distance_km"):
        ours = picture.figure(kpi)
        tiles.append(desk.tile(asked, ours, note=whole or _earlier_text(asked, kpi, earlier(kpi))))
    parts = f"{wording.count(cells.numerator or 0, lang)} / {wording.count(cells.denominator or 0, lang)}"
    tiles.append(desk.tile(asked, cells, note=whole or (f"{parts} 格" if zh else f"{parts} cells")))
    tiles.append(_completeness(picture, coverage))
    return tiles


def _signal_text(on_duty: int, dark: int, lang: str) -> str:
    if dark:
        return f"{dark} 组无信号" if lang != "en" else f"{dark} without signal"
    if not on_duty:
        return ""
    return "全部有信号" if lang != "en" else "all with signal"


def _whole_town(asked: Asked) -> str:
    standing = [
        filter_.words.of(asked.lang)
        for filter_ in asked.filters
        if filter_.key in WHOLE_TOWN and filter_.key in asked.chosen
    ]
    if not standing:
        return ""
    names = wording.listed(standing, asked.lang)
    return f"全镇，不随{names}" if asked.lang != "en" else "whole town, unfiltered"


def _earlier_text(asked: Asked, kpi: str, before: Figure | None) -> str:
    if before is None or before.value is None:
        return ""
    text, _ = value_text(before, KPIS[kpi][1], asked.lang)
    if asked.when.live:
        return f"昨日此时 {text}" if asked.lang != "en" else f"{text} same time yesterday"
    return f"前一日 {text}" if asked.lang != "en" else f"{text} the day before"


def _judgeable(coverage: Figure) -> tuple[int, int]:
    """(closed obligations that could be judged, all closed ones)."""
    closed = int(coverage.denominator or 0)
    return closed, closed + int(coverage.detail.get("unobservable", 0))


def _completeness(picture: Picture, coverage: Figure) -> dict[str, Any]:
    """Feed completeness beside coverage (DOMAIN §5): of the closed obligations, those that fixes allow to judge."""
    asked, zh = picture.asked, picture.asked.lang != "en"
    seen, closed = _judgeable(coverage)
    share = seen / closed if closed else None
    base = desk.tile(asked, coverage)
    return base | {
        "id": "completeness",
        "kpi": "",
        "dims": {},
        "label": "数据完整度" if zh else "Feed completeness",
        "value": wording.MISSING if share is None else wording.decimal(share * 100, 1),
        "unit": "" if share is None else "%",
        "raw": share,
        "delta": "",
        "missing": "",
        "state": "stale" if base["state"] == "stale" else "empty" if share is None else "normal",
        "status": "ok" if base["status"] not in ("stale", "silent") else base["status"],
        "note": (f"可判 {seen}/{closed}" if zh else f"{seen}/{closed} could be judged") if closed else "",
    }


def _share(picture: Picture, coverage: Figure) -> dict[str, Any]:
    """The equation, the day's progress and the bar of states."""
    lang, zh = picture.asked.lang, picture.asked.lang != "en"
    found = {state: picture.figure(f"obligations_{state}") for state in (MET, LAPSED, UNSEEN, OPEN)}
    states = {state: figure.value for state, figure in found.items()}
    total = int(sum(value or 0 for value in states.values()))
    done = int(states[MET] or 0)
    progress = f"{done}/{total} = {wording.percent(done / total)}" if total else wording.MISSING
    met, closed = int(coverage.numerator or 0), int(coverage.denominator or 0)
    return {
        "met": wording.count(met, lang),
        "lapsed": wording.count(closed - met, lang),
        "progress": f"当日进度 {progress}" if zh else f"progress {progress}",
        "total": total,
        "parts": [
            {
                "state": str(state),
                "label": STATES[state].of(lang),
                "count": value,
                "text": wording.MISSING if value is None else wording.count(value, lang),
                "kpi": f"obligations_{state}",
            }
            for state, value in states.items()
        ],
        "town": found[MET].town,
        "dims": picture.dims,
    }


def _helps(picture: Picture, coverage: Figure) -> dict[str, Any]:
    asked, zh = picture.asked, picture.asked.lang != "en"
    kpis = ("patrol_coverage", "units_on_duty", "person_times", "distance_km", "cells_seen", "longest_gap_hours")
    helps = {kpi: desk.help_for(asked, picture.figure(kpi), dims=_drill(picture)) for kpi in kpis}
    for kpi in ("person_times", "distance_km", "units_on_duty", "longest_gap_hours", "cells_seen"):
        # Positions, not obligations, stand behind these: how many only the records themselves can say.
        helps[kpi]["records"] = desk.records_link(asked, picture.figure(kpi), None, {})
    counted = int(coverage.denominator or 0)
    helps["patrol_coverage"]["records"] = desk.own_link(
        asked, counted, Words("处", "visits"), list="closed", state="", open=""
    )
    seen, closed = _judgeable(coverage)
    source = next(row for row in helps["patrol_coverage"]["rows"] if row.get("aged"))
    definition = (
        "到期的巡逻义务里，责任组的定位足以判定的占多少",
        "Of the obligations whose window has closed, the share that the beat's fixes allow to judge",
    )
    lines: list[tuple[tuple[str, str], str, tuple[str, str]]] = [
        (("定义", "Definition"), "", definition),
        (("分子", "Numerator"), wording.count(seen, asked.lang), ("已巡 + 漏巡", "met + lapsed")),
        (
            ("分母", "Denominator"),
            wording.count(closed, asked.lang),
            ("已巡 + 漏巡 + 无法判定", "met + lapsed + unobservable"),
        ),
    ]
    at = 0 if zh else 1
    helps["completeness"] = helps["patrol_coverage"] | {
        "title": "数据完整度怎么算" if zh else "How “Feed completeness” is counted",
        "rows": [*({"head": head[at], "number": number, "text": text[at]} for head, number, text in lines), source],
    }
    return helps


def _drill(picture: Picture) -> dict[str, str]:
    return {key: value for key, value in picture.dims.items() if key == "target"}


WORDS: dict[str, Words] = {
    "matrix": Words("巡段 × 时段", "Beats by hour"),
    "all": Words("全部", "All"),
    "fewer": Words("收起", "Fewer"),
    "locate": Words("定位", "Locate"),
}
KEYS = {
    "met": Words("按时巡完", "All met"),
    "lapsed": Words("有漏巡，已巡/应结", "Lapsed: met/closed"),
    "unobservable": Words("无法判定", "Unobservable"),
    "open": Words("未到期", "Open"),
}
MODES = {
    "": Words("状态", "State"),
    "heat": Words("漏巡热区", "Lapses"),
    "trails": Words("近 1 小时轨迹", "Last hour"),
}
SPOKEN = {
    "hour": Words("{name} {hour} 时", "{name} {hour}:00"),
    "closed": Words("应结 {n}", "{n} closed"),
    "met": Words("已巡 {n}", "{n} met"),
    "lapsed": Words("漏巡 {n}", "{n} lapsed"),
    "unobservable": Words("无法判定 {n}", "{n} unobservable"),
    "open": Words("未到期 {n}", "{n} open"),
    "none": Words("没有应巡", "nothing owed"),
}
LEGEND = {
    "unit": Words("巡逻组", "Units"),
    "dark": Words("无信号", "no signal"),
    "lapsed": Words("漏巡，编号同列表", "lapsed, numbered as in the list"),
}
HEADS = (
    Words("点位", "Place"),
    Words("上次到访", "Last visit"),
    Words("距今", "Since"),
    Words("判定", "State"),
    Words("责任组", "Unit"),
)
OWED_COLUMNS = (
    Words("点位", "Place"),
    Words("镇（街道）", "Town"),
    Words("巡段", "Beat"),
    Words("时间窗", "Window"),
    Words("第几次", "Visit"),
    Words("到访", "Visited"),
    Words("判定", "State"),
    Words("责任组", "Units"),
)
LISTS = {
    "places": Words("全部点位", "All places"),
    "owed": Words("巡逻义务", "Obligations"),
    "closed": Words("应结的巡逻义务", "Closed obligations"),
}
COLUMNS = (
    Words("点位", "Place"),
    Words("镇（街道）", "Town"),
    Words("巡段", "Beat"),
    Words("上次到访", "Last visit"),
    Words("距今", "Since"),
    Words("已巡/应巡", "Met/owed"),
    Words("判定", "State"),
    Words("责任组", "Unit"),
)


def _words(lang: str) -> dict[str, Any]:
    return {
        **{key: words.of(lang) for key, words in WORDS.items()},
        "keys": {key: words.of(lang) for key, words in KEYS.items()},
        "modes": [[key, words.of(lang)] for key, words in MODES.items()],
        "spoken": {key: words.of(lang) for key, words in SPOKEN.items()},
        "legend": {key: words.of(lang) for key, words in LEGEND.items()},
        "heads": [words.of(lang) for words in HEADS],
        "columns": [words.of(lang) for words in COLUMNS],
        "owed_columns": [words.of(lang) for words in OWED_COLUMNS],
        "lists": {key: words.of(lang) for key, words in LISTS.items()},
    }


VIEW = View(
    "patrols",
    build,
    # On the beat too: an obligation lapses, and yesterday becomes known, without any record.
    clock_only=True,
    filters=FILTERS,
    more=("list",),
    detail=detail,
    tables=tables,
    title=Words("巡逻", "Patrols"),
    open=True,
    needs=Permission.FIGURES,
)
